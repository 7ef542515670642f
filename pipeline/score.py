"""Stage `score`: the champion's word on every customer watched at as_of."""

import datetime as dt
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

import features as themes
from models.scorer import COLUMNS, Scorer
from pipeline import artefacts, clocks, errors, files, params, progress
from pipeline.learning import champion, definition, matrix
from pipeline.learning.champion import Champion
from pipeline.params import Params
from pipeline.reports import reasons

SCORES = pa.schema(
    [
        ("customer_id", pa.string()),
        ("as_of", pa.date32()),
        *((one, pa.float64()) for one in COLUMNS),
    ]
)
REASONS = pa.schema([("customer_id", pa.string()), ("rank", pa.int8()), ("text", pa.string())])
HABITS = pa.schema(
    [
        ("customer_id", pa.string()),
        ("last_purchase_on", pa.date32()),
        ("days_since_purchase", pa.float64()),
        ("usual_gap_days", pa.float64()),
    ]
)
SPARE = 3  # explain so many times the capacity: some will be opted out or held out


def scores(scorer: Scorer, table: pa.Table, as_of: dt.date) -> pa.Table:
    """SCORES of the features of one day; Guarded where the champion's features are missing."""
    try:
        found = scorer.score(matrix.matrix(table))
    except ValueError as error:
        raise errors.Guarded(f"the champion cannot score these features: {error}") from None
    columns = [pa.array(found[name].to_numpy()) for name in COLUMNS]
    days = pa.array([as_of] * len(table), pa.date32())
    return pa.Table.from_arrays([table["customer_id"], days, *columns], schema=SCORES)


def habits(table: pa.Table, as_of: dt.date) -> pa.Table:
    """HABITS of the customers: the last purchase, and the usual rhythm."""
    silent = table["days_since_purchase"]
    today = pa.scalar(clocks.day_number(as_of), pa.int32())
    last = pc.subtract(today, silent.cast(pa.int32())).cast(pa.date32())
    return pa.Table.from_arrays(
        [table["customer_id"], last, silent, table["median_gap"]], schema=HABITS
    )


def explained(scorer: Scorer, table: pa.Table, scored: pa.Table, chosen: Params) -> pa.Table:
    """REASONS of the customers with most to lose, enough to fill the list."""
    most = SPARE * chosen.at_risk.capacity
    X = matrix.matrix(table)
    top = np.argsort(-scored["expected_loss"].to_numpy(), kind="stable")[:most]
    rows = X.iloc[top]
    declared = themes.declared(chosen.features.windows)
    middle = X.select_dtypes("number").median()
    said = reasons.reasons(scorer.contributions(rows), rows, middle, declared, chosen.currency)
    ids = pc.take(table["customer_id"], pa.array(top)).to_pylist()
    flat = [
        (who, rank, text)
        for who, texts in zip(ids, said, strict=True)
        for rank, text in enumerate(texts, start=1)
    ]
    columns = zip(*flat, strict=True) if flat else ((), (), ())
    return pa.Table.from_arrays(
        [pa.array(column, field.type) for column, field in zip(columns, REASONS, strict=True)],
        schema=REASONS,
    ).sort_by([("customer_id", "ascending"), ("rank", "ascending")])


def summary(now: Champion, scored: pa.Table, chosen: Params, as_of: dt.date) -> dict[str, Any]:
    """What the list says of where its numbers come from."""
    manifest = now.manifest
    return {
        "as_of": str(as_of),
        "watched": len(scored),
        "model": f"{manifest['titles']['churn']}, learnt up to {manifest['trained_to']}",
        "banners": manifest["banners"],
        "definition": definition.sentence(chosen.labels),
        "horizon_days": chosen.labels.churn.horizon_days,
        "mean_churn_probability": float(np.mean(scored["churn_probability"].to_numpy())),
    }


def require(chosen: Params, features: pa.Table) -> Champion:
    """The champion, if it was made for this company, label and feature set; else Guarded."""
    now = champion.current()
    if now is None:
        raise errors.Guarded("champion/ holds no champion; run make repro to train one")
    names = [one for one in features.column_names if one not in matrix.KEYS]
    wanted = definition.identity(chosen, names)
    wrong = [key for key, value in wanted.items() if now.definition.get(key) != value]
    if wrong:
        raise errors.Guarded(
            f"champion/ was made under another definition ({', '.join(wrong)}); "
            "run make repro to train one for this"
        )
    return now


def main() -> None:
    chosen = params.load()
    as_of = dt.date.fromisoformat(files.read_json(artefacts.SNAPSHOTS_SUMMARY)["as_of"])
    with progress.stage("score") as report:
        today = pc.field("snapshot_on") == as_of
        table = pq.read_table(artefacts.FEATURES, filters=today).sort_by("customer_id")
        report.read(artefacts.FEATURES, len(table))
        now = require(chosen, table)
        scorer = champion.load(now)
        scored = scores(scorer, table, as_of)
        files.write_table(artefacts.SCORES, scored)
        files.write_table(artefacts.HABITS, habits(table, as_of))
        why = explained(scorer, table, scored, chosen)
        files.write_table(artefacts.REASONS, why)
        files.write_json(artefacts.SCORE_SUMMARY, summary(now, scored, chosen, as_of))
        report.wrote(artefacts.SCORES, len(scored))


if __name__ == "__main__":
    errors.run(main)
