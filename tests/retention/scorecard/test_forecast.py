"""What is expected to be lost, and how far that may be off."""

import datetime as dt
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit, logit

from retention.core.artefacts.modelling import LEAVE_WITHIN
from retention.core.documents.modelling import LifetimeFigures
from retention.core.documents.scoring import Forecast
from retention.core.params import ChurnLabel
from retention.i18n.language import language
from retention.reporting.forecast import page
from retention.scorecard import forecast as forecasts
from retention.training import slices

OPENS = dt.date(2026, 9, 1)
SILENCE = ChurnLabel(rule="silence", kinds=["purchase"], active_days=60, horizon_days=28)


def scores(n: int = 120) -> pd.DataFrame:
    """Customers of whom the curve says nothing of 30 days."""
    rng = np.random.default_rng(3)
    chance = rng.uniform(0.05, 0.4, n)
    frame: dict[str, Any] = {"customer_id": [f"C{i}" for i in range(n)]}
    frame |= {"leave_within_30": np.full(n, np.nan), "leave_within_90": chance}
    frame |= {f"leave_within_{days}": 1 - (1 - chance) ** 2 for days in (180, 365)}
    frame |= {"expected_value": rng.uniform(1, 9, n), "lifetime_loss": rng.uniform(10, 90, n)}
    return pd.DataFrame(frame)


def past(days: int, chance: float, left: float, bias: float | None = 1.1) -> LifetimeFigures:
    return LifetimeFigures(
        snapshot=OPENS, days=days, customers=2000, left=left, chance=chance,
        brier=0.1, brier_kaplan_meier=0.1, value_bias=bias,
    )  # fmt: skip


def customers() -> pd.DataFrame:
    regions = ["north"] * 50 + ["south"] * 40 + ["east"] * 20  # ten customers are not in the file
    ids = [f"C{i}" for i in range(len(regions))]
    return pd.DataFrame({"customer_id": ids, "region": regions, "preferred_channel": "shop"})


@pytest.fixture(scope="module")
def report() -> Forecast:
    figures = [past(90, 0.2, 0.25), past(90, 0.2, 0.18), past(180, 0.4, 0.5, bias=None)]
    return forecasts.forecast(scores(), customers(), figures, OPENS, 365)


@pytest.mark.parametrize("n_past", [1, 3, 8])
def test_four_intervals_of_five_hold_what_comes(n_past: int) -> None:
    rng, turns, chance = np.random.default_rng(5), 800, np.full(400, 0.3)
    covered = 0
    for _ in range(turns):
        errors = rng.normal(0, 0.4, n_past + 1)
        came = rng.binomial(5000, expit(logit(0.3) + errors[:-1])) / 5000
        error = forecasts.past_error(np.full(n_past, logit(0.3)), logit(came))
        ends = forecasts.sum_interval(chance, np.ones(400), error)
        assert ends is not None
        covered += ends[0] <= rng.binomial(400, expit(logit(0.3) + errors[-1])) <= ends[1]
    assert 0.76 < covered / turns < 0.85


def test_the_groups_add_up_to_the_whole(report: Forecast) -> None:
    for days in (90, 180, 365):
        of_days = [figure for figure in report.figures if figure.days == days]
        (whole,) = (figure for figure in of_days if figure.by == forecasts.ALL)
        assert whole.lost == pytest.approx(scores()[f"leave_within_{days}"].sum())
        names = {figure.by for figure in of_days} - {forecasts.ALL}
        assert names == {"region", "expected value"}, "one channel alone tells nobody apart"
        for name in names:
            groups = [figure for figure in of_days if figure.by == name]
            assert sum(group.customers for group in groups) == 120
            assert sum(group.lost or 0 for group in groups) == pytest.approx(whole.lost)
            assert sum(group.money or 0 for group in groups) == pytest.approx(whole.money)
    regions = {f.group: f.customers for f in report.figures if f.by == "region"}
    assert regions == {"north": 50, "south": 40, "other": 30}


def test_what_is_not_known_is_null(report: Forecast) -> None:
    whole = {figure.days: figure for figure in report.figures if figure.by == forecasts.ALL}
    assert (whole[30].lost, whole[30].low, whole[30].money) == (None, None, None)
    near, far, year = whole[90], whole[180], whole[365]
    assert (near.low or 0) < (near.lost or 0) < (near.high or 0)
    assert (near.money_low or 0) < (near.money or 0) < (near.money_high or 0)
    assert far.low is not None
    assert far.money_low is None, "no past value was checked"
    assert year.lost is not None
    assert year.low is None
    assert report.past_snapshots == {"30": 0, "90": 2, "180": 1, "365": 0}


def test_amounts_that_were_off_before_widen_the_interval_of_money() -> None:
    ends = (80.0, 120.0)
    assert forecasts.widened(100.0, ends, 0.0) == pytest.approx(ends)
    low, high = forecasts.widened(100.0, ends, 0.5) or (0.0, 0.0)
    assert np.log(100 / low) == pytest.approx(np.hypot(np.log(100 / 80), 0.5))
    assert np.log(high / 100) == pytest.approx(np.hypot(np.log(120 / 100), 0.5))
    assert forecasts.widened(-5.0, ends, 0.5) is None


@pytest.mark.parametrize("code", ["en", "ur", "bn"])
def test_the_page_says_it(report: Forecast, code: str) -> None:
    text = page.html(report, "Mill & Lane", "GBP", SILENCE, language(code))
    assert "Mill &amp; Lane" in text
    assert f'lang="{code}"' in text
    assert page.headline(report, language(code)) in text
    assert text.count("<tbody>") == 3
    assert "<script" not in text


def test_the_page_says_who_counts_as_lost_and_has_thirds_from_the_highest(report: Forecast) -> None:
    text = page.html(report, "Mill Lane", "GBP", SILENCE, language("en"))
    assert "a silence of 28 days that is complete by then" in text
    by_value = [figure.group for figure in report.figures if figure.by == slices.VALUE]
    assert list(dict.fromkeys(by_value)) == ["high", "middle", "low"]


def test_a_champion_without_a_curve_forecasts_nothing() -> None:
    columns = [f"leave_within_{days}" for days in LEAVE_WITHIN]
    no_curve = scores().assign(**dict.fromkeys([*columns, "lifetime_loss"], np.nan))
    report = forecasts.forecast(no_curve, customers(), [], OPENS, None)
    assert {figure.lost for figure in report.figures} == {None}
    text = page.html(report, "Mill Lane", "GBP", SILENCE, language("en"))
    assert "no curve of leaving" in text
    assert "<tbody>" not in text
