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
from retention.core import errors, feature_table
from retention.core.params import Params
from retention.i18n.language import language
from retention.serving import champion, explanations, target
from retention.serving.champion import Champion

SCORES = pa.schema(
    [
        ("customer_id", pa.string()),
        ("as_of", pa.date32()),
        *((one, pa.float64()) for one in COLUMNS),
    ]
)
REASONS = pa.schema(
    [
        ("customer_id", pa.string()),
        ("rank", pa.int8()),
        ("theme", pa.string()),
        ("feature", pa.string()),
        ("text", pa.string()),
        ("raises", pa.float64()),
        ("actionable", pa.bool_()),
    ]
)
EFFECTS = pa.schema(
    [
        ("customer_id", pa.string()),
        ("effect", pa.float64()),
        ("disturbed", pa.bool_()),
    ]
)
"""effect: of a contact, on the chance of leaving; null where customers are ranked by loss.
disturbed: a contact credibly drives customers like this one away."""


def scores(scorer: Scorer, table: pa.Table, as_of: dt.date) -> pa.Table:
    """SCORES of the features of one day; Guarded where the champion's features are missing."""
    try:
        found = scorer.score(feature_table.matrix(table))
    except ValueError as error:
        raise errors.Guarded(f"the champion cannot score these features: {error}") from None
    columns = [pa.array(found[name].to_numpy()) for name in COLUMNS]
    days = pa.array([as_of] * len(table), pa.date32())
    return pa.Table.from_arrays([table["customer_id"], days, *columns], schema=SCORES)


def effects(persuaded: dict[str, Any] | None, table: pa.Table, scored: pa.Table) -> pa.Table:
    """EFFECTS of the features of one day, by what stage `uplift` pinned beside the champion."""
    ids = scored["customer_id"]
    if not persuaded or persuaded["name"] is None:
        columns = [ids, pa.nulls(len(ids), pa.float64()), pa.array(np.zeros(len(ids), dtype=bool))]
        return pa.Table.from_arrays(columns, schema=EFFECTS)
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
    return pa.Table.from_arrays(columns, schema=EFFECTS)


def explained(scorer: Scorer, table: pa.Table, rows: NDArray[np.intp], chosen: Params) -> pa.Table:
    """REASONS of some rows of the features of one day, against all rows of it."""
    X = feature_table.matrix(table)
    few, middle = X.iloc[rows], X.select_dtypes("number").median()
    declared, told_in = themes.declared(chosen.features.windows), language(chosen.at_risk.language)
    parts = scorer.contributions(few)
    found = explanations.reasons(parts, few, middle, declared, chosen.currency, told_in)
    ids = table["customer_id"].take(pa.array(rows)).to_numpy()
    told = found.assign(customer_id=ids[found["customer"].to_numpy(dtype=int)])
    columns = {name: told[name].to_list() for name in REASONS.names}
    made = pa.Table.from_pydict(columns, schema=REASONS)
    return made.sort_by([("customer_id", "ascending"), ("rank", "ascending")])


def require(chosen: Params, features: pa.Table) -> Champion:
    """The champion, if it was made for this company, label and feature set; else Guarded."""
    now = champion.current()
    if now is None:
        raise errors.Guarded("champion/ holds no champion; run make repro to train one")
    names = [one for one in features.column_names if one not in feature_table.KEYS]
    wanted = target.identity(chosen, names)
    wrong = [key for key, value in wanted.items() if now.definition.get(key) != value]
    if wrong:
        raise errors.Guarded(
            f"champion/ was made under another definition ({', '.join(wrong)}); "
            "run make repro to train one for this"
        )
    return now
