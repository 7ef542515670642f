"""Every metric against plain loops over the events of a made company, and on a few typed ones."""

import dataclasses
import functools
import random
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pandas as pd
import pytest

from retention.core.params import ChurnLabel
from retention.scorecard import compute
from retention.scorecard.frames import journey_stage
from retention.scorecard.metrics import METRICS, Definitions
from retention.scorecard.tenure_spells import silence_days
from tests.reference import scorecard as reference
from tests.support import histories
from tests.support.scorecard_frames import CONTRACTS, SERVICE, SHOP, frames_of, inputs_of

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


def made_company(draw: random.Random) -> list[histories.Event]:
    """Some customers over a year, of whom some leave, with all that can go wrong."""
    events: list[histories.Event] = []

    def add(kind: str, who: str, day: int, **columns: Any) -> None:
        if day < 5:
            lag = draw.choice([0, 0, 0, 0, 2, 9])
            row = {"minute": draw.randrange(0, 600), "known_from": day + lag} | columns
            name = f"{kind} {len(events)}"
            events.append(
                histories.event(day=day, kind=kind, customer_id=who, event_id=name, **row)
            )

    for number in range(16):
        who, day = f"c{number}", -draw.randrange(60, 360)
        last = draw.choice([0, 0, day // 2])
        add("start", who, day, contract_id=who)
        if last:
            add("cancel", who, last, contract_id=who, known_from=last)
        while day < last:
            _deal(draw, add, who, day)
            day += draw.choice([1, 4, 9, 9, 30, 70])
    return events


def _deal(draw: random.Random, add: Callable[..., None], who: str, day: int) -> None:
    """What one day brings for a customer."""
    order, case = f"{who} o{day}", draw.choice([f"{who} k{day}", None])
    price, quoted = Decimal(draw.choice([9, 10, 12])), draw.choice([None, Decimal(10)])
    promised = draw.choice([None, histories.SNAPSHOT + day + 4])
    lines = {"order_id": draw.choice([order, order, None]), "quoted_amount": quoted}
    for _ in range(draw.choice([0, 1, 1, 2])):
        add("purchase", who, day, amount=price, promised_day=promised, **lines)
    if draw.random() < 0.8:
        add("delivery", who, day + draw.choice([2, 4, 6]), order_id=order)
    if draw.random() < 0.15:
        add("delivery", who, day + 9, order_id=order, cause="broken")
    if draw.random() < 0.1:
        add("return", who, day + draw.choice([1, 12]), order_id=order, amount=-price)
    if draw.random() < 0.6:
        _case(draw, add, who, day, case)
    add(
        "invoice",
        who,
        day,
        amount=price,
        quoted_amount=quoted,
        topic=draw.choice(["correction", None]),
    )
    add("payment", who, day, amount=price, topic=draw.choice(["refused", "paid", "paid"]))
    add("visit", who, day, topic="pay", resolved=draw.choice([True, False, None]))
    if draw.random() < 0.2:
        add("referral", who, day)


def _case(
    draw: random.Random, add: Callable[..., None], who: str, day: int, case: str | None
) -> None:
    """A contact, perhaps answered, perhaps ended, perhaps opened again; perhaps a survey."""
    about = {"topic": draw.choice(["complaint", "billing", "question"])}
    for after in draw.choice([(0,), (0,), (0, 3), (0, 35)]):
        channel = draw.choice(["phone", "email", "office", None])
        add("contact", who, day + after, channel=channel, case_id=case, **about)
        if case and draw.random() < 0.5:
            add("response", who, day + after + draw.choice([0, 1, 3]), case_id=case)
        if case and draw.random() < 0.7:
            end = day + after + draw.choice([0, 2, 5, 6, 40])
            add(
                "resolution",
                who,
                end,
                case_id=case,
                resolved=draw.choice([True, True, False, None]),
            )
    add(
        "survey",
        who,
        day + 2,
        rating=draw.choice([None, 0.25, 1.0]),
        resolved=draw.choice([None, True, False]),
        topic=draw.choice([None, "person"]),
    )


@pytest.mark.parametrize("churn", [CONTRACTS, SHOP], ids=["cancel", "silence"])
def test_each_measure_is_what_plain_loops_over_the_events_make_of_it(churn: ChurnLabel) -> None:
    """In periods of any length: of 91 days, of 20 (less than four weeks), now and before."""
    events = made_company(random.Random(7))
    shop = reference.company(events, TODAY, silence_days(churn))
    inputs = inputs_of(events, churn)
    other = {"cancel": "fallen_silent", "silence": "customers_lost"}[churn.rule]
    if churn.rule == "silence":  # its base is those whose contract lives
        other_names = {"complaints_written", "complaints_spoken", "referrals", other}
    else:
        other_names = {other}
    for name, metric in METRICS.items():
        if name in other_names:
            continue
        record = compute.measured(metric, inputs)
        assert record is not None, name
        for days, end in ((91, record.end), (20, record.end), (20, record.end - 20)):
            sums = record.between(end - days, end)[["part", "whole"]].sum()
            expected = reference.measures(shop, name, end - days, end)
            assert tuple(sums) == pytest.approx(expected), (name, days, end - TODAY)
            assert expected[1] > 0 or days == 20, name
        assert record.figure(record.first - 1, record.end).value is None
    assert compute.measured(METRICS[other], inputs) is None


def test_every_measure_explains_itself_and_has_a_reference() -> None:
    assert set(reference.MEASURES) == set(METRICS)
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
    assert all(metric.rows(frames).empty for metric in METRICS.values())


typed = functools.cache(frames_of)


def days(name: str, text: str) -> list[int]:
    """The days, from today, of the rows that a measure counts and that can be judged."""
    rows = METRICS[name].rows(typed(text))
    end = TODAY - METRICS[name].judged_after(Definitions(SERVICE, CONTRACTS))
    return sorted((rows["day"] - TODAY)[(rows["part"] != 0) & (rows["day"] < end)])


def test_what_must_be_awaited_counts_on_its_own_day_once_it_can_be_judged() -> None:
    assert days("on_time", ORDERS) == [-50, -20]
    assert days("rework", ORDERS) == [-20, -18]
    assert days("solved_once", CASES) == [-100, -90]
    assert days("reopened", CASES) == [-70]


def test_the_stage_of_a_case_is_that_of_the_day_on_which_it_began() -> None:
    """Twenty days after a customer came, though it was judged when that customer was old."""
    events = histories.events("""
        customer | kind       | day  | minute | topic     | case | resolved
        a        | start      | -100 |      0 |           |      |
        a        | contact    |  -80 |      0 | complaint | 1    |
        a        | resolution |  -79 |      0 |           | 1    | yes
        a        | contact    |  -35 |      0 | complaint | 2    |
        a        | resolution |  -34 |      0 |           | 2    | no
    """)
    inputs = dataclasses.replace(
        inputs_of(events, CONTRACTS), first_days=pd.Series({"a": TODAY - 100}), min_cases=1
    )
    (stages,) = [
        part
        for part in compute.breakdowns(inputs)
        if part.dimension == "journey stage" and part.metric == "Solved within the service level"
    ]
    assert [(row.name, row.figure.value) for row in stages.groups] == [
        ("new", 1.0),
        ("onboarding", 0.0),
    ]


def test_a_case_belongs_to_who_took_its_first_contact() -> None:
    rows = METRICS["reopened"].rows(typed(CASES))
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
