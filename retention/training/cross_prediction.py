"""What would become of those drawn for outreach, as models of other customers foretell it."""

from collections.abc import Callable
from typing import Final

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from models.components.base import Model
from models.components.uplift import fold_of
from retention.core import artefacts, feature_table
from retention.core.events import HELD_OUT
from retention.training import selection
from retention.training.selection import LabelledRows, ModelSpec

HALVES: Final = 2


def cross_predict(
    features: pa.Table,
    labels: pa.Table,
    rows: LabelledRows,
    spec: ModelSpec,
    make: Callable[..., Model],
) -> pa.Table:
    """SCHEMA of the rows of `labels` with an arm: each by the recipe learnt from the other half.

    rows: what is learnt from. The customers are halved by their ids, and no model has seen a row
    of the customer whom it foretells; the recipe's calibrator, two numbers, has. Empty where nobody
    was held out, or a half cannot be learnt.
    """
    randomised = labels.filter(pc.is_valid(labels["arm"])).select(feature_table.KEYS)
    half_of_row = fold_of(rows.customer, HALVES, "foretold")
    if not pc.any(pc.equal(labels["arm"], HELD_OUT)).as_py() or not _learnable(rows, half_of_row):
        return artefacts.CROSS_PREDICTIONS.schema.empty_table()
    table = features.join(randomised, keys=feature_table.KEYS, join_type="inner").sort_by(
        [(name, "ascending") for name in feature_table.KEYS]
    )
    X, keys = feature_table.matrix(table), table.select(feature_table.KEYS).to_pandas()
    half = fold_of(keys["customer_id"], HALVES, "foretold")
    parts = [
        selection.fit_scorer(make, spec, rows.take(half_of_row != i)).score(X[half == i])
        for i in range(HALVES)
    ]
    whole = keys.join(pd.concat(parts))
    return pa.Table.from_pandas(
        whole[artefacts.CROSS_PREDICTIONS.schema.names],
        schema=artefacts.CROSS_PREDICTIONS.schema,
        preserve_index=False,
    )


def _learnable(rows: LabelledRows, half: "np.typing.NDArray[np.int64]") -> bool:
    """Both outcomes are there without either half."""
    return all(len(np.unique(rows.churned[half != i])) == 2 for i in range(HALVES))
