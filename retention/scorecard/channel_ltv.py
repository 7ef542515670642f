"""What customers of each acquisition channel have brought by now, against what winning them cost.

Only customers who joined while we watched count: of earlier ones the early months are unknown,
and those who left meanwhile were never seen. A month is a calendar month of the customer's own:
month 1 ends on the day of the next month on which they joined.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from retention.stats.intervals import Floats, named

LEAST: Final = 20  # customers observed for a month, or it is not shown
DRAWS: Final = 500
_CELLS: Final = 20_000_000  # of one batch of resampling weights
CURVE: Final = ("channel", "month", "customers", "margin")
WORTH: Final = (
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
class _Channel:
    """margin (n, months) by customer and month; observed (n,) whole months; cost (n,), nan."""

    margin: Floats
    observed: NDArray[np.int64]
    cost: Floats


def months_between(first: ArrayLike, then: ArrayLike) -> NDArray[np.int64]:
    """(n,) whole calendar months from days to days, both since 1970-01-01; below 0 where before."""
    days = [np.asarray(one, dtype=np.int64).astype("datetime64[D]") for one in (first, then)]
    months = [one.astype("datetime64[M]") for one in days]
    of_month = [
        day - month.astype("datetime64[D]") for day, month in zip(days, months, strict=True)
    ]
    whole = months[1].astype(np.int64) - months[0].astype(np.int64)
    return np.asarray(whole - (of_month[1] < of_month[0]))


def curve(
    customers: pd.DataFrame,
    margins: pd.DataFrame,
    first_day: int,
    as_of: int,
    least: int = LEAST,
) -> pd.DataFrame:
    """CURVE: mean net margin per acquired customer in the first `month` months, currency.

    customers: customer_id, channel, joined (day), acquisition_cost (null unknown); those joined in
    [first_day, as_of) count. margins: customer_id, day, net; what lies before joining counts in
    month 1, at as_of or later not at all. Days are since 1970-01-01.

    It is the sum over months m of the mean of month m over the `customers` observed for all of it,
    leavers with 0 from then on (the partitioned estimator of Lin et al. 1997, where only as_of
    censors). A channel ends where fewer than `least` were observed. It takes later cohorts to be
    worth what earlier ones were.
    """
    tables = [
        pd.DataFrame(
            {
                "channel": pd.Series([name] * one.margin.shape[1], dtype="str"),
                "month": np.arange(1, one.margin.shape[1] + 1),
                "customers": _watched(one).sum(axis=0),
                "margin": _cumulative(one, np.ones((1, len(one.cost))))[0],
            }
        )
        for name, one in _channels(customers, margins, first_day, as_of, least).items()
    ]
    empty = pd.DataFrame({name: [] for name in CURVE})
    return pd.concat(tables, ignore_index=True) if tables else empty


def worth(
    customers: pd.DataFrame,
    margins: pd.DataFrame,
    first_day: int,
    as_of: int,
    least: int = LEAST,
    draws: int = DRAWS,
    seed: int = 1,
) -> pd.DataFrame:
    """WORTH: a row a channel, by name, from the same frames as `curve`.

    customers         acquired while we watched
    acquisition_cost  mean of those whose cost is known; nan of none
    months, margin    the curve's end
    break_even_month  the first month by whose end margin >= acquisition_cost, 0 where it cost
                      nothing, nan where not yet
    low, high         its 95 % interval over `draws` resamples of customers, cost and margin
                      together, each weighed by a Poisson(1) count (Hanley & MacGibbon 2006); nan
                      where that end lies beyond `months`
    """
    rows = []
    for name, one in _channels(customers, margins, first_day, as_of, least).items():
        generator = np.random.default_rng([seed, *name.encode()])
        plain = np.ones((1, len(one.cost)))
        months = one.margin.shape[1]
        month = _break_even(one, plain)[0]
        low, high = _interval(one, draws, generator) if months else (np.nan, np.nan)
        costs, margin = _mean_cost(one, plain)[0], _cumulative(one, plain)[0, -1:].sum()
        said = _verdict(month, low, high, months, costs)
        rows.append((name, len(one.cost), costs, months, margin, month, low, high, said))
    table = pd.DataFrame(rows, columns=list(WORTH))
    late = ["break_even_month", "low", "high"]
    return table.assign(**{end: table[end].astype(float).replace(np.inf, np.nan) for end in late})


def _channels(
    customers: pd.DataFrame,
    margins: pd.DataFrame,
    first_day: int,
    as_of: int,
    least: int,
) -> dict[str, _Channel]:
    """Each channel's customers by the months since they joined."""
    acquired = customers[(customers["joined"] >= first_day) & (customers["joined"] < as_of)]
    joined = acquired["joined"].to_numpy(dtype=np.int64)
    observed = months_between(joined, np.full(len(joined), as_of))
    known = margins[margins["day"] < as_of]
    place = pd.Index(acquired["customer_id"]).get_indexer(pd.Index(known["customer_id"]))
    known, place = known[place >= 0], place[place >= 0]
    month = np.maximum(months_between(joined[place], known["day"]), 0)
    money = known["net"].to_numpy(dtype=float)
    cost = acquired["acquisition_cost"].to_numpy(dtype=float, na_value=np.nan)
    found = {}
    of_customer = named(acquired["channel"]).to_numpy()
    for name in sorted(set(of_customer)):
        chosen = of_customer == name
        months = _months(observed[chosen], least)
        inside = chosen[place] & (month < months)
        row = np.cumsum(chosen) - 1
        cell = row[place[inside]] * months + month[inside]
        size = int(chosen.sum()) * months
        margin = np.bincount(cell, weights=money[inside], minlength=size).astype(float)
        found[str(name)] = _Channel(
            margin.reshape(int(chosen.sum()), months), observed[chosen], cost[chosen]
        )
    return found


def _months(observed: NDArray[np.int64], least: int) -> int:
    """The months for which `least` were observed."""
    ordered = np.sort(observed)[::-1]
    return int(ordered[max(least, 1) - 1]) if len(ordered) >= max(least, 1) else 0


def _watched(one: _Channel) -> NDArray[np.bool_]:
    """(n, months) whether the month was over by as_of."""
    return one.observed[:, None] > np.arange(one.margin.shape[1])


def _cumulative(one: _Channel, weight: Floats) -> Floats:
    """(draws, months) cumulative mean margin under weights (draws, n)."""
    watched = _watched(one).astype(float)
    total, people = weight @ (one.margin * watched), weight @ watched
    return np.cumsum(total / np.where(people > 0, people, np.nan), axis=1)


def _mean_cost(one: _Channel, weight: Floats) -> Floats:
    """(draws,) mean known cost, nan of none."""
    known = np.isfinite(one.cost)
    people = weight[:, known].sum(axis=1)
    return (weight[:, known] @ one.cost[known]) / np.where(people > 0, people, np.nan)


def _break_even(one: _Channel, weight: Floats) -> Floats:
    """(draws,) first month that pays, inf where none does, nan where the cost is unknown."""
    cost = _mean_cost(one, weight)
    curve = np.column_stack([np.zeros(len(weight)), _cumulative(one, weight)])
    pays = curve >= cost[:, None]
    first = np.where(pays.any(axis=1), pays.argmax(axis=1), np.inf)
    return np.where(np.isfinite(cost), first, np.nan)


def _interval(one: _Channel, draws: int, generator: np.random.Generator) -> tuple[float, float]:
    """(low, high) months; inf where beyond the curve, nan where the cost is unknown."""
    n = len(one.cost)
    batch = max(_CELLS // max(n, 1), 1)
    drawn = [
        _break_even(one, generator.poisson(1.0, (min(batch, draws - begun), n)).astype(float))
        for begun in range(0, draws, batch)
    ]
    months = np.concatenate(drawn) if drawn else np.empty(0)
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
    return f"paid back by month {month:.0f} ({ends[0]} to {ends[1]})"
