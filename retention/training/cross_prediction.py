"""Out-of-fold predictions of randomised customers, by models of other customers."""

from typing import Final

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from models.components.uplift import fold_of
from retention.core import artefacts, feature_table
from retention.core.events import HELD_OUT
from retention.training.candidates import ModelFactory
from retention.training.failures import IN_CROSS_PREDICTION
from retention.training.fitting import fit_scorer, score
from retention.training.rows import LabelledRows
from retention.training.selection import ModelSpec

HALVES: Final = 2
SALT: Final = "foretold"
"""Of the hash that halves the customers; another salt is another partition and other results."""


def cross_predict(
    features: pa.Table,
    labels: pa.Table,
    rows: LabelledRows,
    spec: ModelSpec,
    make: ModelFactory,
    label_delay_days: int,
    histories: pd.DataFrame | None = None,
) -> pa.Table:
    """Predictions of customers with an arm, each by models fitted on the other half of customers.

    Customers are halved by a hash of their ids, so no model has seen a row of the customer whom
    it predicts. The weights and the shift of the specification, a few numbers, have; so have the
    parameters of models of histories, which are counts of all customers.

    Parameters
    ----------
    features : Table
        One row per customer and snapshot.
    labels : Table
        customer_id, snapshot_on and arm, which is null for customers who were not contacted and
        not held out.
    rows : LabelledRows
        The rows that are fitted on.
    spec : ModelSpec
    make : callable
        From `model_factory`.
    label_delay_days : int
        Days from a snapshot until its labels are mature.
    histories : DataFrame, optional
        Of all customers on the day of the fit, see `Model.fit`.

    Returns
    -------
    Table
        CROSS_PREDICTIONS: a probability and values in account currency. Empty where no customer
        was held out, or where a half has one outcome only.

    Raises
    ------
    ModelFailed
        If a selected model fails.
    """
    schema = artefacts.CROSS_PREDICTIONS.schema
    half_of_row = fold_of(rows.customer, HALVES, SALT)
    any_held_out = pc.any(pc.equal(labels["arm"], HELD_OUT)).as_py()
    if not any_held_out or not _both_halves_have_both_outcomes(rows, half_of_row):
        return schema.empty_table()
    with_arm = labels.filter(pc.is_valid(labels["arm"])).select(feature_table.KEYS)
    table = features.join(with_arm, keys=feature_table.KEYS, join_type="inner").sort_by(
        [(name, "ascending") for name in feature_table.KEYS]
    )
    X, keys = feature_table.matrix(table), table.select(feature_table.KEYS).to_pandas()
    half = fold_of(keys["customer_id"], HALVES, SALT)
    parts = [
        score(
            fit_scorer(
                make,
                spec,
                rows.take(half_of_row != i),
                label_delay_days,
                IN_CROSS_PREDICTION,
                histories,
            ),
            X[half == i],
            IN_CROSS_PREDICTION,
        )
        for i in range(HALVES)
    ]
    frame = keys.join(pd.concat(parts))
    return pa.Table.from_pandas(frame[schema.names], schema=schema, preserve_index=False)


def _both_halves_have_both_outcomes(rows: LabelledRows, half: NDArray[np.int64]) -> bool:
    return all(len(np.unique(rows.churned[half != i])) == 2 for i in range(HALVES))
