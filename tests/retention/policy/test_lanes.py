"""Which lane a customer is in, and which rule stands before which."""

import pytest

from retention.core.errors import BadInput
from retention.core.params import Policy
from retention.policy import lanes
from retention.policy.lanes import NOBODY_SUPPRESSED, SuppressionList
from tests.support.policies import customer_rows, input_frames, policy

POLICY = policy(
    recent_days=30,
    min_tenure_days=60,
    fix={"billing_days": 60, "promise_days": 40},
    cooling_days=7,
    min_churn_probability=0.1,
    sleeping_days=120,
    effort={"contacts": 12, "cost_share": 0.5},
)


def lanes_are(
    text: str, policy_params: Policy = POLICY, erased: frozenset[str] = frozenset()
) -> None:
    """The last column, lane, is what the others lead to; `-` is a candidate for contact."""
    rows = customer_rows(text.replace("| lane", "| owner"))  # a column of text
    assigned = lanes.assign_lanes(
        lanes.join_inputs(*input_frames(rows), SuppressionList(erased=frozenset(erased))),
        policy_params,
    )
    lane_of = (assigned["lane"] + "/" + assigned["why"]).replace("/", "-").to_dict()
    assert lane_of == {row["customer_id"]: row["owner"] for row in rows}


def test_before_anything_else_who_may_not_be_contacted() -> None:
    lanes_are(
        """
        customer | do_not_contact | last_outreach_days | tenure_days | lane
        plain    | no             |                    |         900 | -
        objects  | yes            |                 12 |          10 | excluded/opted_out
        unsaid   |                |                    |         900 | -
        today    | no             |                  0 |         900 | excluded/contacted_recently
        recent   | no             |                 29 |         900 | excluded/contacted_recently
        past     | no             |                 30 |         900 | -
        both     | no             |                 29 |          59 | excluded/contacted_recently
        new      | no             |                    |          59 | excluded/too_new
        known    | no             |                    |          60 | -
        unknown  | no             |                    |             | -
        """
    )


def test_who_is_erased_is_left_out_whatever_is_owed() -> None:
    text = """
        customer | do_not_contact | open_cases | lane
        a        | no             |          1 | excluded/erased
        b        | yes            |            | excluded/erased
        c        | no             |            | -
        """
    lanes_are(text, erased=frozenset("ab"))


def test_what_is_owed_is_put_right_whoever_was_contacted_lately_or_objects_to_offers() -> None:
    lanes_are(
        """
        customer | do_not_contact | last_outreach_days | notice_on  | open_cases | unsolved_days | faulty_order_days | lane
        called   | no             |                  3 |            |          1 |               |                   | fix_first/open_case
        objects  | yes            |                    |            |          1 |               |                   | fix_first/open_case
        unsolved | no             |                  3 |            |          0 |           400 |                   | fix_first/unsolved_case
        faulty   | yes            |                    |            |          0 |               |               400 | fix_first/faulty_order
        leaving  | no             |                  3 | 2026-11-20 |          1 |               |                   | fix_first/open_case
        asked    | no             |                  3 | 2026-11-20 |          0 |               |                   | excluded/contacted_recently
        nothing  | yes            |                    | 2026-11-20 |          0 |               |                   | excluded/opted_out
        """  # noqa: E501
    )


def test_after_a_fix_they_are_asked_on_the_day_once_even_if_they_were_told_before() -> None:
    lanes_are(
        """
        customer | fixed_days | last_outreach_days | lane
        told     |          6 |                  5 | cooling_off/just_fixed
        due      |          7 |                  6 | cooling_off/just_fixed
        asked    |          8 |                  1 | excluded/contacted_recently
        unasked  |         14 |                  8 | cooling_off/just_fixed
        past     |         15 |                 40 | -
        """
    )


def test_a_call_that_was_agreed_is_made_on_its_day_and_none_before() -> None:
    lanes_are(
        """
        customer | call_back_days | last_outreach_days | do_not_contact | override_days | lane
        far      |             -7 |                  2 | no             |               | excluded/call_agreed
        near     |             -6 |                  2 | no             |               | call_back/agreed
        missed   |             90 |                 95 | no             |             3 | call_back/agreed
        objects  |              0 |                  2 | yes            |               | excluded/opted_out
        known    |                |                 90 | no             |           180 | leave_alone/staff_know_better
        no more  |                |                 90 | no             |           181 | -
        """  # noqa: E501
    )


def test_notice_comes_before_what_has_to_be_put_right_and_that_before_what_was() -> None:
    lanes_are(
        """
        customer | notice_on  | open_cases | billing_error_days | broken_promise_days | fixed_days | lane
        notice   | 2026-11-20 |          1 |                  3 |                   3 |          3 | gave_notice/notice
        open     |            |          1 |                  3 |                   3 |          3 | fix_first/open_case
        two      |            |          2 |                    |                     |            | fix_first/open_case
        billed   |            |          0 |                 60 |                   3 |          3 | fix_first/billing_error
        long     |            |          0 |                 61 |                     |            | -
        promised |            |          0 |                 61 |                  40 |          3 | fix_first/broken_promise
        ago      |            |          0 |                    |                  41 |            | -
        fixed    |            |          0 |                    |                  41 |          7 | cooling_off/just_fixed
        cooled   |            |          0 |                    |                     |         15 | -
        """  # noqa: E501
    )


def test_then_who_would_stay_who_sleeps_and_who_costs_more_than_they_bring() -> None:
    lanes_are(
        """
        customer | churn_probability | expected_loss | last_dealing_days | failures_90d | value_if_kept | lane
        safe     |              0.09 |           100 |               500 |            0 |            -1 | leave_alone/would_stay
        edge     |               0.1 |           100 |                 3 |            0 |           250 | -
        nothing  |               0.5 |             0 |               500 |            0 |           250 | leave_alone/would_stay
        asleep   |               0.5 |           100 |               120 |            0 |            -1 | leave_alone/may_be_disturbed
        awake    |               0.5 |           100 |               119 |            0 |           250 | -
        never    |               0.5 |           100 |                   |            0 |           250 | leave_alone/may_be_disturbed
        angry    |               0.5 |           100 |               120 |            1 |           250 | -
        unsure   |               0.5 |           100 |               120 |              |           250 | -
        costly   |               0.5 |           100 |                 3 |            0 |             0 | leave_alone/no_value
        """  # noqa: E501
    )


def test_many_contacts_are_too_much_only_at_too_large_a_share_of_what_they_bring() -> None:
    text = """
        customer | contacts_365d | serving_cost_365d | revenue_365d | lane
        both     |            12 |               251 |          500 | leave_alone/cannot_be_pleased
        half     |            12 |               250 |          500 | -
        seldom   |            11 |               251 |          500 | -
        """
    lanes_are(text)
    lanes_are(text.replace("leave_alone/cannot_be_pleased", "-"), policy())


def test_something_to_be_put_right_comes_before_being_left_alone() -> None:
    lanes_are(
        """
        customer | open_cases | fixed_days | churn_probability | value_if_kept | lane
        open     |          1 |            |              0.01 |            -1 | fix_first/open_case
        fixed    |          0 |          1 |              0.01 |            -1 | cooling_off/just_fixed
        """  # noqa: E501
    )


def test_who_is_disturbed_is_left_alone_unless_something_else_comes_first() -> None:
    lanes_are(
        """
        customer | disturbed | churn_probability | open_cases | do_not_contact | value_if_kept | lane
        at ease  | no        |               0.5 |          0 | no             |           250 | -
        harmed   | yes       |               0.5 |          0 | no             |           250 | leave_alone/may_be_disturbed
        stays    | yes       |              0.09 |          0 | no             |           250 | leave_alone/would_stay
        open     | yes       |               0.5 |          1 | no             |           250 | fix_first/open_case
        objects  | yes       |               0.5 |          0 | yes            |           250 | excluded/opted_out
        worthles | yes       |               0.5 |          0 | no             |            -1 | leave_alone/may_be_disturbed
        """  # noqa: E501
    )


def test_who_sleeps_is_a_candidate_where_no_length_is_set() -> None:
    lanes_are(
        """
        customer | last_dealing_days | lane
        a        |             9,000 | -
        """.replace(",", ""),
        policy(),
    )


def test_rows_stand_by_loss_then_chance_then_id() -> None:
    rows = customer_rows(
        """
        customer | expected_loss | churn_probability
        b        |            10 |               0.5
        a        |            10 |               0.5
        é        |            10 |               0.5
        z        |            10 |               0.5
        c        |            10 |               0.9
        d        |            99 |               0.2
        """
    )
    assigned = lanes.assign_lanes(
        lanes.join_inputs(*input_frames(rows), NOBODY_SUPPRESSED), policy()
    )
    assert list(assigned.index) == ["d", "c", "a", "b", "z", "é"]


def test_where_nobody_can_be_told_apart_the_oldest_trouble_comes_first_and_never_a_number() -> None:
    rows = customer_rows(
        """
        customer | expected_loss | churn_probability | broken_promise_days | last_dealing_days
        a        |             0 |             0.462 |                  |                 3
        b        |             0 |             0.462 |                  |                90
        c        |             9 |             0.462 |                  |                 3
        d        |             0 |             0.462 |               40 |                 3
        """
    )
    joined = lanes.join_inputs(*input_frames(rows), NOBODY_SUPPRESSED)
    assert list(joined.index) == ["d", "c", "b", "a"]


def test_an_interval_that_is_not_known_is_no_fault() -> None:
    scores, standing, contacts = input_frames(customer_rows("customer | open_cases\nanna | 0"))
    unknown = scores.assign(value_low=float("nan"), value_high=float("nan"))
    joined = lanes.join_inputs(unknown, standing, contacts, NOBODY_SUPPRESSED)
    assert joined["value_low"].isna().all()


def test_the_rules_are_told_in_the_order_of_the_words_for_them() -> None:
    tried = list(dict.fromkeys((rule.lane, rule.why) for rule in lanes.LANE_RULES))
    for lane, whys in lanes.LANE_REASONS.items():
        whys_of_lane = [why for lane_of_rule, why in tried if lane_of_rule == lane]
        assert whys_of_lane == [why for why in whys if why in whys_of_lane]
    chosen_later = {"chosen", "held_out", "below_capacity", "not_worth_saving"}
    assert {why for _, why in tried} | chosen_later == {
        why for whys in lanes.LANE_REASONS.values() for why in whys
    }


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda scores, standing: (scores.assign(value_if_kept=float("nan")), standing),
            "value_if_k",
        ),
        (lambda scores, standing: (scores.loc[[0, 0]], standing), "more than once"),
        (lambda scores, standing: (scores, standing.iloc[:0]), "missing; run interactions"),
    ],
)
def test_scores_and_standings_that_cannot_be_are_refused(change: object, message: str) -> None:
    scores, standing, contacts = input_frames(customer_rows("customer | open_cases\nanna | 0"))
    assert callable(change)
    scores, standing = change(scores, standing)
    with pytest.raises(BadInput, match=message):
        lanes.join_inputs(scores, standing, contacts, NOBODY_SUPPRESSED)
