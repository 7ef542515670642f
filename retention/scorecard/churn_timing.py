"""When customers leave, why as far as is documented, and what they were worth by then."""

import datetime as dt
from collections.abc import Hashable, Iterator
from typing import Any

import numpy as np
import pandas as pd

from retention.core.point_in_time import date_of
from retention.scorecard import channel_ltv, churn_by_cause, churn_drivers, spells
from retention.scorecard.frames import Frames
from retention.scorecard.report_data import Cause, Curve, Hazard, Step, When, Why, Worth
from retention.stats import intervals, survival
from retention.stats.intervals import UNKNOWN, poisson

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


def when(lives: pd.DataFrame, channel: "pd.Series[str]", as_of: int) -> When:
    """Survival and hazard by tenure, of all and by acquisition channel.

    lives: customer_id, begins, ends of every spell. Only those whose end could have been seen
    count, from the tenure they had when the record of departures begins.
    """
    begun = spells.observed_from(lives)
    seen = survival.watched(lives, begun, as_of)
    named = seen.assign(channel=intervals.named(seen["customer_id"].map(channel)))
    curves = [_curve("all customers", survival.curve(seen))]
    if len(set(named["channel"])) > 1:
        curves += [
            _curve(str(name), survival.curve(part)) for name, part in named.groupby("channel")
        ]
    told = tuple(one for one in curves if one.points)
    hazards = tuple(_hazards(seen))
    words = [_half_left(told[0])] if told else []
    words += _steepest(hazards)
    words += _apart(named)
    words.append(f"Departures are on record from {date_of(begun):%-d %B %Y}; who came earlier"
                 " counts from the tenure reached by then.")  # fmt: skip
    return When(told, hazards, tuple(words))


def _curve(name: str, table: pd.DataFrame) -> Curve:
    """One step a week at most: the eye sees no more."""
    weekly = table.groupby(table["tenure_days"] // 7).tail(1)
    return Curve(
        name,
        tuple(
            Step(int(row["tenure_days"]), row["survival"], row["low"], row["high"])
            for row in weekly.to_dict("records")
        ),
    )


def _hazards(seen: pd.DataFrame) -> Iterator[Hazard]:
    """The rate a month between BANDS, the exact interval of its count over the days watched."""
    fine = survival.hazards(seen, days=1)
    for start, end in zip(BANDS, (*BANDS[1:], None), strict=True):
        rows = fine[(fine["from_day"] >= start) & (fine["from_day"] < (end or np.inf))]
        days, left = float(rows["customer_days"].sum()), int(rows["left"].sum())
        if days > 0:
            low, high = (float(one[0]) for one in poisson(np.array([float(left)])))
            rate, low, high = (count * MONTH / days for count in (left, low, high))
            reached = int(((seen["exit"] > start) & (seen["entry"] < (end or np.inf))).sum())
            yield Hazard("all customers", start, end, rate, low, high, left, reached)


def _half_left(curve: Curve) -> str:
    """The tenure by which half have left, or how many remain at the curve's end."""
    half = next((step for step in curve.points if step.share <= 0.5), None)
    if half:
        return f"Half of the customers have left after {half.day:,} days."
    last = curve.points[-1]
    return f"After {last.day:,} days {last.share:.0%} are still customers."


def _steepest(hazards: tuple[Hazard, ...]) -> list[str]:
    told = [one for one in hazards if one.per_month is not None and one.left >= 20]
    if not told:
        return []
    worst = max(told, key=lambda one: one.per_month or 0.0)
    stretch = f"from day {worst.from_day:,}"
    if worst.to_day:
        stretch = f"between day {worst.from_day:,} and day {worst.to_day:,}"
    return [f"Customers are likeliest to leave {stretch}: {worst.per_month:.1%} a month."]


def _apart(named: pd.DataFrame) -> list[str]:
    test = survival.log_rank(named, "channel")
    if not test.degrees or not np.isfinite(test.p_value):
        return []
    if test.p_value < 0.01:
        return ["Acquisition channels differ beyond chance in how long their customers stay"
                " (log-rank test, p < .01)."]  # fmt: skip
    return ["Acquisition channels do not differ beyond chance in how long their customers stay."]


def why(lives: pd.DataFrame, frames: Frames, channel: "pd.Series[str]", days: int) -> Why:
    """Losses by first documented cause; `frames["present"]` says who was there and who left."""
    seen = frames["present"]
    present = seen[seen["period"] >= spells.observed_from(lives)].reset_index(drop=True)
    if not present["left"].any():
        return Why(words=("Nobody has left on record.",))
    failures = frames["failures"]
    failures = failures[failures["cause"] != UNKNOWN]  # as a source may say of a case
    before = churn_by_cause.troubles(present, failures)
    documented = churn_by_cause.documented(present, before)
    rows = present.assign(
        cause=churn_by_cause.first_causes(present, before),
        stratum=churn_by_cause.strata(present, channel, days),
        value=0.0,
    )
    rows.loc[rows["left"], "value"] = spells.yearly_value(rows[rows["left"]], frames["money"])
    table = churn_drivers.losses(rows, documented)
    told = table[table["cause"] != UNKNOWN].to_dict("records")
    unknown = table[table["cause"] == UNKNOWN].iloc[0]
    lost = int(table["lost"].sum())
    return Why(
        tuple(
            Cause(
                str(row["cause"]), _title(str(row["cause"])),
                int(row["lost"]), row["value_lost"], int(row["met"]), row["excess"],
                _known(row["low"]), _known(row["high"]), row["excess_value"], row["verdict"],
            )
            for row in told
        ),
        int(unknown["lost"]),
        float(unknown["value_lost"]),
        lost,
        (f"{lost:,} customers left since {date_of(int(present['period'].min())):%-d %B %Y};"
         f" for {int(unknown['lost']):,} of them nothing was documented in the"
         f" {churn_by_cause.MEMORY} days before."
         " Value is what they brought net in a year.", NOT_CAUSES),
    )  # fmt: skip


def _title(cause: str) -> str:
    """In plain words; a cause of the company's own without its underscores."""
    return TITLES.get(cause, cause.replace("_", " "))


def worths(
    customers: pd.DataFrame, frames: Frames, lives: pd.DataFrame, as_of: int, period: int
) -> tuple[Worth, ...]:
    """Lifetime value to date against acquisition cost by channel; customers: as data/customers."""
    first = spells.observed_from(lives)
    joined = customers["joined_day"].fillna(
        customers["customer_id"].map(spells.first_day_of(lives))
    )
    came = customers.assign(channel=customers["acquisition_channel"], joined=joined)
    came = came[came["joined"].notna() & came["channel"].notna()].astype({"joined": "int64"})
    if not len(came):
        return ()
    table = channel_ltv.worth(came, frames["money"], first, as_of)
    curves = channel_ltv.curve(came, frames["money"], first, as_of)
    return tuple(_worth(row, curves, as_of, period) for row in table.to_dict("records"))


def _worth(row: dict[Hashable, Any], curves: pd.DataFrame, as_of: int, period: int) -> Worth:
    mine = curves[curves["channel"] == row["channel"]]
    month = _known(row["break_even_month"])
    return Worth(
        channel=str(row["channel"]),
        customers=int(row["customers"]),
        cost=_known(row["acquisition_cost"]),
        curve=tuple(zip(mine["month"].astype(int), mine["margin"].astype(float), strict=True)),
        break_even_month=month,
        low=_known(row["low"]),
        high=_known(row["high"]),
        break_even_on=None if month is None else _months_after(as_of - period // 2, int(month)),
        words=str(row["verdict"]),
    )


def _known(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def _months_after(day: int, months: int) -> dt.date:
    """The day so many months later, for those who joined in the middle of the period."""
    date = date_of(day)
    month = np.datetime64(date, "M") + months
    last = (month + 1).astype("datetime64[D]") - 1
    later: dt.date = min(month.astype("datetime64[D]") + (date.day - 1), last).item()
    return later
