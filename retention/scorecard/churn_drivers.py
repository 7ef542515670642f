"""Why customers leave: losses by the first documented trouble, and what each trouble adds.

What is found here is association. Customers with a trouble are compared with customers of the same
stratum (tenure, channel, season) without it; what else sets them apart stays in the difference,
and only an experiment can take it out. Causes also compete: a customer who is spared one trouble
may leave over another, or anyway, so that mending a cause saves fewer than its excess, and the
excesses of several causes do not add up to what mending all of them would save.
"""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
from scipy.stats import norm

from retention.stats.intervals import UNKNOWN, Z95, Floats
from retention.stats.multiplicity import holm

ALPHA: Final = 0.05
CLAIM: Final = "associated with"
COLUMNS: Final = (
    "cause",
    "rows",
    "lost",
    "value_lost",
    "met",
    "excess",
    "low",
    "high",
    "excess_value",
    "p_value",
    "p_adjusted",
    "verdict",
)


@dataclass(frozen=True)
class Excess:
    """Per cause (the columns of `documented`): the sum over all its rows, its standard error."""

    total: Floats
    error: Floats


def losses(at_risk: pd.DataFrame, documented: pd.DataFrame) -> pd.DataFrame:
    """COLUMNS by cause, the greatest excess value first and those without a cause, `unknown`, last.

    at_risk: a row a customer and period, all of one length: customer_id, cause (the first
    documented one, null for none), left (whether in that period), stratum, value (net currency
    lost if left; null is none). documented: 0 or 1 by cause, with the same index: all that was.

    rows          periods in which the cause was documented
    lost, value_lost  customers and value lost whose first documented cause it was
    met           customers lost with the cause documented, first or not
    excess, low, high  what the cause adds to losses beside the others, and its 95 % interval; 0
                  and null where nobody like those who had it was spared
    excess_value  the same of value
    p_value, p_adjusted  two-sided, of no excess; Holm's (1979) for looking at several causes
    verdict       a sentence; an excess is claimed where p_adjusted < .05
    ValueError where a cause is itself called `unknown`.
    """
    if UNKNOWN in documented:
        raise ValueError(f"a cause is called {UNKNOWN!r}, which means no documented cause")
    left = at_risk["left"].to_numpy(dtype=float)
    value = at_risk["value"].to_numpy(dtype=float, na_value=0.0) * left
    counted = excess(at_risk, documented, left)
    error = np.where(counted.error > 0, counted.error, np.nan)
    low, high = counted.total - Z95 * error, counted.total + Z95 * error
    table = pd.DataFrame(
        {
            "cause": documented.columns.astype("str"),
            "rows": documented.to_numpy().sum(axis=0).astype(int),
            "met": (documented.to_numpy() * left[:, None]).sum(axis=0).astype(int),
            "excess": counted.total,
            "low": low,
            "high": high,
            "excess_value": excess(at_risk, documented, value).total,
            "p_value": _two_sided(counted),
        }
    )
    first = at_risk["cause"].fillna(UNKNOWN)
    sums = pd.DataFrame({"lost": left, "value_lost": value}).groupby(first.to_numpy()).sum()
    table = table.join(sums.astype({"lost": int}), on="cause").fillna({"lost": 0, "value_lost": 0})
    table["p_adjusted"] = holm(table["p_value"].to_numpy(dtype=float))
    table["verdict"] = [_verdict(row) for row in table.to_dict("records")]
    table = table.sort_values(["excess_value", "cause"], ascending=[False, True])
    unknown = _unknown(sums, int(at_risk["cause"].isna().sum()))
    return pd.concat([table, unknown], ignore_index=True)[list(COLUMNS)].astype({"lost": int})


def excess(at_risk: pd.DataFrame, documented: pd.DataFrame, outcome: Floats) -> Excess:
    """outcome = a(stratum) + documented b: the sum of each cause's share b over its rows.

    outcome: (rows,), left as 0 or 1 gives customers, times value money. It is the grouped form of
    the additive hazards model of Lin & Ying (1994): causes add up, as competing reasons to leave
    do, and a customer with two is not counted for both. Least squares within strata; errors by
    customer, whose periods hang together (Liang & Zeger 1986).
    """
    codes, _ = pd.factorize(at_risk["stratum"])
    troubles = documented.to_numpy(dtype=float)
    if not troubles.size:
        return Excess(np.zeros(troubles.shape[1]), np.zeros(troubles.shape[1]))
    inside = np.stack([_within(column, codes) for column in troubles.T], axis=1)
    bread = np.linalg.pinv(inside.T @ inside)
    left = _within(outcome, codes)
    slope = bread @ (inside.T @ left)
    spare = left - inside @ slope
    customers, _ = pd.factorize(at_risk["customer_id"])
    scores = np.stack([np.bincount(customers, column * spare) for column in inside.T], axis=1)
    variance = np.diag(bread @ (scores.T @ scores) @ bread)
    many = troubles.sum(axis=0)
    return Excess(many * slope, many * np.sqrt(np.maximum(variance, 0.0)))


def _within(values: Floats, codes: "np.ndarray[tuple[int], np.dtype[np.intp]]") -> Floats:
    """Less the mean of its stratum."""
    sums, many = np.bincount(codes, values), np.bincount(codes)
    return np.asarray(values - (sums / many)[codes])


def _two_sided(counted: Excess) -> Floats:
    """nan where a cause never varies within a stratum: then nobody is like those who had it."""
    told = counted.error > 0
    z = np.abs(counted.total) / np.where(told, counted.error, 1.0)
    return np.where(told, 2 * norm.sf(z), np.nan)


def _verdict(row: Mapping[Hashable, Any]) -> str:
    """What may be said of one cause, in words that claim association only."""
    if not np.isfinite(row["p_value"]):
        return "no like customers without this trouble to compare with"
    low, high, more = row["low"], row["high"], row["excess"]
    if row["p_adjusted"] >= ALPHA:
        return f"no more losses than expected can be shown ({low:,.0f} to {high:,.0f})"
    said, ends = ("more", (low, high)) if more > 0 else ("fewer", (-high, -low))
    number = f"{abs(more):,.0f} {said} losses than expected"
    return f"{CLAIM} about {number} ({ends[0]:,.0f} to {ends[1]:,.0f})"


def _unknown(sums: pd.DataFrame, rows: int) -> pd.DataFrame:
    found = sums.reindex([UNKNOWN], fill_value=0.0).iloc[0]
    told = {
        "cause": UNKNOWN,
        "rows": rows,
        "lost": int(found["lost"]),
        "value_lost": float(found["value_lost"]),
        "verdict": "no trouble was documented before these losses",
    }
    return pd.DataFrame([told])
