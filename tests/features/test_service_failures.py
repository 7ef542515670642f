"""Promises, bills, payments, the portal, failures and contracts, on tables small enough to check.

First the rows of the grains that these themes read, then one table a theme.
"""
# ruff: noqa: E501  (the line of a table is as long as its columns need)

from typing import Any

from features.engine import service_grains
from features.engine.base import Grain, Past
from features.engine.table import customer_attributes
from retention.core import point_in_time
from tests.features.test_features import check, typed
from tests.support import engines, histories


def rows_are(grain: Grain, events: str, expected: str) -> None:
    """Compare the rows of a grain, in the columns of a table of them, in any order."""
    duck, day = engines.duck(), histories.SNAPSHOT
    frame = engines.frame(histories.events(events))
    people = duck.load(histories.people_table([]))
    past = Past(
        point_in_time.as_known_at(frame, day), customer_attributes(people, day), day, duck.materialize
    )
    wanted = histories.rows(expected)
    found = engines.collected(past[grain].select(*wanted[0]))
    duck.release()
    plain = [{name: plainly(value) for name, value in row.items()} for row in found]
    told = [{name: typed(cell) for name, cell in row.items()} for row in wanted]
    assert sorted(plain, key=repr) == sorted(told, key=repr)


def plainly(value: Any) -> Any:
    return round(float(value), 6) if isinstance(value, (int, float)) else value


# --- the rows of the grains


def test_promises_are_kept_broken_awaited_or_not_yet_due() -> None:
    rows_are(
        service_grains.promises,
        """
        customer | kind     | day | order  | promised | known
        anna     | purchase | -30 | early  |      -20 |
        anna     | delivery | -22 | early  |          |
        anna     | purchase | -30 | onday  |      -20 |
        anna     | delivery | -20 | onday  |          |
        anna     | purchase | -30 | late   |      -20 |
        anna     | delivery | -17 | late   |          |
        anna     | delivery | -10 | late   |          |
        anna     | purchase | -30 | never  |      -20 |
        anna     | purchase | -30 | unseen |      -20 |
        anna     | delivery | -20 | unseen |          |     0
        anna     | purchase |  -5 | today  |        0 |
        anna     | purchase |  -5 | soon   |        3 |
        anna     | purchase |  -5 | before |        3 |
        anna     | delivery |  -2 | before |          |
        anna     | purchase |  -5 | none   |          |
        anna     | purchase |  -5 |        |       -2 |
        anna     | delivery |  -5 | other  |          |
        anna     | delivery |  -5 |        |          |
        bert     | delivery | -20 | never  |          |
        """,
        """
        order_id | due_age | delivered_age | days_late | due | late | awaited | wrong
        early    | 20      | 22            | -2        | 1   | 0    | 0       | 0
        onday    | 20      | 20            | 0         | 1   | 0    | 0       | 0
        late     | 20      | 17            | 3         | 1   | 1    | 0       | 0
        never    | 20      |               | 20        | 1   | 1    | 1       | 0
        unseen   | 20      |               | 20        | 1   | 1    | 1       | 0
        today    | 0       |               |           | 0   |      |         | 0
        soon     | -3      |               |           | 0   |      |         | 0
        before   | -3      | 2             | -5        | 1   | 0    | 0       | 0
        """,
    )


def test_promises_an_order_is_one_row_in_its_newest_version_with_its_latest_promise() -> None:
    rows_are(
        service_grains.promises,
        """
        customer | event | kind     | day | order | promised | amount | quoted | known
        anna     | 1     | purchase | -30 | A     |      -20 |     12 |     10 |
        anna     | 2     | purchase | -29 | A     |      -18 |      8 |     10 |
        anna     | 3     | purchase | -29 | A     |          |      8 |        |
        anna     | 4     | purchase | -30 | B     |      -20 |     10 |     10 |   -30
        anna     | 4     | purchase | -30 | B     |      -15 |     15 |     10 |   -25
        anna     | 4     | purchase | -30 | B     |       50 |     99 |     10 |     0
        anna     | 5     | purchase | -30 | C     |       -5 |     15 |        |
        bert     | 6     | delivery | -40 | Z     |          |        |        |
        """,
        """
        order_id | age | due_age | over_units | amount_units | quoted
        A        | 30  | 18      | 20000      | 280000       | 1
        B        | 30  | 15      | 50000      | 150000       | 1
        C        | 30  | 5       | 0          | 150000       | 0
        """,
    )


def test_promises_for_days_before_deliveries_were_told_of_are_not_judged() -> None:
    rows_are(
        service_grains.promises,
        """
        customer | kind     | day | order | promised | source
        anna     | purchase | -90 | A     |      -81 | shop
        anna     | purchase | -90 | B     |      -80 | shop
        bert     | delivery | -80 | Z     |          | carrier
        """,
        """
        order_id | due_age | late
        B        | 80      | 1
        """,
    )
    check(
        """
        customer | kind     |  day | order | promised | source
        anna     | purchase |  -90 | A     |      -20 | shop
        anna     | payment  | -400 | B     |          | bank
        """,
        """
        customer | failures_90d | silent_failures_90d | awaited_orders
        anna     | 0            |                     |
        """,
        since=None,
    )


def test_promises_what_was_faulty_or_sent_back_had_come_and_was_wrong_from_that_day_on() -> None:
    rows_are(
        service_grains.promises,
        """
        customer | kind     | day | order   | promised | cause
        anna     | purchase | -30 | later   |      -20 |
        anna     | delivery | -25 | later   |          |
        anna     | delivery |  -4 | later   |          | poor_result
        anna     | return   |  -3 | later   |          |
        anna     | purchase | -30 | back    |      -20 |
        anna     | return   | -21 | back    |          |
        anna     | purchase | -30 | found   |      -20 |
        anna     | delivery | -15 | found   |          | poor_result
        anna     | delivery |  -9 | unknown |          | poor_result
        """,
        """
        order_id | delivered_age | fault_age | days_late | awaited | wrong
        later    | 25            | 4         | -5        | 0       | 1
        back     | 21            | 21        | -1        | 0       | 1
        found    | 15            | 15        | 5         | 0       | 1
        """,
    )


def test_bills_rise_against_the_bill_before_on_the_same_contract() -> None:
    rows_are(
        service_grains.bills,
        """
        customer | event | kind    | day | contract | topic      | amount | quoted
        anna     | a     | invoice | -90 | gas      |            |     20 |     20
        anna     | b     | invoice | -60 | gas      |            |   20.2 |   20.2
        anna     | c     | invoice | -60 | power    |            |     50 |     40
        anna     | d     | invoice | -45 | gas      | correction |     -5 |     10
        anna     | e     | invoice | -30 | gas      |            |     25 |  22.22
        anna     | f     | invoice | -20 | gas      |            |     30 |
        anna     | g     | invoice | -10 | gas      |            |     30 |     33
        anna     | h     | invoice | -10 |          |            |     30 |      5
        anna     | i     | invoice |  -9 |          |            |        |     50
        bert     | j     | invoice | -50 | gas      |            |     10 |      0
        bert     | k     | invoice | -50 | gas      |            |     10 |     10
        """,
        """
        event_id | over_units | agreed_units | rise | rise_units
        a        | 0          | 200000       |      |
        b        | 0          | 202000       | 0.01 | 2000
        c        | 100000     | 400000       |      |
        e        | 27800      | 222200       | 0.1  | 20200
        f        | 0          |              |      |
        g        | 0          | 330000       |      |
        h        | 250000     | 50000        |      |
        i        | 0          | 500000       |      |
        j        | 100000     | 0            |      |
        k        | 0          | 100000       |      |
        """,
    )


def test_payments_and_visits_say_what_failed() -> None:
    rows_are(
        service_grains.payments,
        """
        customer | event | kind    | day | topic   | promised
        anna     | a     | payment |  -9 | paid    |       -9
        anna     | b     | payment |  -9 |         |      -11
        anna     | c     | payment |  -9 | refused |       -5
        anna     | d     | payment |  -9 |         |
        """,
        """
        event_id | refused | days_late
        a        | 0       | 0
        b        | 0       | 2
        c        | 1       | -4
        d        | 0       |
        """,
    )
    rows_are(
        service_grains.visits,
        """
        customer | kind  | day | topic | resolved
        anna     | visit |  -1 | pay   | yes
        anna     | visit |  -2 | pay   | no
        anna     | visit |  -3 |       |
        """,
        """
        age | topic | failed
        1   | pay   | 0
        2   | pay   | 1
        3   |       | 0
        """,
    )


def test_failures_show_on_the_day_on_which_one_could_see_them() -> None:
    rows_are(
        service_grains.failures,
        """
        customer | kind     | day | order | promised | cause       | amount | quoted | topic   | contract
        anna     | purchase | -40 | A     |      -30 |             |     12 |     10 |         |
        anna     | delivery | -25 | A     |          |             |        |        |         |
        anna     | delivery |  -8 | A     |          | poor_result |        |        |         |
        anna     | invoice  | -60 | I     |          |             |     10 |     10 |         | gas
        anna     | invoice  | -30 | J     |          |             |     13 |     12 |         | gas
        anna     | payment  | -20 | J     |      -15 |             |        |        | refused |
        """,
        """
        order_id | cause                | age | complaint_gap | silent
        A        | overcharged          | 40  |               | 1
        A        | late                 | 30  |               | 1
        A        | not_right_first_time | 8   |               | 1
        J        | overcharged          | 30  |               | 1
        J        | price_rise           | 30  |               | 1
        J        | payment_failed       | 20  |               | 1
        """,
    )


def test_failures_are_silent_until_somebody_complains_of_that_order() -> None:
    rows_are(
        service_grains.failures,
        """
        customer | kind     | day | order | promised | topic     | cause
        anna     | purchase | -40 | A     |      -30 |           |
        anna     | contact  | -35 | A     |          | question  |
        anna     | contact  | -26 | A     |          | complaint |
        anna     | contact  | -20 | A     |          | billing   |
        anna     | contact  | -20 |       |          | complaint |
        anna     | delivery |  -9 | A     |          |           | broken
        anna     | purchase | -40 | B     |      -30 |           |
        bert     | contact  | -20 | B     |          | complaint |
        """,
        """
        order_id | cause                | age | complaint_gap | silent
        A        | late                 | 30  | 4             | 0
        A        | not_right_first_time | 9   | 0             | 0
        B        | late                 | 30  |               | 1
        """,
    )


def test_failures_that_a_case_told_of_count_once_with_what_the_order_shows() -> None:
    rows_are(
        service_grains.failures,
        """
        customer | kind       | day | order | promised | topic     | cause          | case | resolved
        anna     | purchase   | -40 | A     |      -30 |           |                |      |
        anna     | delivery   | -20 | A     |          |           |                |      |
        anna     | contact    | -25 | A     |          | complaint |                | 1    |
        anna     | resolution | -23 |       |          |           | late           | 1    | yes
        anna     | contact    | -19 | A     |          | complaint |                | 2    |
        anna     | resolution | -18 |       |          |           | unprofessional | 2    | no
        anna     | contact    | -17 |       |          | question  |                | 3    |
        anna     | resolution | -16 |       |          |           |                | 3    | no
        anna     | contact    | -15 |       |          | question  |                | 4    |
        anna     | resolution | -14 |       |          |           |                | 4    | yes
        anna     | contact    | -13 |       |          | question  |                | 5    |
        anna     | resolution | -12 |       |          |           | late           | 5    | no
        anna     | contact    | -11 |       |          | question  |                | 5    |
        anna     | contact    | -10 |       |          | question  |                | 6    |
        anna     | resolution |  -9 |       |          |           | late           | 6    |
        """,
        """
        order_id | cause          | age | complaint_gap | silent
        A        | late           | 30  | 5             | 0
        A        | unprofessional | 18  |               | 0
                 | not_addressed  | 16  |               | 0
                 | late           | 12  |               | 0
                 | late           | 9   |               | 0
        """,
    )


def test_a_case_beyond_its_service_level_is_a_concern_not_addressed_since_it_was_due() -> None:
    rows_are(
        service_grains.failures,
        """
        customer | kind       | day | order | promised | topic     | cause         | case | resolved
        anna     | contact    | -60 |       |          | question  |               | 1    |
        anna     | resolution | -50 |       |          |           |               | 1    | yes
        anna     | contact    | -40 |       |          | question  |               | 2    |
        anna     | contact    | -30 |       |          | question  |               | 3    |
        anna     | resolution | -20 |       |          |           | not_addressed | 3    | no
        anna     | contact    |  -5 |       |          | question  |               | 4    |
        anna     | purchase   | -40 | A     |      -30 |           |               |      |
        anna     | delivery   | -20 | A     |          |           |               |      |
        anna     | contact    | -25 | A     |          | complaint |               | 5    |
        """,
        """
        order_id | cause         | age | complaint_gap | silent
        A        | late          | 30  | 5             | 0
                 | not_addressed | 55  |               | 0
                 | not_addressed | 35  |               | 0
                 | not_addressed | 25  |               | 0
        """,
    )


# --- one small table a theme


def test_promises_are_counted_by_the_day_on_which_they_were_due() -> None:
    check(
        """
        customer | kind     |  day | order | promised | amount | quoted | cause
        anna     | purchase | -400 | A     |      -90 |     12 |     10 |
        anna     | delivery |  -85 | A     |          |        |        |
        anna     | purchase | -100 | B     |      -31 |     11 |     10 |
        anna     | delivery |  -31 | B     |          |        |        |
        anna     | purchase |  -99 | C     |      -30 |     10 |        |
        anna     | purchase |  -99 | D     |       -1 |     10 |     11 |
        anna     | purchase |  -99 | E     |        0 |     10 |     10 |
        bert     | purchase |   -9 | A     |        5 |     10 |     10 |
        carl     | purchase |   -9 | A     |          |     10 |     10 |
        """,
        """
        customer | orders_due_30d | orders_due_90d | late_orders_90d | on_time_rate_90d | mean_days_late_365d | most_days_late_365d | days_since_late | awaited_orders | awaited_days
        anna     | 2              | 4              | 3               | 0.25             | 12                  | 30                  | 1               | 2              | 30
        bert     | 0              | 0              | 0               |                  |                     |                     |                 | 0              |
        carl     | 0              | 0              | 0               |                  |                     |                     |                 | 0              |
        """,
    )


def test_promises_money_counts_from_the_order_and_faults_from_the_day_they_showed() -> None:
    check(
        """
        customer | kind     |  day | order | promised | amount | quoted | cause
        anna     | purchase | -366 | A     |     -360 |     12 |     10 |
        anna     | purchase | -365 | B     |     -360 |   11.5 |     10 |
        anna     | purchase | -100 | C     |      -99 |      9 |     10 |
        anna     | purchase | -100 | D     |      -99 |     10 |     10 |
        anna     | delivery |  -91 | B     |          |        |        | broken
        anna     | return   |  -30 | A     |          |        |        |
        anna     | return   |  -31 | C     |          |        |        |
        anna     | return   |   -3 | C     |          |        |        |
        bert     | return   |   -3 | X     |          |        |        |
        """,
        """
        customer | over_quote_365d | over_quote_share_365d | wrong_orders_30d | wrong_orders_90d | wrong_orders_365d | days_since_wrong | wrong_rate_365d
        anna     | 1.5             | 1/3                   | 1                | 2                | 3                 | 30               | 0.75
        bert     | 0               |                       | 0                | 0                | 0                 |                  |
        """,
    )


def test_billing_tells_of_overcharges_and_of_their_corrections() -> None:
    check(
        """
        customer | kind    |  day | contract | amount | quoted | topic
        anna     | invoice | -365 | gas      |     21 |     20 |
        anna     | invoice |  -91 | gas      |     20 |     20 |
        anna     | invoice |  -90 | gas      |     25 |     20 |
        anna     | invoice |  -90 | power    |     23 |     20 |
        anna     | invoice |  -80 | gas      |     -5 |        | correction
        anna     | contact |  -85 |          |        |        | billing
        anna     | contact |  -84 |          |        |        | complaint
        bert     | invoice |   -9 |          |      5 |      0 |
        carl     | invoice |   -9 |          |      5 |        |
        """,
        """
        customer | overcharges_90d | overcharges_365d | overcharged_money_365d | last_overcharge | days_since_overcharge | corrections_365d
        anna     | 2               | 3                | 9                      | 0.25            | 90                    | 1
        bert     | 1               | 1                | 5                      |                 | 9                     | 0
        carl     | 0               | 0                | 0                      |                 |                       | 0
        """,
    )


def test_billing_rises_are_more_than_a_percent_of_the_agreed_price() -> None:
    check(
        """
        customer | kind    |  day | contract | amount | quoted
        anna     | invoice | -400 | gas      |     10 |     10
        anna     | invoice | -366 | gas      |     20 |     20
        anna     | invoice |  -99 | gas      |     20 |     25
        anna     | invoice |  -66 | gas      |     20 |  25.25
        anna     | invoice |  -50 | gas      |     20 |     20
        anna     | invoice |  -33 | gas      |     20 |     22
        bert     | invoice |  -99 | gas      |     20 |     20
        bert     | invoice |  -66 | power    |     40 |     40
        """,
        """
        customer | last_rise | days_since_rise | risen_365d
        anna     | 0.1       | 33              | 7
        bert     |           |                 | 0
        """,
    )


def test_billing_compares_the_last_bill_with_those_of_the_year() -> None:
    check(
        """
        customer | kind    |  day | contract | amount | topic
        anna     | invoice | -366 | gas      |    900 |
        anna     | invoice | -365 | gas      |     10 |
        anna     | invoice |  -90 | gas      |     20 |
        anna     | invoice |   -9 | gas      |     30 |
        anna     | invoice |   -9 | power    |     20 |
        anna     | invoice |   -5 | gas      |        |
        anna     | invoice |   -4 | gas      |    -50 | correction
        bert     | invoice | -366 | gas      |    900 |
        """,
        """
        customer | mean_bill_90d | bill_change
        anna     | 70/3          | 1.25
        bert     |               |
        """,
    )


def test_billing_payments_are_late_or_refused_but_not_both() -> None:
    check(
        """
        customer | kind    | day | promised | topic
        anna     | payment | -91 |      -92 | paid
        anna     | payment | -90 |      -93 | paid
        anna     | payment | -60 |      -55 |
        anna     | payment | -31 |      -40 | refused
        anna     | payment | -30 |      -40 | refused
        anna     | payment | -20 |          | paid
        bert     | payment | -20 |          | paid
        """,
        """
        customer | late_payments_90d | late_payments_365d | payment_delay_365d | refused_payments_30d | refused_payments_90d | days_since_refused
        anna     | 1                 | 2                  | -1/3               | 1                    | 2                    | 30
        bert     | 0                 | 0                  |                    | 0                    | 0                    |
        """,
    )


def test_portal_is_used_less_than_before_and_its_tasks_fail() -> None:
    check(
        """
        customer | kind  |  day | resolved
        anna     | visit |  -30 | no
        anna     | visit |  -31 | yes
        anna     | visit |  -90 | no
        anna     | visit | -210 |
        anna     | visit | -211 | no
        bert     | visit |   -2 |
        """,
        """
        customer | visits_30d | visits_90d | visits_to_usual | days_since_visit | failed_tasks_30d | failed_tasks_90d | failed_tasks_share_90d
        anna     | 1          | 3          | 2               | 30               | 1                | 2                | 2/3
        bert     | 1          | 1          |                 | 2                | 0                | 0                | 0
        carl     | 0          | 0          |                 |                  | 0                | 0                |
        """,
    )


def test_journey_counts_what_went_wrong_and_forgets_half_of_it_in_seventy_days() -> None:
    check(
        """
        customer | kind       |  day | order | topic     | case | resolved | cause
        anna     | payment    | -140 | A     | refused   |      |          |
        anna     | payment    |  -70 | B     | refused   |      |          |
        anna     | contact    |  -63 | B     | complaint |      |          |
        anna     | contact    |  -31 |       | question  | 1    |          |
        anna     | resolution |  -30 |       |           | 1    | no       | impersonal
        bert     | contact    |   -5 |       | question  | 1    |          |
        """,
        """
        customer | failures_30d | failures_90d | failures_365d | failure_weight | silent_failures_90d | silent_failures_365d | complaint_lag_365d | failure_causes_365d
        anna     | 1            | 2            | 3             | 1.492997       | 0                   | 1                    | 7                  | 2
        bert     | 0            | 0            | 0             | 0              | 0                   | 0                    |                    | 0
        """,
    )


def test_journey_the_first_cause_is_the_first_of_the_last_180_days() -> None:
    check(
        """
        customer | kind       |  day | topic    | case | cause
        anna     | payment    | -181 | refused  |      |
        anna     | contact    | -190 | question | 1    |
        anna     | resolution | -180 |          | 1    | rain
        anna     | contact    | -190 | question | 2    |
        anna     | resolution | -180 |          | 2    | snow
        anna     | payment    |   -9 | refused  |      |
        bert     | payment    | -181 | refused  |      |
        """,
        """
        customer | first_cause
        anna     | rain
        bert     |
        """,
    )


def test_journey_trouble_at_the_beginning_is_that_of_the_first_sixty_days() -> None:
    check(
        """
        customer | kind     |  day | contract | topic
        anna     | purchase | -300 |          |
        anna     | start    | -200 | gas      |
        anna     | cancel   | -150 | gas      |
        anna     | start    | -100 | power    |
        anna     | payment  | -201 |          | refused
        anna     | payment  | -200 |          | refused
        anna     | payment  | -141 |          | refused
        anna     | payment  | -140 |          | refused
        bert     | purchase | -100 |          |
        bert     | payment  |  -90 |          | refused
        carl     | payment  |  -90 |          | refused
        """,
        """
        customer | onboarding_failures
        anna     | 2
        bert     | 1
        carl     | 0
        dora     | 0
        """,
    )


def test_journey_stages_follow_the_age_of_the_contract_or_of_the_first_purchase() -> None:
    check(
        """
        customer | kind     |  day | contract
        d1       | start    |   -1 | gas
        d1       | purchase | -900 |
        d30      | start    |  -30 | gas
        d31      | start    |  -31 | gas
        d90      | start    |  -90 | gas
        d91      | start    |  -91 | gas
        d334     | start    | -334 | gas
        d335     | start    | -335 | gas
        d365     | purchase | -365 |
        d395     | start    | -395 | gas
        d396     | start    | -396 | gas
        d700     | start    | -700 | gas
        d761     | start    | -761 | gas
        ended    | start    | -300 | gas
        ended    | cancel   | -200 | gas
        ended    | purchase |  -60 |
        neither  | visit    |   -9 |
        """,
        """
        customer | journey_stage
        d1       | 0
        d30      | 0
        d31      | 1
        d90      | 1
        d91      | 2
        d334     | 2
        d335     | 3
        d365     | 3
        d395     | 3
        d396     | 2
        d700     | 3
        d761     | 2
        ended    | 1
        neither  |
        """,
    )


def test_advocacy_stops_when_nobody_was_referred_for_half_a_year() -> None:
    check(
        """
        customer | kind     |  day
        anna     | referral | -181
        bert     | referral | -181
        bert     | referral | -180
        carl     | referral | -545
        dora     | referral | -546
        eric     | referral |  -90
        """,
        """
        customer | referrals_90d | referrals_365d | days_since_referral | referrals_stopped
        anna     | 0             | 1              | 181                 | 1
        bert     | 0             | 2              | 180                 | 0
        carl     | 0             | 0              | 545                 | 1
        dora     | 0             | 0              | 546                 | 0
        eric     | 1             | 1              | 90                  | 0
        finn     | 0             | 0              |                     | 0
        """,
    )


def test_contracts_live_until_they_are_cancelled_and_have_anniversaries() -> None:
    check(
        """
        customer | kind   |  day | contract | topic   | known
        anna     | start  | -400 | gas      | basic   |
        anna     | start  | -100 | power    | premium |
        bert     | start  | -400 | gas      | basic   |
        bert     | cancel |   -9 | gas      |         |
        carl     | start  | -400 | gas      | basic   |
        carl     | cancel |   -9 | gas      |         |     0
        dora     | start  | -365 | gas      | basic   |
        dora     | cancel | -200 | gas      |         |
        dora     | start  |  -10 | gas      | best    |
        dora     | start  | -365 | power    | premium |
        eric     | start  |  -10 |          | basic   |
        """,
        """
        customer | contract_age | days_to_renewal | live_contracts | plan
        anna     | 400          | 265             | 2              | basic
        bert     |              |                 | 0              |
        carl     | 400          | 330             | 1              | basic
        dora     | 365          | 0               | 2              | best
        eric     |              |                 | 0              |
        """,
    )


def test_contracts_under_notice_are_live_ones_whose_end_is_ahead() -> None:
    check(
        """
        customer | kind   |  day | contract | effective | known
        anna     | start  | -400 | gas      |           |
        anna     | start  | -400 | power    |           |
        anna     | notice |  -20 | gas      |        10 |
        anna     | notice |  -20 | power    |         0 |
        bert     | start  | -400 | gas      |           |
        bert     | notice |  -20 | gas      |        -1 |
        carl     | start  | -400 | gas      |           |
        carl     | notice |  -20 | gas      |        10 |     0
        dora     | start  | -400 | gas      |           |
        dora     | notice |  -20 | power    |        10 |
        dora     | notice |  -20 | gas      |           |
        """,
        """
        customer | notice_given | days_to_end
        anna     | 1            | 0
        bert     | 0            |
        carl     | 0            |
        dora     | 0            |
        """,
    )


def test_what_nobody_tells_of_is_null_and_not_0() -> None:
    check(
        "customer | kind | day | contract\nanna | start | -900 | gas",
        """
        customer | live_contracts | notice_given | failures_30d | orders_due_30d | overcharges_90d | refused_payments_30d | visits_30d | referrals_90d
        anna     | 1              |              |              |                |                 |                      |            |
        """,
        since=None,
    )
