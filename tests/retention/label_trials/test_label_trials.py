"""Trials of label windows: what is known on a past day, and which windows a history speaks for."""

import dataclasses
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from models.components.rfm import FREQUENCY, MONEY, RECENCY, TENURE
from retention.cohort.episodes import contract_chains
from retention.core import engine
from retention.core.events import EVENTS
from retention.core.params import ChurnLabel, LabelParams, SnapshotParams, ValueLabel
from retention.i18n.language import ENGLISH, language
from retention.label_trials import figures, wording
from retention.label_trials.past_days import CUSTOMER, END, NEXT, NOTICED, customers_on
from retention.label_trials.recommendation import Recommendation, recommend
from retention.label_trials.report_data import labels_report
from retention.label_trials.setting import LabelWindows, Setting
from retention.label_trials.trials import PastDays
from retention.reporting.labels import page, table

DAY = 86_400 * 10**6


def setting(rule: Any = "silence", days: int = 1000, **changes: Any) -> Setting:
    churn = ChurnLabel(rule=rule, active_days=90, horizon_days=30)
    defaults: dict[str, Any] = {
        "labels": LabelParams(churn=churn, value=ValueLabel(kinds=["purchase"])),
        "snapshots": SnapshotParams(),
        "as_of": 20_000,
        "first_day": 20_000 - days,
        "min_churners": 30,
        "folds": 5,
        "capacity": 20,
    }
    return Setting(**defaults | changes)


def events(*rows: tuple[str, str, int, int]) -> pa.Table:
    """Events of (customer, kind, day, day on which it was known), of 2 units of money each."""
    columns = {name: [None] * len(rows) for name in EVENTS.names}
    for name, visit_days in (
        ("customer_id", 0),
        ("kind", 1),
        ("occurred_day", 2),
        ("known_day", 3),
    ):
        columns[name] = [row[visit_days] for row in rows]  # type: ignore[misc]
    columns["event_id"] = [f"e{n}" for n in range(len(rows))]  # type: ignore[misc]
    for clock, visit_days in (("occurred_at", 2), ("known_at", 3)):
        stamps = pa.array([int(row[visit_days]) * DAY for row in rows])
        columns[clock] = stamps.cast(EVENTS.field(clock).type)
    columns["amount"] = pa.array([Decimal(2)] * len(rows), EVENTS.field("amount").type)
    return pa.table(columns, schema=EVENTS)


def on_day(table: pa.Table, day: int, company_setting: Setting) -> pd.DataFrame:
    opened = engine.DuckDB("1GB")
    frame = opened.load(table)
    newest = frame
    if company_setting.is_cancel:
        newest = contract_chains(frame)
    rows = customers_on(day, frame, newest, company_setting, opened, restated=False)
    opened.close()
    return rows.set_index(CUSTOMER)


def test_a_past_day_knows_nothing_that_came_later() -> None:
    company_setting = setting()
    rows = on_day(
        events(
            ("a", "purchase", 100, 100),
            ("a", "purchase", 150, 150),
            ("a", "purchase", 230, 230),
            ("late", "purchase", 190, 205),
            ("a", "purchase", 195, 210),  # known after the day: no recency of 5, and no next day
            ("new", "purchase", 220, 220),
        ),
        200,
        company_setting,
    )
    assert rows.index.tolist() == ["a"]
    assert rows[[RECENCY, TENURE, FREQUENCY, MONEY, NEXT]].to_numpy()[0].tolist() == [
        50, 100, 2, 4, 230,
    ]  # fmt: skip


def test_a_contract_that_ends_and_comes_back() -> None:
    rows = on_day(
        events(
            ("left", "start", 100, 100),
            ("left", "notice", 190, 190),
            ("left", "cancel", 210, 210),
            ("left", "start", 240, 240),
            ("stays", "start", 150, 150),
            ("gone", "start", 100, 100),
            ("gone", "cancel", 180, 180),
        ),
        200,
        setting("cancel"),
    )
    assert rows.index.tolist() == ["left", "stays"]
    assert rows[[TENURE, END, NEXT, NOTICED]].to_numpy()[0].tolist() == [100, 210, 240, 1]
    assert rows[END].to_numpy()[1] > 10**6
    assert rows[NEXT].to_numpy()[1] == np.inf


def company(gap: int, is_final: bool = True) -> PastDays:
    """A shop whose customers come every `gap` days or so, and leave at one visit of thirty.

    is_final: those who leave never come back; otherwise all come back after 12 gaps.
    """
    rng, n = np.random.default_rng(3), 1500
    company_setting = setting(days=100 * gap)
    visits = rng.integers(gap // 2, gap + gap // 2 + 1, (n, 120))
    visits[rng.random(visits.shape) < 1 / 30] = 10**6 if is_final else 12 * gap
    visit_days = (
        company_setting.first_day
        + rng.integers(0, 95 * gap, n)[:, None]
        + np.cumsum(visits, axis=1)
    )
    days: dict[int, pd.DataFrame] = {}
    wanted = {
        day
        for horizon in company_setting.horizons
        for choose in (figures.period_days, figures.followed_days)
        for day in choose(company_setting, horizon)
    }
    for day in sorted({*wanted, company_setting.as_of}):
        before = visit_days < day
        came = before.any(axis=1)
        last = np.where(before, visit_days, 0).max(axis=1)
        later = np.where(~before & (visit_days < company_setting.as_of), visit_days, np.inf).min(
            axis=1
        )
        columns = {
            CUSTOMER: np.array([f"c{i:03}" for i in range(n)]),
            RECENCY: day - last,
            TENURE: day - visit_days[:, 0],
            FREQUENCY: before.sum(axis=1),
            MONEY: before.sum(axis=1),
            NEXT: later,
        }
        days[day] = pd.DataFrame({name: values[came] for name, values in columns.items()})
    return PastDays(company_setting, days)


def recommended(past: PastDays) -> Recommendation:
    opened = engine.DuckDB("1GB")
    recommendation = recommend(past, opened.load(events()), opened, restated=False)
    opened.close()
    return recommendation


@pytest.mark.parametrize(("gap", "horizon"), [(8, 14), (18, 30), (38, 60), (110, 180)])
def test_the_horizon_grows_with_the_rhythm_of_the_customers(gap: int, horizon: int) -> None:
    """No constant of ours: of customers who come so many times less often it is so much longer."""
    recommendation = recommended(company(gap))
    assert (recommendation.reason, recommendation.windows.horizon_days) == (
        "few come back",
        horizon,
    )
    assert recommendation.outcomes in recommendation.compared


def test_where_everybody_comes_back_the_longest_horizon_is_taken_and_said() -> None:
    past = company(8, is_final=False)
    a_year = dataclasses.replace(past.setting, first_day=past.setting.as_of - 360)
    recommendation = recommended(PastDays(a_year, past.days))
    assert (recommendation.reason, recommendation.windows.horizon_days) == ("many come back", 90)
    short = recommended(PastDays(dataclasses.replace(past.setting, first_day=19_960), {}))
    assert (short.reason, short.outcomes) == ("short history", None)
    sentence = wording.reason(short, past.setting, ENGLISH)
    assert "too few to try a horizon" in sentence


def test_contracts_need_a_horizon_that_fills_the_list_with_customers_not_yet_leaving() -> None:
    n, company_setting = 1000, setting("cancel", days=4000)
    days: dict[int, pd.DataFrame] = {}
    for day in {
        d for h in company_setting.horizons for d in figures.period_days(company_setting, h)
    } | {company_setting.as_of}:
        end = day + 1.0 + np.arange(n)  # one contract ends a day; notice comes 20 days before
        columns = {
            CUSTOMER: np.array([f"c{i:03}" for i in range(n)]),
            TENURE: np.full(n, 100.0),
            END: end,
            NEXT: np.full(n, np.inf),
            NOTICED: (end < day + 20) * 1,
            RECENCY: np.full(n, np.nan),
            FREQUENCY: np.full(n, np.nan),
            MONEY: np.zeros(n),
        }
        days[day] = pd.DataFrame(columns)
    recommendation = recommended(PastDays(company_setting, days))
    # Of 30 days 19 of 29 had given notice; of 60 days 19 of 59.
    assert (recommendation.windows.horizon_days, recommendation.reason) == (60, "enough leave")


def test_a_share_over_days_that_share_customers_is_no_surer_than_the_customers() -> None:
    ids = np.array([f"c{i}" for i in range(100)], dtype=object)
    hits = np.r_[np.ones(30), np.zeros(70)]
    once = figures.clustered_share(hits, np.ones(100), [ids])
    twice = figures.clustered_share(np.tile(hits, 2), np.ones(200), [ids, ids])
    assert (twice.value, twice.n) == (0.3, 100)
    assert (twice.low, twice.high) == pytest.approx((once.low, once.high), abs=1e-9)
    assert np.isnan(figures.clustered_share(hits, np.zeros(100), [ids]).value)


def test_the_page_says_what_the_table_has_in_each_language() -> None:
    past = company(18)
    recommendation = recommended(past)
    report = labels_report("A & B", ENGLISH, past, recommendation, sampled=1)
    for words in (ENGLISH, language("ur"), language("bn")):
        text = page.html(dataclasses.replace(report, language=words))
        assert "A &amp; B" in text
        assert "rule: silence, horizon_days: 30, active_days: " in text
    text = page.html(report)
    assert "count as lost whoever stays away for the next 30." in text
    assert "params.yaml has horizon_days: 30, active_days: 90." in text
    rows = table.table(report)
    assert [row["horizon_days"] for row in rows if row["recommended"]] == [30]
    assert sum(row["configured"] for row in rows) == 1
    assert LabelWindows(30, 90) in [each.outcomes.windows for each in report.trials]
