"""Every metric on a few events typed by hand, its sums counted by hand."""

import pandas as pd
import pytest

from retention.scorecard.frames import journey_stage
from retention.scorecard.metrics import METRICS
from tests.support import histories
from tests.support.scorecard_frames import frames_of

TODAY = histories.SNAPSHOT


ORDERS = """
    customer | kind     | day | promised | order | amount | quoted | cause
    a        | purchase | -60 |      -50 | 1     |     10 |     10 |
    a        | delivery | -50 |          | 1     |        |        |
    a        | purchase | -40 |      -30 | 2     |     12 |     10 |
    a        | delivery | -28 |          | 2     |        |        |
    a        | return   | -20 |          | 2     |     -5 |        |
    b        | purchase | -30 |      -20 | 3     |      9 |     10 |
    b        | delivery | -21 |          | 3     |        |        |
    b        | delivery | -18 |          | 3     |        |        | broken
    b        | purchase | -20 |      -10 | 4     |      9 |        |
    b        | purchase |  -9 |       -3 | 5     |      9 |        |
    b        | purchase |  -5 |          | 6     |      9 |        |
"""  # 1 and 3 in time, 2 late, 4 awaited for ten days, 5 due too lately to be judged
CASES = """
    customer | kind       | day  | minute | channel | topic     | case | resolved | agent | cost
    a        | purchase   | -120 |      0 |         |           |      |          |       |
    b        | purchase   | -120 |      0 |         |           |      |          |       |
    a        | contact    | -100 |      0 | phone   | complaint | 1    |          | ann   |    3
    a        | response   | -100 |    120 |         |           | 1    |          |       |
    a        | resolution |  -98 |      0 |         |           | 1    | yes      |       |
    a        | contact    |  -90 |      0 | email   | billing   | 2    |          | bob   |    1
    a        | resolution |  -80 |      0 |         |           | 2    | yes      |       |
    a        | contact    |  -70 |      0 | phone   | question  | 3    |          | bob   |
    a        | resolution |  -69 |      0 |         |           | 3    | yes      |       |
    a        | contact    |  -60 |      0 | chat    | question  | 3    |          | ann   |
    b        | contact    |  -50 |      0 | letter  | complaint | 4    |          |       |
    b        | contact    |  -10 |      0 | phone   | complaint | 5    |          |       |
    b        | resolution |   -9 |      0 |         |           | 5    | yes      |       |
    b        | contact    |   -1 |      0 | phone   | question  | 6    |          |       |
    b        | contact    | -113 |      0 | phone   | complaint | 7    |          |       |
    b        | resolution | -113 |      0 |         |           | 7    | no       |       |
    b        | referral   |  -40 |      0 |         |           |      |          |       |
"""  # 3 was opened again and is open, 4 never answered, 5 too young to be judged, 6 still in time
INTERACTIONS = """
    customer | kind    | day | topic      | amount | quoted | rating | resolved
    a        | invoice | -30 | regular    |     10 |     10 |        |
    a        | invoice | -20 | regular    |     12 |     10 |        |
    b        | invoice | -19 | correction |     -2 |      0 |        |
    a        | payment | -15 | paid       |     10 |        |        |
    a        | payment | -14 | refused    |     10 |        |        |
    a        | survey  | -13 |            |        |        |    0.8 | yes
    b        | survey  | -12 |            |        |        |    0.4 | no
    b        | survey  | -12 |            |        |        |        | yes
    b        | survey  | -11 | person     |        |        |    0.9 |
    b        | survey  | -10 |            |        |        |        |
    a        | visit   |  -9 | pay        |        |        |        | no
    b        | visit   |  -9 | pay        |        |        |        |
"""  # the fourth survey rates the person, the last one only asks
SUMS: dict[str, dict[str, tuple[float, float]]] = {
    ORDERS: {
        "repeat_business": (4, 6),
        "on_time": (2, 4),
        "as_quoted": (2, 3),
        "rework": (2, 5),
    },
    CASES: {
        "customers_lost": (1, 0.08),
        "complaints_written": (2, 0.08),
        "complaints_spoken": (2, 0.08),
        "referrals": (1, 0.08),
        "first_answer": (2 + 240 + 24 + 24 + 0, 5),
        "answered_in_time": (4, 6),
        "turnaround": (2 + 10 + 1 + 28 + 0, 5),
        "ended_in_time": (2, 5),
        "solved_once": (2, 5),
        "reopened": (1, 5),
        "touches": (8, 2),
    },
    INTERACTIONS: {
        "bills_as_agreed": (1, 2),
        "payments_refused": (1, 2),
        "satisfaction": (1.2, 2),
        "said_solved": (2, 3),
        "person": (0.9, 1),
        "portal_failed": (1, 2),
    },
}


@pytest.mark.parametrize("text", list(SUMS), ids=["orders", "cases", "dealings"])
def test_each_measure_is_the_sums_that_its_events_make(text: str) -> None:
    frames = frames_of(text)
    sums = {name: METRICS[name].rows(frames)[["part", "whole"]].sum() for name in SUMS[text]}
    measured_sums = {name: tuple(part_and_whole) for name, part_and_whole in sums.items()}
    assert measured_sums == {
        name: pytest.approx(part_and_whole) for name, part_and_whole in SUMS[text].items()
    }


def test_every_measure_is_tried_and_explains_itself() -> None:
    assert {name for sums in SUMS.values() for name in sums} == set(METRICS)
    for metric in METRICS.values():
        assert metric.meaning.endswith(".")
        assert len(metric.meaning.split()) > 3


def test_what_was_never_told_of_is_not_measured() -> None:
    """Contacts without a word on their ends, channel or price are not slow, spoken or as agreed."""
    frames = frames_of("""
        customer | kind     | day | topic     | order | promised | amount
        a        | contact  | -90 | complaint |       |          |
        a        | purchase | -90 |           | 1     |      -80 |     10
        a        | invoice  | -90 | regular   |       |          |     10
    """)
    for name in (
        "turnaround",
        "ended_in_time",
        "complaints_spoken",
        "on_time",
        "as_quoted",
        "bills_as_agreed",
    ):
        assert not METRICS[name].rows(frames)["part"].any(), name
    assert frames["failures"].empty


def test_no_event_at_all_is_no_row() -> None:
    frames = frames_of("customer | kind | day\n")
    frames["present"] = frames["present"].iloc[:0]
    assert all(metric.rows(frames).empty for metric in METRICS.values())


def days(name: str, text: str) -> list[int]:
    """The days, from today, of the rows that a measure counts."""
    rows = METRICS[name].rows(frames_of(text))
    return sorted((rows["day"] - TODAY)[rows["part"] != 0])


def test_what_must_be_awaited_counts_on_the_day_it_is_judged() -> None:
    assert days("on_time", ORDERS) == [-50 + 7, -20 + 7]
    assert days("rework", ORDERS) == [-20, -18]
    assert days("solved_once", CASES) == [-100 + 28, -90 + 28]
    assert days("reopened", CASES) == [-70 + 28]


def test_what_counts_per_customer_counts_in_the_month_of_those_customers() -> None:
    assert days("complaints_spoken", CASES) == [-112, -28]
    assert days("complaints_written", CASES) == [-112, -56]
    assert days("referrals", CASES) == [-56]


def test_a_case_belongs_to_who_took_its_first_contact() -> None:
    rows = METRICS["reopened"].rows(frames_of(CASES))
    first = rows.loc[rows["part"] == 1, ["channel", "topic", "agent_id"]].iloc[0]
    assert list(first) == ["phone", "question", "bob"]


def test_money_is_margin_less_the_cost_of_serving() -> None:
    orders, cases = (frames_of(text, margin=0.5)["money"] for text in (ORDERS, CASES))
    assert orders.set_index("day")["net"].loc[TODAY - 40] == pytest.approx(6)
    assert orders["net"].sum() == pytest.approx(0.5 * (10 + 12 - 5 + 9 * 4))
    assert cases["net"].sum() == pytest.approx(-4)


def test_the_stage_of_a_journey() -> None:
    since = pd.Series([-1, 0, 30, 31, 90, 91, 334, 335, 395, 396, 730, None], dtype="Int64")
    stages = journey_stage(pd.Series(0, index=since.index), since)
    assert list(stages.fillna("-")) == [
        "-",
        "new",
        "new",
        "onboarding",
        "onboarding",
        "regular",
        "regular",
        "renewal",
        "renewal",
        "regular",
        "renewal",
        "-",
    ]
