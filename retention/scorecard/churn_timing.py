"""When customers leave, and what they brought by acquisition channel."""

import datetime as dt
from collections.abc import Hashable, Iterator
from typing import Any

import numpy as np
import pandas as pd

from retention.core.params import ChurnLabel
from retention.core.point_in_time import date_of
from retention.scorecard import channel_ltv, tenure_spells
from retention.scorecard.frames import Frames
from retention.scorecard.report_data import (
    ChannelLtv,
    ChurnTiming,
    Hazard,
    SurvivalCurve,
    SurvivalPoint,
)
from retention.stats import intervals, survival
from retention.stats.intervals import poisson_interval

BANDS = (0, 30, 90, 180, 365, 730)  # days of tenure at which a stretch of the hazard begins
MONTH = 30


def timing_report(
    tenure: pd.DataFrame, presence: pd.DataFrame, channel: "pd.Series[str]", churn: ChurnLabel
) -> ChurnTiming:
    """Survival and hazard by tenure, of all customers and by acquisition channel.

    tenure, presence: as `tenure_spells` makes them. Only spells with a known beginning count, from
    the tenure reached when they were first observed.
    """
    observed = survival.tenure_spells(tenure)
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
    if churn.rule == "silence":
        sentences += silence_sentences(tenure, presence, churn)
    else:
        sentences.append(
            "Departures are on record from"
            f" {date_of(tenure_spells.observed_from(tenure)):%-d %B %Y}; who came earlier counts"
            " from the tenure reached by then."
        )
    return ChurnTiming(shown, hazards, tuple(sentences))


def silence_sentences(
    tenure: pd.DataFrame, presence: pd.DataFrame, churn: ChurnLabel
) -> Iterator[str]:
    """Who counts as lost, how many silences ended with a return, and who is left out of curves."""
    days = tenure_spells.silence_days(churn)
    lost = int(tenure["ends"].notna().sum())
    yield (
        f"Lost is who was silent for {days} days or more and not back when the data ended:"
        f" {lost:,} of {len(tenure):,} customers; they left on the day of their last purchase."
    )
    fell_silent = int(presence["ends"].notna().sum())
    if returned := fell_silent - lost:
        verb = "was" if returned == 1 else "were"
        yield (
            f"Of {fell_silent:,} silences that long, {returned:,} ({returned / fell_silent:.0%})"
            f" ended with a return: those {verb} no departure, and some of the lost will"
            " return too."
        )
    if unknown := int(tenure["begins"].isna().sum()):
        verb = "is" if unknown == 1 else "are"
        yield (
            f"{unknown:,} of {len(tenure):,} customers bought in the first {days} days of the data,"
            f" may have come before it, and {verb} left out of these curves; a day of joining"
            " (customers.columns.joined_at) would bring them in."
        )


def _curve(name: str, table: pd.DataFrame) -> SurvivalCurve:
    """The curve from its start, thinned to one point a week, which is all that a chart shows."""
    ends = table.groupby(table["tenure_days"] // 7).tail(1).index
    weekly = table.loc[table.index[:1].union(ends)]
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


def ltv_reports(
    customers: pd.DataFrame, frames: Frames, tenure: pd.DataFrame, as_of: int, period: int
) -> tuple[ChannelLtv, ...]:
    """Lifetime value to date against acquisition cost by channel; customers: as data/customers."""
    first = tenure_spells.observed_from(tenure)
    joined = customers["joined_day"].fillna(
        customers["customer_id"].map(tenure_spells.first_day_by_customer(tenure))
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
