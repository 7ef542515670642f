"""Why customers leave: losses by first documented cause, and the excess losses of each cause.

These are associations. Customers with a cause are compared with customers of the same stratum
(tenure, channel, season) without it; other differences between the two stay in the estimate, and
only an experiment removes them. Causes also compete: a customer spared one of them may leave over
another, or anyway, so that removing a cause saves fewer customers than its excess, and the excesses
of several causes do not add up to what removing all of them would save.
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
ASSOCIATED: Final = "associated with"
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
class ExcessLosses:
    """Excess losses by cause, in the order of the indicator columns."""

    total: Floats  # (causes,) summed over the rows with the cause
    standard_error: Floats  # (causes,) of total


def losses_by_cause(at_risk: pd.DataFrame, indicators: pd.DataFrame) -> pd.DataFrame:
    """COLUMNS by cause, the greatest excess value first; losses without a cause, `unknown`, last.

    at_risk: a row a customer and period, periods of one length: customer_id, cause (the first
    documented one, null for none), left (in that period), stratum, value (net currency lost if
    left; null is none). indicators: 0 or 1 by cause, with the same index: every documented one.

    rows          customer periods with the cause documented
    lost, value_lost  customers and value lost whose first documented cause it was
    met           customers lost with the cause documented, first or not
    excess, low, high  losses that the cause adds, other causes held fixed, and its 95 % interval;
                  0 and null where no customer of the same stratum was without it
    excess_value  the same of value
    p_value, p_adjusted  two-sided, of no excess; adjusted for several causes after Holm (1979)
    verdict       a sentence; an excess is claimed where p_adjusted < .05
    ValueError where a cause is itself called `unknown`.
    """
    if UNKNOWN in indicators:
        raise ValueError(f"a cause is called {UNKNOWN!r}, which means no documented cause")
    left = at_risk["left"].to_numpy(dtype=float)
    value = at_risk["value"].to_numpy(dtype=float, na_value=0.0) * left
    excess = excess_by_cause(at_risk, indicators, left)
    half_width = Z95 * np.where(excess.standard_error > 0, excess.standard_error, np.nan)
    table = pd.DataFrame(
        {
            "cause": indicators.columns.astype("str"),
            "rows": indicators.to_numpy().sum(axis=0).astype(int),
            "met": (indicators.to_numpy() * left[:, None]).sum(axis=0).astype(int),
            "excess": excess.total,
            "low": excess.total - half_width,
            "high": excess.total + half_width,
            "excess_value": excess_by_cause(at_risk, indicators, value).total,
            "p_value": _two_sided_p_value(excess),
        }
    )
    first = at_risk["cause"].fillna(UNKNOWN)
    sums = pd.DataFrame({"lost": left, "value_lost": value}).groupby(first.to_numpy()).sum()
    table = table.join(sums.astype({"lost": int}), on="cause").fillna({"lost": 0, "value_lost": 0})
    table["p_adjusted"] = holm(table["p_value"].to_numpy(dtype=float))
    table["verdict"] = [_verdict(row) for row in table.to_dict("records")]
    table = table.sort_values(["excess_value", "cause"], ascending=[False, True])
    unknown = _unknown_row(sums, int(at_risk["cause"].isna().sum()))
    return pd.concat([table, unknown], ignore_index=True)[list(COLUMNS)].astype({"lost": int})


def excess_by_cause(
    at_risk: pd.DataFrame, indicators: pd.DataFrame, outcome: Floats
) -> ExcessLosses:
    """Fit outcome = a(stratum) + indicators b; sum each cause's b over the rows with the cause.

    outcome: (rows,), left as 0 or 1 counts customers, times value it sums money. This is the
    grouped form of the additive hazards model of Lin & Ying (1994): effects of causes add up, as
    those of competing reasons to leave do, and a loss with two causes is not counted for both.
    """
    # Ordinary least squares with a fixed effect for each stratum: subtract the stratum's mean from
    # both sides (Frisch-Waugh) instead of fitting a dummy column for each of many strata.
    codes, _ = pd.factorize(at_risk["stratum"])
    causes = indicators.to_numpy(dtype=float)
    if not causes.size:
        return ExcessLosses(np.zeros(causes.shape[1]), np.zeros(causes.shape[1]))
    demeaned = np.stack([_demean(column, codes) for column in causes.T], axis=1)
    bread = np.linalg.pinv(demeaned.T @ demeaned)
    demeaned_outcome = _demean(outcome, codes)
    slope = bread @ (demeaned.T @ demeaned_outcome)
    residual = demeaned_outcome - demeaned @ slope
    # Sandwich errors clustered by customer, whose periods are correlated (Liang & Zeger 1986).
    customers, _ = pd.factorize(at_risk["customer_id"])
    scores = np.stack([np.bincount(customers, column * residual) for column in demeaned.T], axis=1)
    variance = np.diag(bread @ (scores.T @ scores) @ bread)
    n_rows = causes.sum(axis=0)
    return ExcessLosses(n_rows * slope, n_rows * np.sqrt(np.maximum(variance, 0.0)))


def _demean(values: Floats, codes: "np.ndarray[tuple[int], np.dtype[np.intp]]") -> Floats:
    """The values less the mean of their stratum."""
    sums, counts = np.bincount(codes, values), np.bincount(codes)
    return np.asarray(values - (sums / counts)[codes])


def _two_sided_p_value(excess_losses: ExcessLosses) -> Floats:
    """nan where a cause does not vary within any stratum: there is nothing to compare with."""
    has_error = excess_losses.standard_error > 0
    z = np.abs(excess_losses.total) / np.where(has_error, excess_losses.standard_error, 1.0)
    return np.where(has_error, 2 * norm.sf(z), np.nan)


def _verdict(row: Mapping[Hashable, Any]) -> str:
    """A sentence on one cause that claims association only."""
    if not np.isfinite(row["p_value"]):
        return "no like customers without this trouble to compare with"
    low, high, excess = row["low"], row["high"], row["excess"]
    if row["p_adjusted"] >= ALPHA:
        return f"no more losses than expected can be shown ({low:,.0f} to {high:,.0f})"
    direction, ends = ("more", (low, high)) if excess > 0 else ("fewer", (-high, -low))
    claim = f"{abs(excess):,.0f} {direction} losses than expected"
    return f"{ASSOCIATED} about {claim} ({ends[0]:,.0f} to {ends[1]:,.0f})"


def _unknown_row(sums: pd.DataFrame, n_rows: int) -> pd.DataFrame:
    unknown = sums.reindex([UNKNOWN], fill_value=0.0).iloc[0]
    row = {
        "cause": UNKNOWN,
        "rows": n_rows,
        "lost": int(unknown["lost"]),
        "value_lost": float(unknown["value_lost"]),
        "verdict": "no trouble was documented before these losses",
    }
    return pd.DataFrame([row])
