"""Predictions of past snapshots as they would have been made on their day, to be measured.

Each day is predicted by models, parameters and weights learnt from labels that were mature on it:
nothing that scores a day was fitted, tuned or chosen on it, or on a later one.
"""

import numpy as np
import pandas as pd
import pyarrow as pa
from scipy.special import expit

from models.components.base import Floats
from retention.core import artefacts, feature_table, point_in_time
from retention.training import selection
from retention.training.candidates import ModelFactory, predict, task_of
from retention.training.competition import Competition
from retention.training.failures import AT_TEST, attributed_to
from retention.training.folds import Fold, TimeSplit
from retention.training.rows import LabelledRows
from retention.training.selection import ModelSpec


def measured_folds(split: TimeSplit, label_delay_days: int) -> list[Fold]:
    """The folds that can be measured: weights were known on their day, from folds before them.

    Parameters
    ----------
    split : TimeSplit
    label_delay_days : int
        Days from a snapshot until its labels are mature.

    Returns
    -------
    list of Fold
        Oldest first; the newest is always one, if there is a test fold at all.
    """
    if split.test_fold is None:
        return []
    earlier = [
        fold
        for fold in split.folds
        if fold != split.test_fold
        and any(other.test + label_delay_days <= fold.test for other in split.folds)
    ]
    return [*earlier, split.test_fold]


def predict_day(
    rows: LabelledRows,
    fold: Fold,
    competition: Competition,
    make: ModelFactory,
    histories: pd.DataFrame | None = None,
) -> pa.Table:
    """TEST_PREDICTIONS: every model by itself, by the rows and parameters known on the day.

    Parameters
    ----------
    rows : LabelledRows
    fold : Fold
        That predicts the day.
    competition : Competition
        Evaluated.
    make : callable
        From `model_factory`.
    histories : DataFrame, optional
        Of all customers on the day, see `Model.fit`.

    Returns
    -------
    Table

    Raises
    ------
    ModelFailed
        If a value model cannot be fitted to all rows, or predicts what no model may.
    """
    train, test = rows.training(fold), rows.tests([fold])
    keys, frames = _keys(test, fold), []
    for name, candidate in competition.candidates.items():
        (result,) = candidate.on([fold]).folds
        prediction = result.predicted
        if task_of(name) == "value":
            with attributed_to(name, AT_TEST):
                model = make(name, **result.params).fit(
                    train.X, train.value, train.weight, histories
                )
                prediction = predict(model, test.X)
        frames.append(keys.assign(task=task_of(name), model=name, prediction=prediction))
    schema = artefacts.TEST_PREDICTIONS.schema
    return pa.Table.from_pandas(pd.concat(frames), schema=schema, preserve_index=False)


def score_day(
    rows: LabelledRows, fold: Fold, competition: Competition, measured: ModelSpec
) -> pa.Table:
    """TEST_SCORES: the models put together by what was known on the day.

    Parameters
    ----------
    rows : LabelledRows
    fold : Fold
        That predicts the day.
    competition : Competition
        Evaluated.
    measured : ModelSpec
        What would have been put together on the day.

    Returns
    -------
    Table
    """
    newest = {name: candidate.on([fold]) for name, candidate in competition.candidates.items()}
    p = expit(selection.blended_log_odds(measured, newest))
    if_kept, if_lost = selection.blended_values(measured, newest)
    expected = (1 - p) * if_kept + p * if_lost
    low, high = _interval(measured, expected)
    tests = rows.tests([fold])
    numbers = (p, expected, low, high, if_kept, if_lost, p * (if_kept - if_lost), tests.weight)
    schema = artefacts.TEST_SCORES.schema
    scores = _keys(tests, fold)
    own = schema.names[len(feature_table.KEYS) :]
    scores[own[: len(numbers)]] = np.column_stack(numbers)
    scores["contactable"] = tests.contactable
    return pa.Table.from_pandas(scores, schema=schema, preserve_index=False)


def _interval(measured: ModelSpec, expected: Floats) -> tuple[Floats, Floats]:
    if measured.interval is None:
        return np.full(len(expected), np.nan), np.full(len(expected), np.nan)
    return measured.interval.predict(expected)


def _keys(test: LabelledRows, fold: Fold) -> pd.DataFrame:
    days = [point_in_time.date_of(fold.test)] * len(test.day)
    return pd.DataFrame({"customer_id": test.customer, "snapshot_on": days})
