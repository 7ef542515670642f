"""Labels of a cohort: churn by both rules, value, arms, and who is dropped."""

from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retention.cohort import eligibility, labels
from retention.core import point_in_time
from retention.core.params import LabelParams
from retention.experiments import assignment_history
from retention.ledgers import outcomes
from tests.support import engines, histories

TODAY = histories.SNAPSHOT
LATER = 400  # days from the snapshot to as_of


def labels_of(
    table: str,
    as_of: int = LATER,
    value: Any = None,
    lists: str = "",
    campaign_days: int = 0,
    **churn: Any,
) -> list[dict[str, Any]]:
    """The labels of the cohort of the snapshot, as known `as_of` days later.

    lists: the assignments of published lists; customer, day, arm; they last for campaign_days.
    """
    label_params = LabelParams.model_validate(
        {
            "churn": {"rule": "silence", "active_days": 90, "horizon_days": 30} | churn,
            "value": {"horizon_days": 30} | (value or {}),
        }
    )
    history = engines.frame(histories.events(table))
    cohort = eligibility.cohort(
        point_in_time.as_known_at(history, TODAY), TODAY, label_params.churn
    )
    known_events = point_in_time.as_known_at(history, TODAY + as_of)
    assignments = engines.duck().load(assignments_of(lists)) if lists else None
    frame = labels.label_cohort(
        cohort, known_events, TODAY, label_params, assignments, campaign_days
    )
    labelled = engines.duck().collect(frame, ["customer_id"]).cast(labels.SCHEMA)
    rows: list[dict[str, Any]] = labelled.to_pylist()
    return rows


def assignments_of(text: str) -> pa.Table:
    rows = [
        {
            "customer_id": row["customer"],
            "occurred_day": TODAY + int(row["day"] or 0),
            "treatment": row["arm"],
            "propensity": 0.9,
        }
        for row in histories.rows(text)
    ]
    return pa.Table.from_pylist(rows, schema=assignment_history.ASSIGNED)


def churned(table: str, **options: Any) -> dict[str, bool | str | None]:
    """Per customer whether they churned, or why they were dropped."""
    return {
        row["customer_id"]: row["dropped"] or row["churned"] for row in labels_of(table, **options)
    }


def values(table: str, **options: Any) -> dict[str, float]:
    return {row["customer_id"]: row["value"] for row in labels_of(table, **options)}


# --- silence


SILENT = """
    customer   | kind     | day | known
    silent     | purchase |  -9 |
    first day  | purchase |  -9 |
    first day  | purchase |   0 |
    last day   | purchase |  -9 |
    last day   | purchase |  29 |
    too late   | purchase |  -9 |
    too late   | purchase |  30 |
    only looks | purchase |  -9 |
    only looks | visit    |   9 |
    told late  | purchase |  -9 |
    told late  | purchase |   9 |    50
    stranger   | purchase |   9 |
"""


def test_silence_churned_is_who_did_not_buy_in_the_window() -> None:
    assert churned(SILENT) == {
        "silent": True,
        "first day": False,
        "last day": False,
        "too late": True,
        "only looks": True,
        "told late": False,
    }


def test_events_that_are_known_only_at_or_after_as_of_are_ignored() -> None:
    assert churned(SILENT, as_of=50)["told late"] is True
    assert churned(SILENT, as_of=51)["told late"] is False


def test_silence_the_gap_before_the_window_does_not_count() -> None:
    table = """
        customer | kind     | day
        gap      | purchase |  -9
        gap      | purchase |   6
        opening  | purchase |  -9
        opening  | purchase |   7
        end      | purchase |  -9
        end      | purchase |  36
        after    | purchase |  -9
        after    | purchase |  37
    """
    assert churned(table, gap_days=7) == {
        "gap": True,
        "opening": False,
        "end": False,
        "after": True,
    }


def test_silence_any_of_the_labels_kinds_keeps_a_customer() -> None:
    assert churned(SILENT, kinds=["purchase", "visit"])["only looks"] is False


def test_silence_a_restated_purchase_counts_where_it_is_now_known_to_have_been() -> None:
    table = """
        event | customer | kind     | day | known
        a     | anna     | purchase |  -9 |
        b     | anna     | purchase |   9 |     9
        b     | anna     | purchase |  70 |    80
    """
    assert churned(table, as_of=80) == {"anna": False}
    assert churned(table, as_of=81) == {"anna": True}


def test_labels_carry_the_date_of_their_snapshot() -> None:
    assert {str(row["snapshot_on"]) for row in labels_of(SILENT)} == {"2024-01-01"}


# --- cancel


def test_cancel_one_contract_counts_by_the_day_on_which_it_ends() -> None:
    expected = {
        -1: None,
        0: labels.ENDED_IN_GAP,
        6: labels.ENDED_IN_GAP,
        7: True,
        36: True,
        37: False,
    }
    table = "customer | kind | contract | day\nnever | start | A | -90\n" + "".join(
        f"{day} | start | A | -90\n{day} | cancel | A | {day}\n" for day in expected
    )
    churn = churned(table, rule="cancel", gap_days=7)
    assert {day: churn.get(str(day)) for day in expected} == expected
    assert churn["never"] is False


def test_cancel_of_several_contracts_the_last_to_end_counts() -> None:
    table = """
        customer   | kind   | contract | day
        one left   | start  | A        | -90
        one left   | start  | B        | -80
        one left   | cancel | A        |   5
        both end   | start  | A        | -90
        both end   | start  | B        | -80
        both end   | cancel | A        |   5
        both end   | cancel | B        |  15
        last later | start  | A        | -90
        last later | start  | B        | -80
        last later | cancel | B        |   5
        last later | cancel | A        |  45
    """
    assert churned(table, rule="cancel") == {
        "one left": False,
        "both end": True,
        "last later": False,
    }


def test_cancel_a_switch_to_another_contract_is_no_churn_but_a_return_later_is_one() -> None:
    table = """
        customer     | kind   | contract | day
        same day     | start  | A        | -90
        same day     | cancel | A        |  10
        same day     | start  | B        |  10
        overlapping  | start  | A        | -90
        overlapping  | start  | B        |   8
        overlapping  | cancel | A        |  10
        comes back   | start  | A        | -90
        comes back   | cancel | A        |  10
        comes back   | start  | B        |  12
        switch ends  | start  | A        | -90
        switch ends  | cancel | A        |  10
        switch ends  | start  | B        |  10
        switch ends  | cancel | B        |  20
        gap switch   | start  | A        | -90
        gap switch   | cancel | A        |   2
        gap switch   | start  | B        |   2
    """
    assert churned(table, rule="cancel", gap_days=5) == {
        "same day": False,
        "overlapping": False,
        "comes back": True,
        "switch ends": True,
        "gap switch": False,
    }


def test_cancel_a_contract_that_starts_again_after_the_window_has_left_in_it() -> None:
    table = """
        customer    | kind   | contract | day | minute
        again       | start  | A        | -90 |      0
        again       | cancel | A        |  10 |      0
        again       | start  | A        | 200 |      0
        soon        | start  | A        | -90 |      0
        soon        | cancel | A        |  10 |      0
        soon        | start  | A        |  11 |      0
        changes     | start  | A        | -90 |      0
        changes     | cancel | A        |  10 |      0
        changes     | start  | A        |  10 |      0
        renews      | start  | A        | -90 |      0
        renews      | start  | A        |   5 |      0
        renews      | cancel | A        |  50 |      0
        second life | start  | A        | -90 |      0
        second life | cancel | A        | -50 |      0
        second life | start  | A        | -20 |      0
        second life | cancel | A        |  10 |      0
        second life | start  | A        | 300 |      0
        no id       | start  |          | -90 |      0
        no id       | cancel |          |  10 |      0
        no id       | start  |          | 200 |      0
    """
    expected = {
        "again": True,
        "soon": True,
        "changes": False,
        "renews": False,
        "second life": True,
        "no id": True,
    }
    assert churned(table, rule="cancel", as_of=100) == expected
    assert churned(table, rule="cancel", as_of=400) == expected


DROPPED = """
    customer    | kind   | contract | day | known
    in the gap  | start  | A        | -90 |
    in the gap  | cancel | A        |   3 |
    earlier     | start  | A        | -90 |
    earlier     | cancel | A        |  -5 |     9
    never began | start  | A        | -90 |
    stays       | start  | A        | -90 |
"""


def test_cancel_an_end_in_the_gap_or_before_the_snapshot_is_dropped_with_its_reason() -> None:
    assert churned(DROPPED, rule="cancel", gap_days=7) == {
        "in the gap": labels.ENDED_IN_GAP,
        "earlier": labels.ENDED_EARLIER,
        "never began": False,
        "stays": False,
    }


def test_cancel_a_contract_that_turns_out_not_to_have_begun_leaves_no_empty_label() -> None:
    table = """
        event | customer | kind  | contract | day | known
        s     | anna     | start | A        | -90 |   -90
        s     | anna     | start | A        |   5 |     9
    """
    (row,) = labels_of(table, rule="cancel")
    assert row["dropped"] == labels.NOT_BEGUN


CHANGES = st.tuples(
    st.sampled_from(["start", "cancel"]),
    st.sampled_from(["A", "B", None]),
    st.integers(-60, 60) | st.integers(20, 40),
    st.sampled_from([0, 0, 0, 1, 300]),  # minutes: some in one moment, some on one day
)
WINDOW_END = 5 + 30


@histories.FEW
@given(st.lists(st.lists(CHANGES, max_size=6), min_size=40, max_size=40))
def test_cancel_what_happens_after_the_window_changes_no_label(
    lives: list[list[tuple[str, str | None, int, int]]],
) -> None:
    lines = [
        (f"c{who} | {kind} | {contract or ''} | {day} | {minute}", day)
        for who, changes in enumerate(lives)
        for kind, contract, day, minute in [("start", "AB"[who % 2], -90, 0), *changes]
    ]
    header = "customer | kind | contract | day | minute"
    until_end = "\n".join([header, *(line for line, day in lines if day < WINDOW_END)])
    all_lives = "\n".join([header, *(line for line, _ in lines)])
    options = {"rule": "cancel", "gap_days": 5}
    assert churned(all_lives, **options) == churned(until_end, **options)


# --- value


MONEY = """
    customer | kind     | day | amount | cost
    anna     | purchase |  -9 |     70 |
    anna     | purchase |   0 |    100 |
    anna     | return   |   5 |    -30 |
    anna     | purchase |  29 |     10 |
    anna     | purchase |  30 |   1000 |
    anna     | contact  |   6 |        |    4
    anna     | response |   7 |        |
    anna     | invoice  |   8 |    500 |    9
    bert     | purchase |  -9 |     70 |
    carl     | purchase |  -9 |     70 |
    carl     | purchase |   3 |        |
"""


def test_value_is_purchases_less_returns_in_the_window_and_zero_without_any() -> None:
    assert values(MONEY) == {"anna": 80.0, "bert": 0.0, "carl": 0.0}


def test_value_takes_the_margin_of_the_amount_and_the_whole_cost() -> None:
    options = {"margin": 0.25, "cost_kinds": ["contact", "response", "resolution"]}
    assert values(MONEY, value=options)["anna"] == 80 * 0.25 - 4


def test_value_counts_only_the_kinds_it_names() -> None:
    assert values(MONEY, value={"kinds": ["purchase", "invoice"]})["anna"] == 610.0


def test_value_starts_after_the_gap_and_ends_by_its_own_horizon() -> None:
    assert values(MONEY, gap_days=1)["anna"] == 10 - 30 + 1000
    assert values(MONEY, value={"horizon_days": 5})["anna"] == 100.0


def test_value_is_discounted_by_the_day_from_the_annual_rate() -> None:
    table = """
        customer | kind     | day | amount
        anna     | purchase |  -9 |      1
        anna     | purchase |   0 |    100
        anna     | purchase |  73 |    100
        anna     | purchase | 365 |    100
    """
    options = {"annual_discount": 0.21, "horizon_days": 366}
    expected = 100 + 100 / 1.21**0.2 + 100 / 1.21
    assert values(table, value=options, as_of=500)["anna"] == pytest.approx(expected, abs=1e-3)


def test_value_of_many_small_sums_is_exact_and_in_any_order() -> None:
    lines = ["customer | kind | day | amount", "anna | purchase | -1 | 1"]
    lines += [f"anna | purchase | {day} | 0.1" for day in range(30)]
    backwards = [lines[0], *lines[:0:-1]]
    assert values("\n".join(lines)) == values("\n".join(backwards)) == {"anna": 3.0}


def test_value_ignores_what_was_known_only_at_or_after_as_of() -> None:
    table = """
        customer | kind     | day | known | amount
        anna     | purchase |  -9 |       |      1
        anna     | purchase |   9 |    60 |    100
    """
    assert values(table, as_of=60) == {"anna": 0.0}
    assert values(table, as_of=61) == {"anna": 100.0}


# --- arms


def test_who_was_contacted_before_the_window_closed_and_who_was_held_out() -> None:
    table = """
        customer  | kind     | day | treatment
        all       | purchase | -30 |
        called    | purchase | -30 |
        called    | outreach |   0 | call
        unnamed   | purchase | -30 |
        unnamed   | outreach |  29 |
        held      | purchase | -30 |
        held      | outreach |   5 | holdout
        both      | purchase | -30 |
        both      | outreach |   5 | holdout
        both      | outreach |   6 | call
        one day   | purchase | -30 |
        one day   | outreach |   5 | holdout
        one day   | outreach |   5 | call
        before    | purchase | -30 |
        before    | outreach |  -1 | call
        after     | purchase | -30 |
        after     | outreach |  30 | call
    """
    assert {row["customer_id"]: row["arm"] for row in labels_of(table)} == {
        "all": None,
        "called": "contacted",
        "unnamed": "contacted",
        "held": "held_out",
        "both": "held_out",
        "one day": "contacted",
        "before": None,
        "after": None,
    }


BOUGHT = """
    customer  | kind     | day | treatment
    nobody    | purchase | -30 |
    held      | purchase | -30 |
    meant     | purchase | -30 |
    called    | purchase | -30 |
    called    | outreach |   7 | call
    passed    | purchase | -30 |
    passed    | outreach |   7 | holdout
    twice     | purchase | -30 |
    own day   | purchase | -30 |
    last day  | purchase | -30 |
    before    | purchase | -30 |
    at end    | purchase | -30 |
    after     | purchase | -30 |
"""
LISTS = """
    customer | day | arm
    held     |   5 | holdout
    meant    |   5 | contact
    called   |   5 | holdout
    passed   |   5 | contact
    twice    |   5 | holdout
    twice    |  12 | contact
    own day  |   0 | holdout
    last day |  29 | holdout
    before   |  -1 | holdout
    at end   |  30 | holdout
    after    |  31 | contact
    stranger |   5 | contact
"""


def test_assignments_of_lists_count_as_those_of_events() -> None:
    assert {row["customer_id"]: row["arm"] for row in labels_of(BOUGHT, lists=LISTS)} == {
        "nobody": None,
        "held": "held_out",
        "meant": "contacted",
        "called": "held_out",
        "passed": "contacted",
        "twice": "held_out",
        "own day": "held_out",
        "last day": "held_out",
        "before": None,
        "at end": None,
        "after": None,
    }


def test_a_contact_that_staff_entered_without_an_assignment_is_not_randomised() -> None:
    table = f"""
        customer | kind     | day | treatment | source
        anna     | purchase | -30 |           | shop
        anna     | outreach |   5 | call_back | {outcomes.SOURCE}
        bert     | purchase | -30 |           | shop
        bert     | outreach |   5 | call      | {outcomes.SOURCE}
    """
    lists = "customer | day | arm\nbert | 4 | contact"
    assert {row["customer_id"]: row["arm"] for row in labels_of(table, lists=lists)} == {
        "anna": "contacted_undrawn",
        "bert": "contacted",
    }


def test_an_arm_lasts_for_the_whole_campaign() -> None:
    entered = f"""
        customer  | kind     | day | treatment | source
        again     | purchase | -30 |           | shop
        again     | outreach |   5 | call      | {outcomes.SOURCE}
        once      | purchase | -30 |           | shop
        held      | purchase | -30 |           | shop
        fixed     | purchase | -30 |           | shop
        fixed     | outreach |   5 | call_back | {outcomes.SOURCE}
        over      | purchase | -30 |           | shop
        over      | outreach |   5 | call_back | {outcomes.SOURCE}
    """
    lists = """
        customer | day | arm
        again    | -59 | contact
        once     | -59 | contact
        held     | -59 | holdout
        fixed    | -59 | holdout
        over     | -60 | contact
    """
    labelled = labels_of(entered, lists=lists, campaign_days=60)
    arm_of = {row["customer_id"]: (row["arm"], row["campaign_arm"]) for row in labelled}
    assert arm_of == {
        "again": ("contacted", "contact"),  # as randomised, though no list assigns it anew
        "once": (None, "contact"),
        "held": ("held_out", "holdout"),
        "fixed": ("held_out", "holdout"),
        "over": ("contacted_undrawn", None),
    }


@pytest.mark.parametrize(("rule", "days"), [("silence", (7, 30)), ("cancel", (30, 7))])
def test_a_label_says_when_it_was_certain_and_when_the_contact_came(
    rule: str, days: tuple[int, int]
) -> None:
    table = """
        customer | kind     | contract | day | treatment
        stays    | purchase |          | -30 |
        stays    | purchase |          |   7 |
        stays    | start    | A        | -30 |
        left     | purchase |          | -30 |
        left     | start    | B        | -30 |
        left     | cancel   | B        |   7 |
        left     | outreach |          |   5 | call
        left     | outreach |          |   6 | holdout
    """
    rows = {row["customer_id"]: row for row in labels_of(table, rule=rule)}
    assert (rows["stays"]["decided_after"], rows["left"]["decided_after"]) == days
    assert (rows["stays"]["outreach_after"], rows["left"]["outreach_after"]) == (None, 5)


def test_lists_change_nothing_but_the_arm() -> None:
    with_lists, plain = labels_of(BOUGHT, lists=LISTS), labels_of(BOUGHT)
    hidden = {"arm": None, "outreach_after": None}
    assert [row | hidden for row in with_lists] == [row | hidden for row in plain]


def test_a_list_in_the_gap_before_the_window_counts() -> None:
    lists = "customer | day | arm\nheld | 3 | holdout\nat end | 37 | holdout"
    arms = {row["customer_id"]: row["arm"] for row in labels_of(BOUGHT, lists=lists, gap_days=7)}
    assert (arms["held"], arms["at end"]) == ("held_out", None)
