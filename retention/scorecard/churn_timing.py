"""When customers leave, with which documented causes, and what they brought by channel."""

import datetime as dt
from collections.abc import Hashable, Iterator
from typing import Any

import numpy as np
import pandas as pd

from retention.core.point_in_time import date_of
from retention.scorecard import channel_ltv, churn_by_cause, churn_drivers, tenure_spells
from retention.scorecard.frames import Frames
from retention.scorecard.report_data import (
    CauseReport,
    ChannelLtv,
    ChurnDrivers,
    ChurnTiming,
    Hazard,
    SurvivalCurve,
    SurvivalPoint,
)
from retention.stats import intervals, survival
from retention.stats.intervals import UNKNOWN, poisson_interval

BANDS = (0, 30, 90, 180, 365, 730)  # days of tenure at which a stretch of the hazard begins
MONTH = 30
TITLES = {
    "late": "delivered late",
    "not_right_first_time": "not right the first time",
    "overcharged": "charged above the agreed price",
    "price_rise": "price raised",
    "payment_failed": "payment refused",
    "not_addressed": "concern not addressed",
    "unprofessional": "unprofessional service",
    "impersonal": "treated as a number",
    "poor_result": "poor result",
    "treated_badly": "treated badly",
}
NOT_CAUSES = (
    "These are associations, not causes: customers with a trouble are compared with customers "
    "alike in tenure, season, renewal and acquisition who had none, and something else may set "
    "them apart. Only an experiment can say what mending a trouble would save, and mending one "
    "saves fewer than its excess, for some would have left over another or anyway."
)


def timing_report(spells: pd.DataFrame, channel: "pd.Series[str]", as_of: int) -> ChurnTiming:
    """Survival and hazard by tenure, of all customers and by acquisition channel.

    spells: customer_id, begins, ends. Only spells whose end could have been observed count, from
    the tenure reached when the record of departures begins.
    """
    observed_from = tenure_spells.departures_observed_from(spells)
    observed = survival.tenure_spells(spells, observed_from, as_of)
    with_channel = observed.assign(
        channel=intervals.label_groups(observed["customer_id"].map(channel))
    )
    curves = [_curve("all customers", survival.kaplan_meier(observed))]
    if len(set(with_channel["channel"])) > 1:
        curves += [
            _curve(str(name), survival.kaplan_meier(part))
            for name, part in with_channel.groupby("channel")
        ]
    shown = tuple(curve for curve in curves if curve.points)
    hazards = tuple(_hazards(observed))
    sentences = [_median_tenure_sentence(shown[0])] if shown else []
    sentences += _peak_hazard_sentence(hazards)
    sentences += _log_rank_sentence(with_channel)
    sentences.append(
        f"Departures are on record from {date_of(observed_from):%-d %B %Y}; who came earlier"
        " counts from the tenure reached by then."
    )
    return ChurnTiming(shown, hazards, tuple(sentences))


def _curve(name: str, table: pd.DataFrame) -> SurvivalCurve:
    """The curve thinned to one point a week, which is all that a chart shows."""
    weekly = table.groupby(table["tenure_days"] // 7).tail(1)
    return SurvivalCurve(
        name,
        tuple(
            SurvivalPoint(int(row["tenure_days"]), row["survival"], row["low"], row["high"])
            for row in weekly.to_dict("records")
        ),
    )


def _hazards(observed: pd.DataFrame) -> Iterator[Hazard]:
    """The churn rate a month between BANDS, with the exact interval of its Poisson count."""
    daily = survival.hazard_rates(observed, days=1)
    for start, end in zip(BANDS, (*BANDS[1:], None), strict=True):
        rows = daily[(daily["from_day"] >= start) & (daily["from_day"] < (end or np.inf))]
        days, left = float(rows["customer_days"].sum()), int(rows["left"].sum())
        if days > 0:
            low, high = (float(limit[0]) for limit in poisson_interval(np.array([float(left)])))
            rate, low, high = (count * MONTH / days for count in (left, low, high))
            reached = int(
                ((observed["exit"] > start) & (observed["entry"] < (end or np.inf))).sum()
            )
            yield Hazard("all customers", start, end, rate, low, high, left, reached)


def _median_tenure_sentence(curve: SurvivalCurve) -> str:
    """The tenure by which half have left, or how many remain at the curve's end."""
    half = next((step for step in curve.points if step.survival <= 0.5), None)
    if half:
        return f"Half of the customers have left after {half.day:,} days."
    last = curve.points[-1]
    return f"After {last.day:,} days {last.survival:.0%} are still customers."


def _peak_hazard_sentence(hazards: tuple[Hazard, ...]) -> list[str]:
    reliable = [hazard for hazard in hazards if hazard.per_month is not None and hazard.left >= 20]
    if not reliable:
        return []
    steepest = max(reliable, key=lambda hazard: hazard.per_month or 0.0)
    stretch = f"from day {steepest.from_day:,}"
    if steepest.to_day:
        stretch = f"between day {steepest.from_day:,} and day {steepest.to_day:,}"
    return [f"Customers are likeliest to leave {stretch}: {steepest.per_month:.1%} a month."]


def _log_rank_sentence(spells: pd.DataFrame) -> list[str]:
    test = survival.log_rank(spells, "channel")
    if not test.degrees or not np.isfinite(test.p_value):
        return []
    if test.p_value < 0.01:
        return [
            "Acquisition channels differ beyond chance in how long their customers stay"
            " (log-rank test, p < .01)."
        ]
    return ["Acquisition channels do not differ beyond chance in how long their customers stay."]


def drivers_report(
    spells: pd.DataFrame, frames: Frames, channel: "pd.Series[str]", days: int
) -> ChurnDrivers:
    """Losses by first documented cause; `frames["present"]` has customers at risk by period."""
    at_risk = frames["present"]
    observed_from = tenure_spells.departures_observed_from(spells)
    present = at_risk[at_risk["period"] >= observed_from].reset_index(drop=True)
    if not present["left"].any():
        return ChurnDrivers(sentences=("Nobody has left on record.",))
    failures = frames["failures"]
    # A source may record a case whose cause is "unknown": that documents no cause.
    failures = failures[failures["cause"] != UNKNOWN]
    recent = churn_by_cause.recent_failures(present, failures)
    documented = churn_by_cause.cause_indicators(present, recent)
    rows = present.assign(
        cause=churn_by_cause.first_causes(present, recent),
        stratum=churn_by_cause.strata(present, channel, days),
        value=0.0,
    )
    leavers = rows[rows["left"]]
    rows.loc[rows["left"], "value"] = tenure_spells.yearly_value(leavers, frames["money"])
    table = churn_drivers.losses_by_cause(rows, documented)
    causes = table[table["cause"] != UNKNOWN].to_dict("records")
    unknown = table[table["cause"] == UNKNOWN].iloc[0]
    lost = int(table["lost"].sum())
    return ChurnDrivers(
        causes=tuple(_cause_report(row) for row in causes),
        unknown_lost=int(unknown["lost"]),
        unknown_value=float(unknown["value_lost"]),
        lost=lost,
        sentences=(
            f"{lost:,} customers left since {date_of(int(present['period'].min())):%-d %B %Y};"
            f" for {int(unknown['lost']):,} of them nothing was documented in the"
            f" {churn_by_cause.LOOKBACK_DAYS} days before."
            " Value is what they brought net in a year.",
            NOT_CAUSES,
        ),
    )


def _cause_report(row: dict[Hashable, Any]) -> CauseReport:
    cause = str(row["cause"])
    return CauseReport(
        cause=cause,
        title=TITLES.get(cause, cause.replace("_", " ")),
        lost=int(row["lost"]),
        value=row["value_lost"],
        lost_with_cause=int(row["met"]),
        excess=row["excess"],
        low=_none_if_nan(row["low"]),
        high=_none_if_nan(row["high"]),
        excess_value=row["excess_value"],
        verdict=row["verdict"],
    )


def ltv_reports(
    customers: pd.DataFrame, frames: Frames, spells: pd.DataFrame, as_of: int, period: int
) -> tuple[ChannelLtv, ...]:
    """Lifetime value to date against acquisition cost by channel; customers: as data/customers."""
    first = tenure_spells.departures_observed_from(spells)
    joined = customers["joined_day"].fillna(
        customers["customer_id"].map(tenure_spells.first_day_by_customer(spells))
    )
    acquired = customers.assign(channel=customers["acquisition_channel"], joined=joined)
    acquired = acquired[acquired["joined"].notna() & acquired["channel"].notna()].astype(
        {"joined": "int64"}
    )
    if not len(acquired):
        return ()
    table = channel_ltv.ltv_by_channel(acquired, frames["money"], first, as_of)
    curves = channel_ltv.margin_curves(acquired, frames["money"], first, as_of)
    return tuple(_ltv_report(row, curves, as_of, period) for row in table.to_dict("records"))


def _ltv_report(
    row: dict[Hashable, Any], curves: pd.DataFrame, as_of: int, period: int
) -> ChannelLtv:
    curve = curves[curves["channel"] == row["channel"]]
    month = _none_if_nan(row["break_even_month"])
    return ChannelLtv(
        channel=str(row["channel"]),
        customers=int(row["customers"]),
        cost=_none_if_nan(row["acquisition_cost"]),
        curve=tuple(zip(curve["month"].astype(int), curve["margin"].astype(float), strict=True)),
        break_even_month=month,
        low=_none_if_nan(row["low"]),
        high=_none_if_nan(row["high"]),
        break_even_on=None if month is None else _months_after(as_of - period // 2, int(month)),
        verdict=str(row["verdict"]),
    )


def _none_if_nan(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def _months_after(day: int, months: int) -> dt.date:
    """The day so many months later, for those who joined in the middle of the period."""
    date = date_of(day)
    month = np.datetime64(date, "M") + months
    last = (month + 1).astype("datetime64[D]") - 1
    later: dt.date = min(month.astype("datetime64[D]") + (date.day - 1), last).item()
    return later
