"""Curves and lifetime values, fitted beside the churn and value models on the same folds.

Models of person-period rows are weighed out of fold, as churn models are. Everything that is used
for a day was known on it: a fold's models see the periods and windows that had closed by its day.
"""

from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from models.components.base import ChurnModel, Floats
from models.components.bgnbd import BGNBD
from models.components.blend import clipped_log_odds
from models.components.calibration import intercept_for_mean
from models.components.curve import (
    LIST,
    PERIOD,
    Curve,
    HazardBlend,
    announced_days,
    part_hazards,
    part_names,
    period_ends,
    person_periods,
)
from models.components.interval import ValueInterval
from models.components.lifetime import Lifetime, LifetimeValue, WindowFactors
from models.components.rfm import FREQUENCY, RECENCY, TENURE
from models.components.uplift import fold_of
from retention.core.params import Params
from retention.stats import weighted
from retention.training import selection, stacking
from retention.training.candidates import ModelFactory
from retention.training.competition import Competition
from retention.training.durations import Durations
from retention.training.folds import Fold
from retention.training.histories import Histories
from retention.training.rows import LabelledRows

MODELS: Final = ("churn_lightgbm", "churn_logistic")
"""That are fitted to person-period rows."""
MOST_ROWS: Final = 100_000
"""Of a fit; of more, whole customers are left out, by a hash of theirs."""
_ROUNDS: Final = 80
_SALT: Final = "person periods"
_ENOUGH: Final = 30
"""Rows from which a share of value is told; of fewer that of the window before holds."""
_PRIOR_EVENTS: Final = 20.0
"""By which the intercept of a period is drawn to that of all periods."""
_LEAVING: Final = 0.5
"""Share of a window of which a customer is still there who leaves in it, before it is measured."""


@dataclass(frozen=True)
class Parts:
    """Models fitted to the person-period rows that were known on a day."""

    models: tuple[tuple[str, ChurnModel], ...]
    bgnbd: BGNBD | None
    ends: list[int]  # of the periods that were seen


@dataclass(frozen=True)
class LifetimeFold:
    """What a fold says of its test customers; n rows."""

    fold: Fold
    positions: NDArray[np.intp]  # of the test rows among all rows
    ends: list[int]
    names: list[str]  # of the models of person-period rows
    log_odds: Floats  # (n, periods, parts)
    p: Floats  # (n,), of the list as on the day
    if_kept: Floats  # (n,), account currency
    if_lost: Floats  # (n,), account currency
    announced: Floats  # (n,), days
    weight: Floats  # (n,)


@dataclass(frozen=True)
class LifetimeSpec:
    """What folds say that is known on a day; a refit repeats it unchanged."""

    weights: dict[str, float]
    intercepts: dict[int, float]  # by the end of the period
    intercept: float  # of periods that no fold has seen
    factors: WindowFactors
    interval: ValueInterval | None = None
    interval_days: int = 0
    kept_word: float = 1.0


@dataclass
class LifetimeTraining:
    """Fits curves and values on the folds of a competition.

    Parameters
    ----------
    make : callable
        From `model_factory`.
    rows : LabelledRows
    durations : Durations
        Of the rows.
    competition : Competition
        Evaluated.
    params : Params
    histories : Histories
        Of all customers.
    usable : tuple of str
        Names of models that have not failed.
    """

    make: ModelFactory
    rows: LabelledRows
    durations: Durations
    competition: Competition
    params: Params
    histories: Histories
    usable: tuple[str, ...]
    folds: list[LifetimeFold] = field(default_factory=list)

    @property
    def names(self) -> list[str]:
        """The models of person-period rows that have not failed, in order."""
        return [name for name in MODELS if name in self.usable]

    def add(self, fold: Fold) -> None:
        """Fit on a fold's past, and keep what it says of the fold's test.

        Parameters
        ----------
        fold : Fold
            Of the competition, by time.
        """
        positions = np.flatnonzero(self.rows.day == fold.test)
        test = self.rows.tests([fold])
        trained = np.flatnonzero(np.isin(self.rows.day, fold.train))
        parts = self.fit_parts(trained, fold.test)
        spec = self.competition.measured_spec(fold)
        newest = {name: result.on([fold]) for name, result in self.competition.candidates.items()}
        if_kept, if_lost = selection.blended_values(spec, newest)
        churn = self.params.labels.churn
        log_odds = part_hazards(
            parts.models,
            parts.bgnbd,
            test.X,
            churn.rule,
            churn.horizon_days,
            churn.gap_days,
            parts.ends,
        )
        self.folds.append(
            LifetimeFold(
                fold,
                positions,
                parts.ends,
                [name for name, _ in parts.models],
                log_odds,
                expit(selection.blended_log_odds(spec, newest)),
                if_kept,
                if_lost,
                announced_days(test.X, churn.gap_days),
                test.weight,
            )
        )

    def fit_parts(self, positions: NDArray[np.intp], day: int) -> Parts:
        """Fit the models to what was known of some rows on a day.

        Parameters
        ----------
        positions : ndarray of shape (n,)
            Of the rows to learn from.
        day : int
            Day number.

        Returns
        -------
        Parts
            Without a model where nobody, or everybody, left in the periods that are known.
        """
        churn, durations = self.params.labels.churn, self.durations.take(positions)
        followed = durations.followed(day, self.params)
        max_windows = int(followed.max(initial=0))
        ends = period_ends(churn.horizon_days, churn.rule, max_windows)
        row, period, event = person_periods(durations.left, followed, ends)
        parts = -(-len(row) // MOST_ROWS)
        if parts > 1:
            used = fold_of(self.rows.customer[positions], parts, _SALT)[row] == 0
            row, period, event = row[used], period[used], event[used]
        bgnbd = self._bgnbd(day) if churn.rule == "silence" else None
        if len(np.unique(event)) < 2 or not (self.rows.weight[positions[row]] > 0).any():
            return Parts((), bgnbd, ends)
        columns = self.rows.take(positions).telling_columns()
        X = (
            self.rows.X[columns]
            .iloc[positions[row]]
            .assign(**{PERIOD: np.array([0.0, *ends[:-1]])[period]})
        )
        weight = self.rows.weight[positions[row]]
        fitted: list[tuple[str, ChurnModel]] = []
        for name in self.names:
            overrides = {"rounds": _ROUNDS, "seeds": 1} if name == "churn_lightgbm" else {}
            own = self.params.train.models.get(name, {})
            model: Any = self.make(name, **{**overrides, **own, **_steps(overrides, own)})
            fitted.append((name, model.fit(X, event, weight)))
        return Parts(tuple(fitted), bgnbd, ends)

    def _bgnbd(self, day: int) -> BGNBD | None:
        if not {RECENCY, TENURE, FREQUENCY} <= set(self.rows.X.columns):
            return None
        return BGNBD.fit_histories(self.histories.on(day))

    def spec(self, day: int) -> LifetimeSpec:
        """What the folds say that is known on a day.

        Parameters
        ----------
        day : int
            Day number.

        Returns
        -------
        LifetimeSpec
            With equal weights where no fold has shown a period after the label's horizon.
        """
        churn = self.params.labels.churn
        names = [*part_names(self.names, churn.rule), LIST]
        known_folds = [fold for fold in self.folds if fold.fold.test < day]
        table = [self._hazard_rows(fold, day) for fold in known_folds]
        table = [rows for rows in table if len(rows.y)]
        # BG/NBD is not fitted to labels: unless it is all there is, it counts once it is compared.
        trusted = self.names or names[:-1]
        weights = dict.fromkeys(trusted, round(1 / len(trusted), 4)) if trusted else {}
        intercepts: dict[int, float] = {}
        intercept = 0.0
        if table and 0 < sum(rows.y.sum() for rows in table) < sum(len(rows.y) for rows in table):
            log_odds = np.concatenate([rows.log_odds for rows in table])
            y, end, weight = (
                np.concatenate([getattr(rows, name) for rows in table])
                for name in ("y", "end", "weight")
            )
            turn_weight = 1 / max(1, len({fold.fold.test for fold in known_folds}))
            fitted_weights = stacking.churn_weights(
                log_odds, y, end, weight * max(turn_weight, 0.25)
            )
            weights = dict(zip(names, fitted_weights.tolist(), strict=True))
            intercept, intercepts = _intercepts(log_odds @ fitted_weights, y, end, weight)
        kept_word = self._kept_word(known_folds)
        spec = LifetimeSpec(weights, intercepts, intercept, _no_factors(), kept_word=kept_word)
        return self._with_values(spec, known_folds, day)

    def _hazard_rows(self, fold: LifetimeFold, day: int) -> "_HazardRows":
        """The test rows of a fold in the periods after the horizon that are known on a day."""
        horizon = self.params.labels.churn.horizon_days
        durations = self.durations.take(fold.positions)
        followed = durations.followed(day, self.params)
        row, period, event = person_periods(durations.left, followed, fold.ends)
        later = np.array(fold.ends)[period] > horizon if len(period) else np.zeros(0, dtype=bool)
        row, period, event = row[later], period[later], event[later]
        of_list = clipped_log_odds(fold.p)[row][:, None]
        parts = fold.log_odds[row, period]
        wanted = len(self.names) + (self.params.labels.churn.rule == "silence")
        if parts.shape[1] < wanted:
            return _HazardRows(np.empty((0, wanted + 1)), np.empty(0), np.empty(0), np.empty(0))
        return _HazardRows(
            np.column_stack([parts, of_list]),
            event,
            np.array(fold.ends)[period],
            fold.weight[row],
        )

    def _kept_word(self, known_folds: list[LifetimeFold]) -> float:
        """The share of ends announced for the label window that came in it."""
        came = total = 0.0
        for fold in known_folds:
            soon = fold.announced <= self.params.labels.churn.horizon_days
            came += float(self.rows.churned[fold.positions][soon].sum())
            total += float(soon.sum())
        return (came + 9.0) / (total + 10.0)

    def _with_values(
        self, spec: LifetimeSpec, known_folds: list[LifetimeFold], day: int
    ) -> LifetimeSpec:
        """The specification with shares of value and the interval."""
        window_days = self.params.labels.value.horizon_days
        horizon = self.params.train.lifetime_days
        max_windows = max(1, horizon // window_days)
        counted = [self._windows(fold, day) for fold in known_folds]
        factors = window_factors(
            [
                (self.durations.take(fold.positions), fold, windows)
                for fold, windows in zip(known_folds, counted, strict=True)
            ],
            window_days,
            self.params.labels.churn.horizon_days,
            max_windows,
        )
        enough = [
            window
            for window in range(1, max_windows + 1)
            if sum(int((windows >= window).sum()) for windows in counted) >= _ENOUGH
        ]
        if not enough:
            return LifetimeSpec(**{**vars(spec), "factors": factors})
        days = max(enough) * window_days
        value = LifetimeValue(window_days, factors)
        expected, actual, weight = [], [], []
        for fold, windows in zip(known_folds, counted, strict=True):
            used = windows >= max(enough)
            curve = self.curve_of(fold, spec)
            total = value.expected(curve, fold.if_kept, fold.if_lost, days)
            expected.append(total[used])
            realised = self.durations.values[fold.positions][:, : max(enough)].sum(axis=1)
            actual.append(realised[used])
            weight.append(fold.weight[used])
        interval = ValueInterval().fit(
            np.concatenate(expected),
            np.concatenate(actual),
            weighted.unless_equal(np.concatenate(weight)),
        )
        return LifetimeSpec(
            **{**vars(spec), "factors": factors, "interval": interval, "interval_days": days}
        )

    def _windows(self, fold: LifetimeFold, day: int) -> NDArray[np.int64]:
        """Value windows of a fold's tests that had closed on a day; (n,)."""
        durations = self.durations.take(fold.positions)
        followed = durations.followed(day, self.params)
        return np.asarray(followed // self.params.labels.value.horizon_days)

    def curve_of(self, fold: LifetimeFold, spec: LifetimeSpec) -> Curve:
        """The curves of a fold's tests under a specification.

        Parameters
        ----------
        fold : LifetimeFold
        spec : LifetimeSpec

        Returns
        -------
        Curve
        """
        nothing: Any = None
        fitted = tuple((name, nothing) for name in fold.names)
        blend = self._blend(fitted, None, fold.ends, spec)
        return blend.combine(fold.log_odds, fold.p, fold.announced)

    def _blend(
        self,
        models: tuple[tuple[str, ChurnModel], ...],
        bgnbd: BGNBD | None,
        ends: list[int],
        spec: LifetimeSpec,
    ) -> HazardBlend:
        churn = self.params.labels.churn
        later = [end for end in ends if end > churn.horizon_days]
        return HazardBlend(
            churn.rule,
            churn.horizon_days,
            churn.gap_days,
            models,
            spec.weights,
            ends,
            [spec.intercepts.get(end, spec.intercept) for end in later],
            bgnbd,
            spec.kept_word,
        )

    def fit(self, spec: LifetimeSpec, day: int) -> Lifetime:
        """Fit on all rows by what is known on a day.

        Parameters
        ----------
        spec : LifetimeSpec
        day : int
            Day number.

        Returns
        -------
        Lifetime
        """
        parts = self.fit_parts(np.arange(len(self.rows.day)), day)
        return Lifetime(
            self._blend(parts.models, parts.bgnbd, parts.ends, spec),
            LifetimeValue(self.params.labels.value.horizon_days, spec.factors),
            self.params.train.lifetime_days,
            spec.interval,
            spec.interval_days,
        )


@dataclass(frozen=True)
class _HazardRows:
    log_odds: Floats  # (m, parts and the list)
    y: Floats  # (m,)
    end: Floats  # (m,), of the period
    weight: Floats  # (m,)


def _steps(overrides: dict[str, Any], own: dict[str, Any]) -> dict[str, Any]:
    """Fewer rounds where steps are larger."""
    if "rounds" in overrides and "learning_rate" in own and "rounds" not in own:
        return {"rounds": max(10, round(overrides["rounds"] * 0.05 / own["learning_rate"]))}
    return {}


def _no_factors() -> WindowFactors:
    return WindowFactors([1.0], [_LEAVING], [0.0], 1)


def _intercepts(
    z: Floats, y: Floats, end: Floats, weight: Floats
) -> tuple[float, dict[int, float]]:
    """The intercept of all periods, and that of each, drawn to it by its number of events."""
    pooled = round(intercept_for_mean(z, y, weight), 6)
    fitted_weights: dict[int, float] = {}
    for number in np.unique(end).astype(int).tolist():
        rows = end == number
        events = float((weight * y)[rows].sum())
        if 0 < events < float(weight[rows].sum()):
            own = intercept_for_mean(z[rows], y[rows], weight[rows])
            fitted_weights[number] = round(
                pooled + (own - pooled) * events / (events + _PRIOR_EVENTS), 6
            )
    return pooled, fitted_weights


def window_factors(
    folds: list[tuple[Durations, LifetimeFold, NDArray[np.int64]]],
    window_days: int,
    churn_days: int,
    max_windows: int,
) -> WindowFactors:
    """Shares of the first window's value if kept that later windows brought.

    Parameters
    ----------
    folds : list of (Durations, LifetimeFold, ndarray of shape (n,))
        What is known of a fold's tests, what was expected, and how many windows had closed.
    window_days, churn_days : int
        Horizons of the labels.
    max_windows : int
        Windows to the horizon.

    Returns
    -------
    WindowFactors
        A window with fewer than 30 rows of a kind is as the one before.
    """
    there, leaving, gone = [1.0], [_LEAVING], [0.0]
    if folds:
        expected_kept = sum(float((fold.weight * fold.if_kept).sum()) for _, fold, _ in folds)
        lost = sum(float((fold.weight * fold.if_lost).sum()) for _, fold, _ in folds)
        gone = [max(0.0, lost / expected_kept) if expected_kept > 0 else 0.0]
    windows_known = 1
    for window in range(2, max_windows + 1):
        sums = np.zeros((3, 3))  # by kind: rows, realised, expected if kept
        for durations, fold, windows in folds:
            used = windows >= window
            first, last = (max(days * window_days, churn_days) for days in (window - 1, window))
            left = np.where(np.isnan(durations.left), np.inf, durations.left)
            kinds = [left > last, (left > first) & (left <= last), left <= first]
            for number, kind in enumerate(kinds):
                rows = used & kind
                weight = fold.weight[rows]
                sums[number] += [
                    rows.sum(),
                    (weight * durations.values[rows, window - 1]).sum(),
                    (weight * fold.if_kept[rows]).sum(),
                ]
        if sums[:, 0].sum() < _ENOUGH:
            break
        windows_known = window
        for shares, (count, realised, expected) in zip((there, leaving, gone), sums, strict=True):
            enough = count >= _ENOUGH and expected > 0
            shares.append(round(float(realised / expected), 6) if enough else shares[-1])
    if windows_known > 1:
        there, leaving, gone = there[1:], leaving[1:], gone[1:]
    return WindowFactors(there, leaving, gone, windows_known)
