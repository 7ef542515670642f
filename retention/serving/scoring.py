"""Scoring a cohort with the champion: risk and value, uplift, and reasons."""

import datetime as dt
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

import features
import models
from models.components.scorer import COLUMNS, Scorer
from models.components.uplift import RISK
from retention.core import artefacts, errors, feature_table
from retention.core.documents.modelling import UpliftManifest
from retention.core.params import Params
from retention.i18n.language import language
from retention.serving import champion, explanations, target
from retention.serving.champion import Champion


def score_cohort(scorer: Scorer, cohort: pa.Table, as_of: dt.date) -> pa.Table:
    """SCORES of the features of one day; Guarded where the champion's features are missing."""
    try:
        scores = scorer.score(feature_table.matrix(cohort))
    except ValueError as error:
        raise errors.Guarded(f"the champion cannot score these features: {error}") from None
    columns = [pa.array(scores[name].to_numpy()) for name in COLUMNS]
    days = pa.array([as_of] * len(cohort), pa.date32())
    return pa.Table.from_arrays(
        [cohort["customer_id"], days, *columns], schema=artefacts.SCORES.schema
    )


def predict_uplift(
    uplift_manifest: UpliftManifest | None, cohort: pa.Table, scores: pa.Table
) -> pa.Table:
    """UPLIFT_SCORES of the features of one day, in the order of the scores.

    uplift_manifest: what stage `uplift` left beside the champion; None for nothing.
    """
    ids = scores["customer_id"]
    if uplift_manifest is None or uplift_manifest.name is None:
        columns = [ids, pa.nulls(len(ids), pa.float64()), pa.array(np.zeros(len(ids), dtype=bool))]
        return pa.Table.from_arrays(columns, schema=artefacts.UPLIFT_SCORES.schema)
    model = models.discover_uplift()[uplift_manifest.name].from_state(dict(uplift_manifest.model))
    X = feature_table.matrix(cohort).assign(**{RISK: scores[RISK].to_numpy()})
    try:
        predicted = model.effect(X)
    except ValueError as error:
        raise errors.Guarded(f"what was learnt of contacts does not fit: {error}") from None
    threshold = uplift_manifest.disturbed_from
    is_sleeping_dog = (
        np.zeros(len(predicted), dtype=bool) if threshold is None else predicted >= threshold
    )
    # The effect ranks customers only where that was shown to beat expected loss.
    effect = predicted if uplift_manifest.ranks else np.full(len(predicted), np.nan)
    columns = [ids, pa.array(effect, from_pandas=True), pa.array(is_sleeping_dog)]
    return pa.Table.from_arrays(columns, schema=artefacts.UPLIFT_SCORES.schema)


def explain_scores(
    scorer: Scorer, cohort: pa.Table, rows: NDArray[np.intp], params: Params
) -> pa.Table:
    """REASONS of some rows of the features of one day, against the median of all of them."""
    X = feature_table.matrix(cohort)
    explained, median = X.iloc[rows], X.select_dtypes("number").median()
    reasons = explanations.reasons(
        scorer.contributions(explained),
        explained,
        median,
        features.discover(params.features.windows),
        params.currency,
        language(params.at_risk.language),
    )
    ids = cohort["customer_id"].take(pa.array(rows)).to_numpy()
    reasons = reasons.assign(customer_id=ids[reasons["customer"].to_numpy(dtype=int)])
    schema = artefacts.REASONS.schema
    columns = {name: reasons[name].to_list() for name in schema.names}
    table = pa.Table.from_pydict(columns, schema=schema)
    return table.sort_by([("customer_id", "ascending"), ("rank", "ascending")])


def require_champion(params: Params, cohort: pa.Table, folder: Path = champion.FOLDER) -> Champion:
    """The champion, if it was trained for this company, label and feature set; else Guarded."""
    now = champion.current(folder)
    if now is None:
        raise errors.Guarded("champion/ holds no champion; run make repro to train one")
    names = [name for name in cohort.column_names if name not in feature_table.KEYS]
    wanted = target.target_identity(params, names)
    different = [name for name, value in wanted.items() if now.definition.get(name) != value]
    if different:
        raise errors.Guarded(
            f"champion/ was made under another definition ({', '.join(different)}); "
            "run make repro to train one for this"
        )
    return now
