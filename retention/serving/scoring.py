"""Stage `score`: the champion's word on every customer watched at as_of."""

import datetime as dt
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

import features as themes
import models
from models.components.scorer import COLUMNS, Scorer
from models.components.uplift import RISK
from retention.core import artefacts, errors, feature_table
from retention.core.params import Params
from retention.i18n.language import language
from retention.serving import champion, explanations, target
from retention.serving.champion import Champion


def score_cohort(scorer: Scorer, table: pa.Table, as_of: dt.date) -> pa.Table:
    """SCORES of the features of one day; Guarded where the champion's features are missing."""
    try:
        found = scorer.score(feature_table.matrix(table))
    except ValueError as error:
        raise errors.Guarded(f"the champion cannot score these features: {error}") from None
    columns = [pa.array(found[name].to_numpy()) for name in COLUMNS]
    days = pa.array([as_of] * len(table), pa.date32())
    return pa.Table.from_arrays(
        [table["customer_id"], days, *columns], schema=artefacts.SCORES.schema
    )


def predict_uplift(persuaded: dict[str, Any] | None, table: pa.Table, scored: pa.Table) -> pa.Table:
    """UPLIFT_SCORES of the features of one day, by what stage `uplift` pinned beside the champion."""
    ids = scored["customer_id"]
    if not persuaded or persuaded["name"] is None:
        columns = [ids, pa.nulls(len(ids), pa.float64()), pa.array(np.zeros(len(ids), dtype=bool))]
        return pa.Table.from_arrays(columns, schema=artefacts.UPLIFT_SCORES.schema)
    model = models.discover_uplift()[persuaded["name"]].from_state(persuaded["model"])
    X = feature_table.matrix(table).assign(**{RISK: scored[RISK].to_numpy()})
    try:
        found = model.effect(X)
    except ValueError as error:
        raise errors.Guarded(f"what was learnt of contacts does not fit: {error}") from None
    least = persuaded["disturbed_from"]
    disturbed = np.zeros(len(found), dtype=bool) if least is None else found >= least
    effect = found if persuaded["ranks"] else np.full(len(found), np.nan)
    columns = [ids, pa.array(effect, from_pandas=True), pa.array(disturbed)]
    return pa.Table.from_arrays(columns, schema=artefacts.UPLIFT_SCORES.schema)


def explain_scores(
    scorer: Scorer, table: pa.Table, rows: NDArray[np.intp], chosen: Params
) -> pa.Table:
    """REASONS of some rows of the features of one day, against all rows of it."""
    X = feature_table.matrix(table)
    few, middle = X.iloc[rows], X.select_dtypes("number").median()
    declared, told_in = themes.discover(chosen.features.windows), language(chosen.at_risk.language)
    parts = scorer.contributions(few)
    found = explanations.reasons(parts, few, middle, declared, chosen.currency, told_in)
    ids = table["customer_id"].take(pa.array(rows)).to_numpy()
    told = found.assign(customer_id=ids[found["customer"].to_numpy(dtype=int)])
    columns = {name: told[name].to_list() for name in artefacts.REASONS.schema.names}
    made = pa.Table.from_pydict(columns, schema=artefacts.REASONS.schema)
    return made.sort_by([("customer_id", "ascending"), ("rank", "ascending")])


def require_champion(chosen: Params, features: pa.Table) -> Champion:
    """The champion, if it was made for this company, label and feature set; else Guarded."""
    now = champion.current()
    if now is None:
        raise errors.Guarded("champion/ holds no champion; run make repro to train one")
    names = [one for one in features.column_names if one not in feature_table.KEYS]
    wanted = target.target_identity(chosen, names)
    wrong = [key for key, value in wanted.items() if now.definition.get(key) != value]
    if wrong:
        raise errors.Guarded(
            f"champion/ was made under another definition ({', '.join(wrong)}); "
            "run make repro to train one for this"
        )
    return now
