"""Lifetime value to date by acquisition channel, against the cost of acquisition.

Only customers who joined within the observed period count: of earlier ones the first months are
unknown, and those who left before it are missing altogether. A month is counted from the day the
customer joined: month 1 ends on that day of the next calendar month, or on its last.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from retention.stats.intervals import Floats, label_groups

MIN_CUSTOMERS: Final = 20  # a month that fewer customers were observed for is not shown
N_RESAMPLES: Final = 500
_MAX_WEIGHTS: Final = 20_000_000  # resampling weights held in memory at once
CURVE_COLUMNS: Final = ("channel", "month", "customers", "margin")
LTV_COLUMNS: Final = (
    "channel",
    "customers",
    "acquisition_cost",
    "months",
    "margin",
    "break_even_month",
    "low",
    "high",
    "verdict",
)


@dataclass(frozen=True)
class _ChannelMargins:
    """The n customers of a channel."""

    margin: Floats  # (n, months) by customer and month since joining
    observed: NDArray[np.int64]  # (n,) whole months from joining to as_of
    cost: Floats  # (n,) acquisition cost, nan where unknown


def months_between(first: ArrayLike, last: ArrayLike) -> NDArray[np.int64]:
    """(n,) whole calendar months from first to last, both days since 1970-01-01.

    A month from the 31st ends on the last day of a shorter month.
    """
    days = [np.asarray(date, dtype=np.int64).astype("datetime64[D]") for date in (first, last)]
    months = [date.astype("datetime64[M]") for date in days]
    day_of_month = [
        day - month.astype("datetime64[D]") for day, month in zip(days, months, strict=True)
    ]
    whole = months[1].astype(np.int64) - months[0].astype(np.int64)
    length = (months[1] + 1).astype("datetime64[D]") - months[1].astype("datetime64[D]")
    ends = np.minimum(day_of_month[0], length - np.timedelta64(1, "D"))
    return np.asarray(whole - (day_of_month[1] < ends))


def margin_curves(
    customers: pd.DataFrame,
    margins: pd.DataFrame,
    first_day: int,
    as_of: int,
    min_customers: int = MIN_CUSTOMERS,
) -> pd.DataFrame:
    """CURVE_COLUMNS: mean net margin per acquired customer in the first `month` months, currency.

    customers: customer_id, channel, joined (day), acquisition_cost (null: unknown); those who
    joined in [first_day, as_of) count. margins: customer_id, day, net; margin before joining counts
    in month 1, at as_of or later not at all. Days are since 1970-01-01.

    The sum over months m of the mean of month m over the `customers` observed for all of it, with 0
    for those who have left (the partitioned estimator of Lin et al. 1997, where only as_of
    censors). A curve ends where fewer than `min_customers` were observed. It assumes that later
    cohorts behave like earlier ones.
    """
    tables = [
        pd.DataFrame(
            {
                "channel": pd.Series([name] * channel.margin.shape[1], dtype="str"),
                "month": np.arange(1, channel.margin.shape[1] + 1),
                "customers": _month_observed(channel).sum(axis=0),
                "margin": _cumulative_margin(channel, np.ones((1, len(channel.cost))))[0],
            }
        )
        for name, channel in _margins_by_channel(
            customers, margins, first_day, as_of, min_customers
        ).items()
    ]
    empty = pd.DataFrame({name: [] for name in CURVE_COLUMNS})
    return pd.concat(tables, ignore_index=True) if tables else empty


def ltv_by_channel(
    customers: pd.DataFrame,
    margins: pd.DataFrame,
    first_day: int,
    as_of: int,
    min_customers: int = MIN_CUSTOMERS,
    n_resamples: int = N_RESAMPLES,
    seed: int = 1,
) -> pd.DataFrame:
    """LTV_COLUMNS: a row a channel, by name, from the same frames as `margin_curves`.

    customers         acquired within the observed period
    acquisition_cost  mean of those whose cost is known; nan of none
    months, margin    the curve's end
    break_even_month  the first month by whose end margin >= acquisition_cost, 0 where it cost
                      nothing, nan where not yet
    low, high         its 95 % interval over `n_resamples` resamples of customers, cost and
                      margin together, each weighted by a Poisson(1) count (Hanley & MacGibbon
                      2006); nan where that end lies beyond `months`
    """
    rows = []
    for name, channel in _margins_by_channel(
        customers, margins, first_day, as_of, min_customers
    ).items():
        generator = np.random.default_rng([seed, *name.encode()])
        unweighted = np.ones((1, len(channel.cost)))
        months = channel.margin.shape[1]
        month = _break_even_month(channel, unweighted)[0]
        low, high = np.nan, np.nan
        if months:
            low, high = _break_even_interval(channel, n_resamples, generator)
        cost = _mean_cost(channel, unweighted)[0]
        margin = _cumulative_margin(channel, unweighted)[0, -1:].sum()
        verdict = _verdict(month, low, high, months, cost)
        rows.append((name, len(channel.cost), cost, months, margin, month, low, high, verdict))
    table = pd.DataFrame(rows, columns=list(LTV_COLUMNS))
    # A month beyond the curve is inf above and unknown to the reader.
    months = ["break_even_month", "low", "high"]
    return table.assign(
        **{name: table[name].astype(float).replace(np.inf, np.nan) for name in months}
    )


def _margins_by_channel(
    customers: pd.DataFrame,
    margins: pd.DataFrame,
    first_day: int,
    as_of: int,
    min_customers: int,
) -> dict[str, _ChannelMargins]:
    """Each channel's margins by customer and month since joining."""
    acquired = customers[(customers["joined"] >= first_day) & (customers["joined"] < as_of)]
    joined = acquired["joined"].to_numpy(dtype=np.int64)
    observed = months_between(joined, np.full(len(joined), as_of))
    # The row of `acquired` that each margin belongs to; margins of other customers are left out.
    past_margins = margins[margins["day"] < as_of]
    customer_ids = pd.Index(past_margins["customer_id"])
    customer_index = pd.Index(acquired["customer_id"]).get_indexer(customer_ids)
    is_acquired = customer_index >= 0
    past_margins, customer_index = past_margins[is_acquired], customer_index[is_acquired]
    month = np.maximum(months_between(joined[customer_index], past_margins["day"]), 0)
    money = past_margins["net"].to_numpy(dtype=float)
    cost = acquired["acquisition_cost"].to_numpy(dtype=float, na_value=np.nan)
    channels = {}
    channel_names = label_groups(acquired["channel"]).to_numpy()
    for name in sorted(set(channel_names)):
        in_channel = channel_names == name
        months = _n_months(observed[in_channel], min_customers)
        inside = in_channel[customer_index] & (month < months)
        # Sum into the cells of a (customers, months) matrix, numbered row by row.
        n_customers = int(in_channel.sum())
        row = np.cumsum(in_channel) - 1
        cell = row[customer_index[inside]] * months + month[inside]
        sums = np.bincount(cell, weights=money[inside], minlength=n_customers * months)
        margin = sums.astype(float).reshape(n_customers, months)
        channels[str(name)] = _ChannelMargins(margin, observed[in_channel], cost[in_channel])
    return channels


def _n_months(observed: NDArray[np.int64], min_customers: int) -> int:
    """The months for which at least min_customers were observed."""
    needed = max(min_customers, 1)
    ordered = np.sort(observed)[::-1]
    return int(ordered[needed - 1]) if len(ordered) >= needed else 0


def _month_observed(channel: _ChannelMargins) -> NDArray[np.bool_]:
    """(n, months) whether the customer's month was over by as_of."""
    return channel.observed[:, None] > np.arange(channel.margin.shape[1])


def _cumulative_margin(channel: _ChannelMargins, weight: Floats) -> Floats:
    """(resamples, months) cumulative mean margin under weights (resamples, n)."""
    month_observed = _month_observed(channel).astype(float)
    total, n_customers = weight @ (channel.margin * month_observed), weight @ month_observed
    return np.cumsum(total / np.where(n_customers > 0, n_customers, np.nan), axis=1)


def _mean_cost(channel: _ChannelMargins, weight: Floats) -> Floats:
    """(resamples,) mean of the known costs, nan of none."""
    has_cost = np.isfinite(channel.cost)
    n_customers = weight[:, has_cost].sum(axis=1)
    total = weight[:, has_cost] @ channel.cost[has_cost]
    return np.asarray(total / np.where(n_customers > 0, n_customers, np.nan))


def _break_even_month(channel: _ChannelMargins, weight: Floats) -> Floats:
    """(resamples,) first month that pays, inf where none does, nan where the cost is unknown."""
    cost = _mean_cost(channel, weight)
    curve = np.column_stack([np.zeros(len(weight)), _cumulative_margin(channel, weight)])
    pays = curve >= cost[:, None]
    first = np.where(pays.any(axis=1), pays.argmax(axis=1), np.inf)
    return np.where(np.isfinite(cost), first, np.nan)


def _break_even_interval(
    channel: _ChannelMargins, n_resamples: int, generator: np.random.Generator
) -> tuple[float, float]:
    """(low, high) months; inf where beyond the curve, nan where the cost is unknown."""
    n = len(channel.cost)
    batch = max(_MAX_WEIGHTS // max(n, 1), 1)
    batches = []
    for start in range(0, n_resamples, batch):
        weight = generator.poisson(1.0, (min(batch, n_resamples - start), n)).astype(float)
        batches.append(_break_even_month(channel, weight))
    months = np.concatenate(batches) if batches else np.empty(0)
    months = months[~np.isnan(months)]
    if not len(months):
        return np.nan, np.nan
    low, high = np.quantile(months, [0.025, 0.975], method="inverted_cdf")
    return float(low), float(high)


def _verdict(month: float, low: float, high: float, months: int, cost: float) -> str:
    if np.isnan(cost):
        return "the acquisition cost is not known"
    if months == 0:
        return "too few customers observed for a month"
    if np.isinf(month):
        return f"not yet paid back within {months} month{'' if months == 1 else 's'}"
    if month == 0:
        return "winning them cost nothing"
    ends = [f"{end:.0f}" if np.isfinite(end) else f"later than {months}" for end in (low, high)]
    likely = "" if ends[0] == ends[1] else f" ({ends[0]} to {ends[1]})"
    return f"pays for itself in month {month:.0f}{likely}"
