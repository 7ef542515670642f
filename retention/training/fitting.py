"""Fitting the models of a specification to rows, and scoring with them."""

from dataclasses import replace
from typing import Any

import pandas as pd

from models.components.blend import ChurnBlend, ValueBlend
from models.components.scorer import Scorer
from retention.training.candidates import ModelFactory, fit_pair, predict
from retention.training.failures import AT_REFIT, attributed_to
from retention.training.rows import LabelledRows
from retention.training.selection import ModelSpec


def fit_scorer(
    make: ModelFactory,
    spec: ModelSpec,
    rows: LabelledRows,
    label_delay_days: int,
    during: str = AT_REFIT,
    histories: pd.DataFrame | None = None,
) -> Scorer:
    """Fit the models that count; weights, shift and interval stay those of the specification.

    Parameters
    ----------
    make : callable
        From `model_factory`.
    spec : ModelSpec
    rows : LabelledRows
    label_delay_days : int
        Days from a snapshot until its labels are mature.
    during : str
        What the fit is for, in the reason of a failure.
    histories : DataFrame, optional
        Of all customers on the day of the fit, see `Model.fit`.

    Returns
    -------
    Scorer

    Raises
    ------
    ModelFailed
        If a model raises, as it does where all rows churned, or all stayed.
    """
    effective, rows = rows.effective(label_delay_days), rows.reading_what_tells()
    churn: list[Any] = []
    for name, weight in spec.weights["churn"].items():
        params = spec.params(make, name, effective)
        with attributed_to(name, during):
            churned = rows.churned if rows.has_labels else None
            model = make(name, **params).fit(rows.X, churned, rows.weight, histories)
            churn.append((name, model, weight))
    parts_if_kept: list[Any] = []
    parts_if_lost: list[Any] = []
    for name, weight in spec.weights["value"].items():
        params = spec.params(make, name, effective)
        with attributed_to(name, during):
            pair = make(name, **params), make(name, **params)
            if_kept, if_lost = fit_pair(*pair, rows, histories)
        parts_if_kept.append((name, if_kept, weight))
        parts_if_lost.append((name, if_lost, weight))
    return Scorer(
        churn=ChurnBlend(tuple(churn), spec.intercept),
        value_if_kept=ValueBlend(tuple(parts_if_kept)),
        value_if_lost=ValueBlend(tuple(parts_if_lost)),
        interval=spec.interval,
    )


def with_margin(spec: ModelSpec, margin: float) -> ModelSpec:
    """The specification for values that no label has scaled: models of spend, times the margin.

    Parameters
    ----------
    spec : ModelSpec
    margin : float
        Of `labels.value`, 0 to 1.

    Returns
    -------
    ModelSpec
    """
    value = {name: weight * margin for name, weight in spec.weights["value"].items()}
    return replace(spec, weights={**spec.weights, "value": value})


def score(scorer: Scorer, X: pd.DataFrame, during: str) -> pd.DataFrame:
    """The scorer's scores; where they cannot be had, the failure of the model that is at fault.

    Parameters
    ----------
    scorer : Scorer
        Fitted.
    X : DataFrame of shape (n, features)
    during : str
        What the scores are for, in the reason of a failure.

    Returns
    -------
    DataFrame of shape (n, 7)
        See `Scorer.score`.

    Raises
    ------
    ModelFailed
        If a model raises, or predicts what no model may.
    """
    parts = [*scorer.churn.parts, *scorer.value_if_kept.parts, *scorer.value_if_lost.parts]
    with attributed_to(parts[0][0], during):
        try:
            return scorer.score(X)
        except Exception:
            for name, model, _ in parts:
                with attributed_to(name, during):
                    predict(model, X)
            raise
