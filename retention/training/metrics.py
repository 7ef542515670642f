"""How good predictions are: pure functions of arrays, and intervals that resample customers.

Everywhere y is 1 for a churner and p the predicted P(churn), both (n,). A number that a sample
cannot give (one class, nothing predicted) is nan, never an error: bootstrap counts those.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import isotonic_regression
from scipy.special import betainc
from scipy.stats import rankdata

from models.components.base import Floats, log_odds
from models.components.calibration import logistic_line
from retention.stats.bootstrap import tie_ranks

TOP_SHARE = 0.1  # the top decile
BINS = 10  # of the expected calibration error
CLV, OFFER, CONTACT = 200.0, 10.0, 1.0  # EMPC's d and f: cost of the offer and of the contact
ACCEPTS = (6.0, 14.0)  # gamma, the share of would-be churners who take the offer, is Beta(6, 14)


def _one_class(y: Floats) -> bool:
    return len(y) == 0 or y.min() == y.max()


# Discrimination


def roc_auc(y: Floats, p: Floats) -> float:
    """P(p of a churner > p of a stayer), ties half: (R - n1 (n1 + 1) / 2) / (n1 n0)
    with R the churners' sum of mid-ranks (Mann & Whitney 1947)."""
    if _one_class(y):
        return float("nan")
    churners = float(y.sum())
    ranks = float((rankdata(p) * y).sum())
    return (ranks - churners * (churners + 1) / 2) / (churners * (len(y) - churners))


def _curve(y: Floats, p: Floats) -> tuple[Floats, Floats]:
    """Churners and stayers at each distinct p, from the highest down."""
    order = np.argsort(-p, kind="stable")
    ends = np.append(np.flatnonzero(np.diff(p[order])), len(p) - 1)
    churners = np.diff(np.cumsum(y[order])[ends], prepend=0.0)
    return churners, np.diff(ends, prepend=-1) - churners


def average_precision(y: Floats, p: Floats) -> float:
    """Sum over distinct p of (recall gained) * (precision there); ties are one step."""
    if len(y) == 0 or y.max() == 0:
        return float("nan")
    churners, stayers = _curve(y, p)
    precision = np.cumsum(churners) / np.cumsum(churners + stayers)
    return float((churners * precision).sum() / churners.sum())


def top(p: Floats, rows: int, order: ArrayLike) -> NDArray[np.intp]:
    """The `rows` rows with the greatest p; of equal p those first in `order`, then in place."""
    return np.lexsort((np.asarray(order), -p))[:rows]


def lift_at(y: Floats, p: Floats, rows: int, order: ArrayLike) -> float:
    """Churn rate of the `rows` riskiest over that of all; rows beyond n are everyone."""
    if len(y) == 0 or y.max() == 0:
        return float("nan")
    return float(y[top(p, max(rows, 1), order)].mean() / y.mean())


def lift_in(y: Floats, p: Floats, share: float, order: ArrayLike) -> float:
    """Lift among the riskiest `share` of rows, rounded up."""
    return lift_at(y, p, int(np.ceil(share * len(y) - 1e-9)), order)


def precision_at(y: Floats, p: Floats, rows: int, order: ArrayLike) -> float:
    """Share of churners among the `rows` riskiest."""
    return float(y[top(p, max(rows, 1), order)].mean()) if len(y) else float("nan")


# Calibration


def brier(y: Floats, p: Floats) -> float:
    """Mean squared error of p (Brier 1950)."""
    return float(np.mean((p - y) ** 2)) if len(y) else float("nan")


def brier_skill(y: Floats, p: Floats) -> float:
    """1 - Brier / Brier of the constant mean(y); 0 says no better than the base rate."""
    if _one_class(y):
        return float("nan")
    return 1 - brier(y, p) / float(np.mean(y) * (1 - np.mean(y)))


def log_losses(y: Floats, p: Floats) -> Floats:
    """(n,) -ln of the probability given to what happened, p clipped 1e-12 away from 0 and 1."""
    inside = np.clip(p, 1e-12, 1 - 1e-12)
    return -(y * np.log(inside) + (1 - y) * np.log1p(-inside))


def log_loss(y: Floats, p: Floats) -> float:
    """-mean(y ln p + (1 - y) ln(1 - p)), the mean of `log_losses`."""
    return float(np.mean(log_losses(y, p))) if len(y) else float("nan")


def ece(y: Floats, p: Floats) -> float:
    """Expected calibration error: sum over 10 bins of equal width of (rows / n) |mean p - mean y|.

    A bin is [k/10, (k + 1)/10), the last one closed (Naeini, Cooper & Hauskrecht 2015).
    """
    if len(y) == 0:
        return float("nan")
    bins = np.minimum((p * BINS).astype(int), BINS - 1)
    return float(np.abs(np.bincount(bins, weights=p - y, minlength=BINS)).sum() / len(y))


def calibration_line(y: Floats, p: Floats) -> tuple[float, float]:
    """(intercept, slope) of ln(P/(1 - P)) = intercept + slope ln(p/(1 - p)) (Cox 1958).

    (0, 1) is perfect; a slope below 1 says that p is too extreme. nan where y is one class, p is
    constant or separates the classes.
    """
    if _one_class(y):
        return float("nan"), float("nan")
    line = logistic_line(log_odds(p), y, np.ones_like(y))
    return line if line else (float("nan"), float("nan"))


# Profit


def _hull(y: Floats, p: Floats) -> tuple[Floats, Floats]:
    """(F0, F1): shares of churners and of stayers targeted at the corners of the ROC hull.

    The hull's edges are the blocks of the isotonic regression of y on p (Fawcett &
    Niculescu-Mizil 2007).
    """
    churners, stayers = _curve(y, p)
    rows = churners + stayers
    blocks = isotonic_regression(churners / rows, weights=rows, increasing=False).blocks
    f0 = np.concatenate([[0.0], np.cumsum(churners)[blocks[1:] - 1]])
    f1 = np.concatenate([[0.0], np.cumsum(stayers)[blocks[1:] - 1]])
    return f0 / churners.sum(), f1 / stayers.sum()


@dataclass(frozen=True)
class Profit:
    """Money a customer of the base and the share of it to target."""

    money: float
    share: float


_NO_PROFIT = Profit(float("nan"), float("nan"))


def _terms(y: Floats, p: Floats) -> tuple[Floats, Floats, Floats]:
    """At each corner of the hull: profit = gamma * gain - cost, and the share targeted.

    P(t; gamma) = CLV (gamma (1 - delta) - phi) pi0 F0 - CLV (delta + phi) pi1 F1,
    delta = d / CLV, phi = f / CLV (Verbraken, Verbeke & Baesens 2013, equation 9).
    """
    f0, f1 = _hull(y, p)
    churners, stayers = y.mean() * f0, (1 - y.mean()) * f1
    return (
        (CLV - OFFER) * churners,
        CONTACT * churners + (OFFER + CONTACT) * stayers,
        (churners + stayers),
    )


def mp(y: Floats, p: Floats) -> Profit:
    """Maximum profit when exactly E[gamma] = .3 of would-be churners take the offer."""
    if _one_class(y):
        return _NO_PROFIT
    gain, cost, share = _terms(y, p)
    profit = ACCEPTS[0] / sum(ACCEPTS) * gain - cost
    best = int(np.argmax(profit))
    return Profit(float(profit[best]), float(share[best]))


def empc(y: Floats, p: Floats) -> Profit:
    """Expected maximum profit measure for churn: mp averaged over gamma ~ Beta(6, 14).

    Between two corners the gamma at which their profits are equal decides; over each interval
    of gamma E[gamma; a, b] and P(a, b) are exact incomplete Beta integrals.
    """
    if _one_class(y):
        return _NO_PROFIT
    gain, cost, share = _terms(y, p)
    rising = np.append(True, np.diff(gain) > 0)  # a last edge without churners never pays
    gain, cost, share = gain[rising], cost[rising], share[rising]
    turns = np.clip(np.diff(cost) / np.diff(gain), 0.0, 1.0)
    edges = np.concatenate([[0.0], turns, [1.0]])
    a, b = ACCEPTS
    chance = np.diff(betainc(a, b, edges))
    mean = a / (a + b) * np.diff(betainc(a + 1, b, edges))
    return Profit(float(gain @ mean - cost @ chance), float(share @ chance))


def churn_metrics(y: ArrayLike, p: ArrayLike, capacity: int, order: ArrayLike) -> dict[str, float]:
    """Every churn metric by name; ties at the list's end go to the first in `order` (n,)."""
    churned, risk = np.asarray(y, dtype=float), np.asarray(p, dtype=float)
    ties = tie_ranks(order)
    intercept, slope = calibration_line(churned, risk)
    expected = empc(churned, risk)
    return {
        "roc_auc": roc_auc(churned, risk),
        "average_precision": average_precision(churned, risk),
        "lift_top_decile": lift_in(churned, risk, TOP_SHARE, ties),
        "lift_at_capacity": lift_at(churned, risk, capacity, ties),
        "precision_at_capacity": precision_at(churned, risk, capacity, ties),
        "brier": brier(churned, risk),
        "brier_skill": brier_skill(churned, risk),
        "log_loss": log_loss(churned, risk),
        "ece": ece(churned, risk),
        "calibration_intercept": intercept,
        "calibration_slope": slope,
        "empc": expected.money,
        "empc_share": expected.share,
        "mp": mp(churned, risk).money,
    }


# Value


def mae(y: Floats, predicted: Floats) -> float:
    """Mean absolute error, currency."""
    return float(np.abs(predicted - y).mean()) if len(y) else float("nan")


def bias(y: Floats, predicted: Floats) -> float:
    """sum(predicted) / sum(actual); nan unless money came in on the whole."""
    actual = float(y.sum())
    return float(predicted.sum()) / actual if actual > 0 else float("nan")


def spearman(y: Floats, predicted: Floats) -> float:
    """Pearson's correlation of mid-ranks; nan when either is constant."""
    if len(y) < 2:
        return float("nan")
    a, b = rankdata(y), rankdata(predicted)
    a, b = a - a.mean(), b - b.mean()
    norm = float(np.sqrt((a * a).sum() * (b * b).sum()))
    return float((a * b).sum()) / norm if norm > 0 else float("nan")


def _gini(y: Floats, ranks: Floats) -> float:
    """2 cov(y, F(score)) / mean(y), F the mid-rank share; ties need no order (Lerman 1984)."""
    centred = ranks - ranks.mean()
    return 2 * float((y * centred).sum()) / (len(y) * float(y.sum()))


def normalised_gini(y: Floats, predicted: Floats) -> float:
    """Gini(y, predicted) / Gini(y, y): 1 ranks money perfectly, 0 by chance."""
    if len(y) == 0 or y.sum() <= 0 or y.min() == y.max():
        return float("nan")
    return _gini(y, rankdata(predicted)) / _gini(y, rankdata(y))


def coverage(y: Floats, low: Floats, high: Floats) -> float:
    """Share of actual values in [low, high]."""
    return float(((low <= y) & (y <= high)).mean()) if len(y) else float("nan")


def width(low: Floats, high: Floats) -> float:
    """Mean of high - low, currency."""
    return float((high - low).mean()) if len(low) else float("nan")


def value_metrics(
    y: ArrayLike, predicted: ArrayLike, low: ArrayLike, high: ArrayLike
) -> dict[str, float]:
    """Every value metric by name; all arguments (n,), currency."""
    actual, mean, bottom, ceiling = (
        np.asarray(one, dtype=float) for one in (y, predicted, low, high)
    )
    return {
        "mae": mae(actual, mean),
        "bias": bias(actual, mean),
        "spearman": spearman(actual, mean),
        "normalised_gini": normalised_gini(actual, mean),
        "coverage": coverage(actual, bottom, ceiling),
        "width": width(bottom, ceiling),
    }
