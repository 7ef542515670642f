"""The profile of what a champion learnt from, made when it is trained and kept beside it."""

import datetime as dt
from typing import Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from models.components.scorer import Scorer
from retention.core import feature_table
from retention.training import profile

UNSEEN: Final = "of a model that had not seen the snapshot of {day}"
SEEN: Final = "of the model itself on the snapshot of {day}, which it learnt from"


def reference(
    features: pa.Table, measured: pa.Table, scorer: Scorer, day: dt.date
) -> dict[str, Any]:
    """`profile.profile` of everybody watched at the newest snapshot that a model learnt from.

    measured: customer_id, snapshot_on and churn_probability on the snapshot that only measures.
    Not of all snapshots: windows fill up and seasons turn, and a year's mixture is like none of
    its days. Not of the learnt rows: whom a list had contacted is not among them, and those are
    the likeliest to leave. Such rows get the final model's word, as it has not learnt from them.
    """
    table = features.filter(pc.equal(features["snapshot_on"], pa.scalar(day)))
    X, ids = feature_table.matrix(table), table["customer_id"].to_pandas()
    theirs = measured.filter(pc.equal(measured["snapshot_on"], pa.scalar(day))).to_pandas()
    unseen = ids.map(theirs.set_index("customer_id")["churn_probability"]).to_numpy(dtype=float)
    p = np.where(np.isnan(unseen), scorer.probability(X), unseen)
    of = (UNSEEN if len(theirs) else SEEN).format(day=day)
    made = profile.profile(X, pd.Series(p))
    return {**made, "on": str(day), "score": {**made["score"], "of": of}}
