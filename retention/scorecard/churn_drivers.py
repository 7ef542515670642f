"""Why customers leave: losses by first documented cause, and the excess losses of each cause.

These are associations. Time with a cause is compared with time of customers of the same stratum
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
    "time",
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

    total: Floats  # (causes,) summed over the time with the cause
    standard_error: Floats  # (causes,) of total


def losses_by_cause(at_risk: pd.DataFrame, indicators: pd.DataFrame) -> pd.DataFrame:
    """COLUMNS by cause, the greatest excess value first; losses without a cause, `unknown`, last.

    at_risk: a row a stretch of a customer's time: customer_id, time (how long at risk, in any one
    unit), cause (the first documented one, null for none), left (at its end), stratum, value (net
    currency lost if left; null is none). indicators: 0 or 1 by cause, with the same index: every
    documented one.

    time          at risk with the cause documented
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
            "time": indicators.to_numpy().T @ at_risk["time"].to_numpy(dtype=float),
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
    without = ~indicators.to_numpy(dtype=bool).any(axis=1)
    unknown = _unknown_row(sums, float(at_risk["time"].to_numpy(dtype=float)[without].sum()))
    return pd.concat([table, unknown], ignore_index=True)[list(COLUMNS)].astype({"lost": int})


def excess_by_cause(
    at_risk: pd.DataFrame, indicators: pd.DataFrame, outcome: Floats
) -> ExcessLosses:
    """Fit a rate of the outcome, a(stratum) + indicators b; sum each b over the time with a cause.

    outcome: (rows,) at the end of each row's time; left as 0 or 1 counts customers, times value it
    sums money. This is the additive hazards model of Lin & Ying (1994) with covariates that change
    over time, its baseline constant within a stratum: effects of causes add up, as those of
    competing reasons to leave do, and a loss with two causes is not counted for both.
    """
    # Least squares of outcome / time weighted by time, with a fixed effect for each stratum: its
    # mean is subtracted (Frisch-Waugh) instead of fitting a dummy for each of many strata.
    codes, _ = pd.factorize(at_risk["stratum"])
    time = at_risk["time"].to_numpy(dtype=float)
    causes = indicators.to_numpy(dtype=float)
    if not causes.size:
        return ExcessLosses(np.zeros(causes.shape[1]), np.zeros(causes.shape[1]))
    in_stratum = np.bincount(codes, time)
    demeaned = np.stack(
        [column - (np.bincount(codes, column * time) / in_stratum)[codes] for column in causes.T],
        axis=1,
    )
    bread = np.linalg.pinv(demeaned.T @ (demeaned * time[:, None]))
    beyond_mean = outcome - time * (np.bincount(codes, outcome) / in_stratum)[codes]
    slope = bread @ (demeaned.T @ beyond_mean)
    residual = beyond_mean - time * (demeaned @ slope)
    # Sandwich errors clustered by customer, whose time hangs together (Liang & Zeger 1986).
    customers, _ = pd.factorize(at_risk["customer_id"])
    scores = np.stack([np.bincount(customers, column * residual) for column in demeaned.T], axis=1)
    variance = np.diag(bread @ (scores.T @ scores) @ bread)
    exposed = causes.T @ time
    return ExcessLosses(exposed * slope, exposed * np.sqrt(np.maximum(variance, 0.0)))


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


def _unknown_row(sums: pd.DataFrame, time: float) -> pd.DataFrame:
    unknown = sums.reindex([UNKNOWN], fill_value=0.0).iloc[0]
    row = {
        "cause": UNKNOWN,
        "time": time,
        "lost": int(unknown["lost"]),
        "value_lost": float(unknown["value_lost"]),
        "verdict": "no trouble was documented before these losses",
    }
    return pd.DataFrame([row])
