"""What the features of care are: contacts, cases, answers, on tables to check by hand.

Written as the tables of `test_features.py`; a row's time is its number in minutes after noon.
"""
# ruff: noqa: E501  (the line of a table is as long as its columns need)

import pytest

from retention.core.params import ServiceParams
from tests.features.test_features import check
from tests.support import engines, histories


def test_contacts_are_counted_by_topic_up_to_the_day_before() -> None:
    check(
        """
        customer | kind       |  day | topic             | cost
        anna     | contact    | -366 | complaint         | 9
        anna     | contact    | -365 | complaint         | 2
        anna     | contact    |  -91 | billing           |
        anna     | contact    |  -90 | billing           | 1.5
        anna     | contact    |  -31 | technical_request | 1
        anna     | contact    |  -30 |                   | 1
        anna     | contact    |    0 | complaint         | 1
        bert     | contact    |   -1 | question          |
        bert     | contact    |   -1 | information       |
        bert     | contact    |   -1 | suggestion        |
        bert     | contact    |   -2 | praise            |
        bert     | response   |   -1 | praise            | 4
        bert     | resolution |   -1 |                   | 0.25
        """,
        """
        customer | contacts_30d | contacts_90d | contacts_365d | complaints_90d | complaints_365d | billing_contacts_90d | billing_contacts_365d | technical_requests_90d | technical_requests_365d | service_cost_365d
        anna     | 1            | 3            | 5             | 0              | 1               | 1                    | 2                     | 1                      | 1                       | 5.5
        bert     | 4            | 4            | 4             | 0              | 0               | 0                    | 0                     | 0                      | 0                       | 4.25
        carl     | 0            | 0            | 0             | 0              | 0               | 0                    | 0                     | 0                      | 0                       | 0
        """,
    )


def test_contacts_of_other_topics_and_the_days_since_the_last() -> None:
    check(
        """
        customer | kind     |  day | topic
        anna     | contact  |  -40 | complaint
        anna     | contact  |  -30 | question
        bert     | contact  |   -1 | information
        bert     | contact  |   -1 | suggestion
        bert     | contact  |   -2 | praise
        bert     | response |   -1 | praise
        """,
        """
        customer | questions_365d | information_requests_365d | suggestions_365d | praise_365d | days_since_contact | days_since_complaint
        anna     | 1              | 0                         | 0                | 0           | 30                 | 40
        bert     | 0              | 1                         | 1                | 1           | 1                  |
        carl     | 0              | 0                         | 0                | 0           |                    |
        """,
    )


def test_channels_are_shares_of_the_contacts_whose_channel_is_known() -> None:
    check(
        """
        customer | kind    |  day | channel
        anna     | contact | -366 | phone
        anna     | contact | -365 | phone
        anna     | contact |   -9 | office
        anna     | contact |   -8 | store
        anna     | contact |   -7 | chat
        anna     | contact |   -6 |
        bert     | contact |   -6 |
        carl     | contact |   -6 | email
        carl     | contact |   -6 | pigeon
        """,
        """
        customer | phone_share_365d | email_share_365d | office_share_365d | online_share_365d | usual_channel | unusual_channel_share
        anna     | 0.25             | 0                | 0.5               | 0.25              | phone         | 0.75
        bert     |                  |                  |                   |                   |               |
        carl     | 0                | 0.5              | 0                 | 0                 | email         | 0.5
        dora     |                  |                  |                   |                   |               |
        """,
    )


def test_channels_change_within_a_case_and_never_between_cases() -> None:
    check(
        """
        customer | kind    |  day | channel | case
        anna     | contact | -370 | phone   | I
        anna     | contact | -365 | email   | I
        anna     | contact |   -9 | email   | I
        anna     | contact |   -8 | office  | II
        anna     | contact |   -7 |         | I
        anna     | contact |   -6 | phone   | I
        anna     | contact |   -5 | email   |
        anna     | contact |   -4 | phone   |
        """,
        """
        customer | channel_switches_365d
        anna     | 1
        bert     | 0
        """,
    )


def test_touches_that_come_back_within_a_week_or_a_month() -> None:
    check(
        """
        customer | kind    |  day | case | topic
        anna     | contact | -100 | I    | billing
        anna     | contact |  -93 | I    | complaint
        anna     | contact |  -85 | I    |
        anna     | contact |  -50 | I    | billing
        anna     | contact |  -43 |      | billing
        anna     | contact |  -43 |      |
        anna     | contact |  -12 | II   | billing
        """,
        """
        customer | case_repeats_week_90d | case_repeats_week_365d | case_repeats_month_365d | topic_repeats_week_90d | topic_repeats_week_365d | topic_repeats_month_365d
        anna     | 0                     | 1                      | 2                       | 1                      | 1                       | 1
        bert     | 0                     | 0                      | 0                       | 0                      | 0                       | 0
        """,
    )


def test_touches_are_set_against_purchases_at_the_rate_of_all_customers() -> None:
    """Anna, Bert and Carl together: 6 contacts for 6 orders or bills, so one each is normal."""
    check(
        """
        customer | kind     |  day | topic      | order
        anna     | purchase | -300 |            | A
        anna     | purchase | -300 |            | A
        anna     | purchase | -200 |            | B
        anna     | purchase | -200 |            | C
        anna     | purchase | -200 |            | D
        anna     | purchase | -366 |            | E
        anna     | invoice  |   -9 |            |
        anna     | contact  |  -30 |            |
        anna     | contact  | -366 |            |
        bert     | invoice  |  -30 |            |
        bert     | invoice  |  -30 | correction |
        bert     | contact  |  -30 |            |
        bert     | contact  |  -30 |            |
        bert     | contact  |  -30 |            |
        bert     | contact  |  -30 |            |
        bert     | contact  |  -30 |            |
        carl     | purchase |   -1 |            |
        dora     | contact  |   -1 |            |
        """,
        """
        customer | dealings_last_year | contacts_expected | touches_per_purchase | contacts_excess
        anna     | 4                  | 4                 | 0.25                 | -1.5
        bert     | 1                  | 1                 | 5                    | 4
        carl     | 1                  | 1                 | 0                    | -1
        dora     | 0                  |                   |                      |
        """,
    )


TICKETS = """
    customer | kind       |  day | case | topic     | resolved | minute
    anna     | contact    |  -50 | I    | complaint |          | 0
    anna     | response   |  -50 | I    |           |          | 30
    anna     | resolution |  -48 | I    |           | yes      | 0
    anna     | contact    |  -40 | II   | question  |          | 0
    anna     | response   |  -38 | II   |           |          | 0
    anna     | contact    |  -37 | II   | complaint |          | 0
    anna     | resolution |  -30 | II   |           | yes      | 0
    anna     | contact    |  -20 | III  | billing   |          | 0
    anna     | resolution |  -19 | III  |           | no       | 0
    anna     | contact    |  -10 | IV   | complaint |          | 0
    anna     | contact    |   -3 |      | question  |          | 0
    bert     | contact    |   -9 | V    |           |          | 0
    bert     | resolution |   -8 | V    |           |          | 0
    bert     | contact    |   -2 | V    |           |          | 0
    carl     | response   |   -2 | none |           |          | 0
    carl     | resolution |   -2 |      |           | no       | 0
"""


def test_resolution_an_end_is_an_answer_and_what_waits_is_late_once_it_is_due() -> None:
    """Anna waited 30 minutes, 48 hours and 24 hours; two more cases have no answer yet."""
    check(
        TICKETS,
        """
        customer | hours_to_answer_365d | longest_wait_365d | answered_in_time_90d | days_to_resolution_365d | ended_in_time_365d
        anna     | 24.166667            | 48                | 0.4                  | 13/3                    | 0.5
        bert     | 24                   | 24                | 1                    |                         | 0
        carl     |                      |                   |                      |                         |
        """,
    )


def test_resolution_open_cases_have_no_end_since_the_last_contact() -> None:
    check(
        TICKETS,
        """
        customer | cases_90d | cases_365d | contacts_per_case_365d | open_cases | oldest_open_case | open_complaints
        anna     | 5         | 5          | 1.2                    | 2          | 10               | 1
        bert     | 1         | 1          | 2                      | 1          | 9                | 0
        carl     | 0         | 0          |                        | 0          |                  | 0
        """,
    )


def test_solutions_count_what_was_solved_at_once_and_what_was_not() -> None:
    """Anna's case IV was due 5 days ago; Bert came back 2 days ago to one that was due before."""
    check(
        TICKETS,
        """
        customer | solved_once_90d | unsolved_cases_30d | unsolved_cases_365d | days_since_unsolved | reopened_90d | complaints_solved_once_365d | complaints_unsolved_365d
        anna     | 1/3             | 2                  | 2                   | 5                   | 0            | 1                           | 1
        bert     |                 | 1                  | 1                   | 2                   | 1            | 0                           | 0
        carl     |                 | 0                  | 0                   |                     | 0            | 0                           | 0
        """,
    )


def test_solutions_the_last_case_is_the_one_that_ended_last() -> None:
    check(
        """
        customer | kind       | day | case | resolved
        anna     | contact    | -20 | I    |
        anna     | contact    | -15 | II   |
        anna     | resolution | -14 | II   | yes
        anna     | contact    | -13 | I    |
        anna     | resolution |  -5 | I    | yes
        anna     | contact    |  -4 | III  |
        bert     | contact    |  -9 | IV   |
        bert     | resolution |  -9 | IV   |
        """,
        """
        customer | last_case_solved_once | last_case_days
        anna     | 0                     | 15
        bert     | 1                     | 0
        carl     |                       |
        """,
    )


def test_solutions_trouble_again_within_sixty_days_is_a_second_failure() -> None:
    check(
        """
        customer | kind       |  day | case | topic             | resolved
        anna     | contact    | -200 | I    | complaint         |
        anna     | resolution | -190 | I    |                   | yes
        anna     | contact    | -130 | II   | technical_request |
        anna     | resolution | -129 | II   |                   | no
        anna     | contact    | -128 | III  | billing           |
        anna     | contact    | -120 |      | question          |
        bert     | contact    | -100 | IV   | question          |
        bert     | resolution |  -99 | IV   |                   | yes
        bert     | contact    |  -98 | V    | complaint         |
        bert     | contact    |  -97 | VI   | complaint         |
        bert     | resolution |  -97 | V    |                   |
        bert     | contact    |  -97 | V    | complaint         |
        """,
        """
        customer | second_failures_365d
        anna     | 1
        bert     | 0
        """,
    )


def test_satisfaction_is_what_was_answered_of_the_service_and_of_the_person() -> None:
    check(
        """
        customer | kind   |  day | rating | topic  | resolved | minute
        anna     | survey | -400 | 1      |        | no       |
        anna     | survey | -100 | 0.5    |        | yes      |
        anna     | survey |  -90 | 0.25   | person |          |
        anna     | survey |  -90 | 0.75   | person |          |
        anna     | survey |  -50 |        |        | no       |
        anna     | survey |  -40 | 0.3    |        |          | 5
        anna     | survey |  -40 | 0.25   |        |          | 5
        bert     | survey |   -9 | 0.9    |        | yes      |
        bert     | survey |   -9 |        |        |          |
        """,
        """
        customer | rating_mean_365d | rating_lowest_365d | last_rating | days_since_rating | rating_trend | said_solved_365d | last_said_solved | person_mean_365d | person_lowest_365d | person_low_365d
        anna     | 0.35             | 0.25               | 0.25        | 40                | -0.35        | 0.5              | 0                | 0.5              | 0.25               | 1
        bert     | 0.9              | 0.9                | 0.9         | 9                 |              | 1                | 1                |                  |                    | 0
        carl     |                  |                    |             |                   |              |                  |                  |                  |                    | 0
        """,
    )


def test_satisfaction_a_question_is_unanswered_when_none_follows_on_its_case() -> None:
    """Of Anna's three questions that had their fortnight, the one on case II was answered."""
    check(
        """
        customer | kind   |  day | case | rating | topic  | cause
        anna     | survey | -100 | I    |        |        |
        anna     | survey |  -99 | II   |        |        |
        anna     | survey |  -90 | II   |        | person |
        anna     | survey |  -15 | I    |        |        |
        anna     | survey |  -14 | I    |        |        |
        bert     | survey | -200 |      |        |        |
        bert     | survey | -180 |      |        |        |
        bert     | survey | -179 |      |        |        | late
        carl     | survey |  -14 |      |        |        |
        """,
        """
        customer | unanswered_180d | unanswered_365d
        anna     | 2/3             | 2/3
        bert     | 0               | 0.5
        carl     |                 |
        """,
    )


def test_satisfaction_causes_are_those_of_answers_and_treatment_those_of_ends_too() -> None:
    check(
        """
        customer | kind       |  day | cause          | rating | minute
        anna     | survey     | -365 | treated_badly  | 0      |
        anna     | survey     |  -90 | late           |        | 3
        anna     | survey     |  -90 | impersonal     | 0      | 3
        anna     | survey     |  -20 |                | 1      |
        anna     | resolution |   -9 | unprofessional |        |
        anna     | resolution |   -9 | late           |        |
        anna     | contact    |   -9 | impersonal     |        |
        bert     | resolution |   -9 | treated_badly  |        |
        """,
        """
        customer | dissatisfied_90d | dissatisfied_365d | last_dissatisfaction | treated_badly_365d
        anna     | 2                | 3                 | impersonal           | 3
        bert     | 0                | 0                 |                      | 1
        carl     | 0                | 0                 |                      | 0
        """,
    )


def test_ends_are_unknown_to_a_company_that_tells_of_contacts_alone() -> None:
    check(
        """
        customer | kind    |  day | case
        anna     | contact | -400 | I
        anna     | contact |   -9 | I
        """,
        """
        customer | cases_365d | contacts_365d | open_cases | unsolved_cases_30d | answered_in_time_90d | last_rating | dissatisfied_90d
        anna     | 0          | 1             |            |                    |                      |             |
        """,
        since=None,
    )


@pytest.mark.parametrize(
    ("hours", "days", "answered", "ended"), [(24, 5, 0.5, 0.5), (48, 8, 1.0, 1.0), (1, 0, 0.0, 0.0)]
)
def test_the_service_level_is_the_companys_own(
    hours: float, days: int, answered: float, ended: float
) -> None:
    told = histories.events("""
        customer | kind       | day | case | minute
        anna     | contact    | -50 | I    | 0
        anna     | response   | -49 | I    | 0
        anna     | resolution | -48 | I    | 0
        anna     | contact    | -40 | II   | 0
        anna     | response   | -38 | II   | 0
        anna     | resolution | -32 | II   | 0
    """)
    names = ["answered_in_time_90d", "ended_in_time_365d"]
    wanted = [one for one in engines.declared() if one.name in names]
    found = engines.features_of(
        [*told, *histories.told_since()], [], ["anna"], wanted=wanted,
        levels=ServiceParams(answer_hours=hours, resolution_days=days),
    )  # fmt: skip
    assert found.select(names).to_pylist() == [dict(zip(names, [answered, ended], strict=True))]
