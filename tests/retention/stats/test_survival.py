"""Survival with late entry against hand-made arithmetic and simulated tenures."""

import numpy as np
import pandas as pd
import pytest
from statsmodels.duration.survfunc import SurvfuncRight, survdiff

from retention.stats import survival
from retention.stats.survival import hazard_rates, kaplan_meier, log_rank, tenure_spells

FIRST, AS_OF = 1000, 1365


def spells(*rows: tuple[float, float, bool]) -> pd.DataFrame:
    return pd.DataFrame(list(rows), columns=["entry", "exit", "left"])


def company(seed: int, n: int = 800, rates: tuple[float, ...] = (0.003,)) -> pd.DataFrame:
    """Periods of customers who leave at constant daily rates, one a channel, watched for a year
    after three in which nobody wrote down who left."""
    generator = np.random.default_rng(seed)
    begins = generator.integers(0, AS_OF, n)
    channel = np.arange(n) % len(rates)
    lasts = np.floor(generator.exponential(1 / np.array(rates)[channel]))
    periods = pd.DataFrame({"begins": begins, "ends": begins + lasts, "channel": channel})
    return tenure_spells(watched(periods))


def watched(periods: pd.DataFrame) -> pd.DataFrame:
    """The periods (begins, ends) as seen from FIRST to AS_OF."""
    ends = periods["ends"].where(periods["ends"] < AS_OF).astype("Int64")
    watched_periods = periods.assign(
        since=periods["begins"].clip(lower=FIRST), ends=ends, until=(ends + 1).fillna(AS_OF)
    )
    return watched_periods[watched_periods["begins"] < AS_OF]


def test_those_who_came_before_enter_late_and_those_who_stay_leave_our_sight() -> None:
    periods = pd.DataFrame(
        {
            "begins": [100, 900, 1000, 1100, 1364, 1365, 1200],
            "ends": pd.array([999, 1000, None, 1109, 1364, None, 1400], dtype="Int64"),
        }
    )
    unknown = watched(periods).assign(begins=None)
    observed = tenure_spells(pd.concat([watched(periods), unknown]))
    assert observed[["entry", "exit", "left"]].to_numpy().tolist() == [
        [100, 101, True],
        [0, 365, False],
        [0, 10, True],
        [0, 1, True],
        [0, 165, False],
    ]
    with pytest.raises(ValueError, match="left before"):
        tenure_spells(pd.DataFrame({"begins": [5], "since": [5], "ends": [4], "until": [4]}))


def test_the_curve_with_late_entry_is_that_of_the_hand() -> None:
    """At 3: 1 of 4 at risk leaves (who enters at 3 is not yet); at 4 1 of 4; at 5 1 of 3."""
    curve = kaplan_meier(
        spells((0, 3, True), (0, 5, False), (2, 5, True), (3, 7, True), (0, 4, True)), min_at_risk=1
    ).set_index("tenure_days")
    assert curve["survival"].to_dict() == pytest.approx(
        {0: 1, 2: 1, 3: 3 / 4, 4: 9 / 16, 5: 3 / 8, 7: 0}
    )
    assert curve["at_risk"].to_dict() == {0: 3, 2: 3, 3: 4, 4: 4, 5: 3, 7: 1}
    assert curve["left"].sum() == 4
    assert ((curve["low"] <= curve["survival"]) & (curve["survival"] <= curve["high"])).all()


def test_the_curve_is_drawn_only_where_enough_are_at_risk() -> None:
    early = [(0.0, 1.0, True), (10.0, 12.0, True), *[(20.0, 30.0 + n, True) for n in range(5)]]
    curve = kaplan_meier(spells(*early), min_at_risk=3)
    assert curve["tenure_days"].tolist() == [20, 30, 31, 32]
    assert curve["at_risk"].tolist() == [5, 5, 4, 3]
    assert curve["survival"].iloc[-1] == pytest.approx(2 / 5)
    gap = kaplan_meier(spells(*early), min_at_risk=1)
    assert gap["survival"].tolist() == [1, 0]
    for few in (spells(), spells((0, 9, True))):
        assert tuple(kaplan_meier(few).columns) == survival.CURVE
        assert kaplan_meier(few).empty


def test_hazard_is_leavers_over_customer_days_with_garwoods_interval() -> None:
    hazards = hazard_rates(spells((0, 30, True), (15, 45, True), (0, 10, False)), days=30)
    assert hazards[["from_day", "to_day", "left", "customer_days"]].to_numpy().tolist() == [
        [0, 30, 1, 55],
        [30, 60, 1, 15],
    ]
    assert hazards["hazard"].tolist() == pytest.approx([30 / 55, 2])
    assert (hazards["high"] / hazards["hazard"]).tolist() == pytest.approx([5.5716] * 2, abs=1e-3)
    assert (hazards["low"] / hazards["hazard"]).tolist() == pytest.approx([0.0253] * 2, abs=1e-3)
    nobody = hazard_rates(spells((60, 90, False)), days=30)
    assert nobody["from_day"].tolist() == [60]
    assert nobody["hazard"].tolist() == [0]
    assert tuple(hazard_rates(spells(), days=30).columns) == survival.HAZARD


def test_survival_and_hazard_find_the_truth_that_ignoring_late_entry_misses() -> None:
    """Each interval holds a true value in about 19 of 20 companies, on whole days."""
    late_entry: list[bool] = []
    naive: list[bool] = []
    rates: list[bool] = []
    for seed in range(60):
        part = company(seed)
        for table, outcomes in ((part, late_entry), (part.assign(entry=0.0), naive)):
            year = kaplan_meier(table)
            row = year[year["tenure_days"] <= 365].iloc[-1]
            outcomes.append(row["low"] <= np.exp(-0.003 * row["tenure_days"]) <= row["high"])
        bands = hazard_rates(part, days=30).iloc[:12]
        truth = 30 * (1 - np.exp(-0.003))
        rates += list((bands["low"] <= truth) & (truth <= bands["high"]))
    assert np.mean(late_entry) >= 0.88
    assert 0.93 <= np.mean(rates) <= 0.995
    assert np.mean(naive) < 0.2


def test_log_rank_is_that_of_statsmodels_with_and_without_late_entry() -> None:
    late = company(3, 300, (0.003, 0.005, 0.004))
    for rows in (late, late.assign(entry=0.0)):
        statistic, p_value = survdiff(
            rows["exit"], rows["left"], rows["channel"], entry=rows["entry"]
        )
        test = log_rank(rows, "channel")
        assert (test.statistic, test.p_value) == pytest.approx((statistic, p_value))
        assert test.degrees == 2


def test_the_curve_with_late_entry_is_that_of_statsmodels() -> None:
    rows = company(4, 300)
    curve = kaplan_meier(rows, min_at_risk=1)
    since = curve["tenure_days"].iloc[0]
    rows = rows[rows["exit"] > since]
    entry = np.maximum(rows["entry"], since)
    oracle = SurvfuncRight(rows["exit"], rows["left"], entry=entry)
    expected = pd.Series(oracle.surv_prob, index=oracle.surv_times)
    events = curve[curve["left"] > 0].set_index("tenure_days")["survival"]
    assert len(events) > 20
    assert events.to_numpy() == pytest.approx(expected.reindex(events.index).to_numpy())


def test_log_rank_sees_groups_that_differ_and_seldom_ones_that_do_not() -> None:
    alike = [log_rank(company(s, 300, (0.003,) * 3), "channel").p_value for s in range(100)]
    assert np.mean(np.array(alike) < 0.05) <= 0.11
    assert log_rank(company(1, 800, (0.003, 0.006)), "channel").p_value < 0.001
    for few in (spells(), spells((0, 1, True)), spells((0, 1, False), (0, 2, False))):
        test = log_rank(few.assign(channel=few.index), "channel")
        assert test.degrees == 0
        assert np.isnan(test.p_value)
