"""All contestants on all cuts of a history, cached so that a run can be continued."""

import json
import time
from dataclasses import replace
from pathlib import Path

import pandas as pd

from benchmarks.out_of_time import recipe, rivals
from benchmarks.out_of_time.lattice import Cut, History, fingerprint
from benchmarks.out_of_time.prediction import PROJECT, Prediction, as_frame


def contest(history: History, cut: Cut) -> tuple[pd.DataFrame, dict[str, str], float]:
    """Predictions of the cohort, a note on each contestant, and seconds of CPU."""
    customers = cut.truth["customer_id"].to_pylist()
    folder = history.folder / "cuts"
    own = _cached(folder / f"{cut.date}-ours", _key(history, recipe.CODE), customers)
    others = _cached(folder / f"{cut.date}-others", _key(history, rivals.CODE), customers)
    if own is None:
        start = time.process_time()
        prediction = recipe.predict(cut, history.params)
        timed = replace(prediction, seconds=time.process_time() - start)
        own = _store(
            folder / f"{cut.date}-ours", _key(history, recipe.CODE), {PROJECT: timed}, customers
        )
    if others is None:
        predictions = rivals.predict(cut, history.params)
        others = _store(
            folder / f"{cut.date}-others", _key(history, rivals.CODE), predictions, customers
        )
    frame = own[0].merge(others[0], on="customer_id", how="left", validate="one_to_one")
    return frame, own[1] | others[1], sum((own[2] | others[2]).values())


def _key(history: History, code: tuple[str, ...]) -> str:
    return fingerprint(code, history.key)


Cached = tuple[pd.DataFrame, dict[str, str], dict[str, float]]


def _cached(path: Path, key: str, customers: list[str]) -> Cached | None:
    """What was predicted before, if it was for these customers and by this code."""
    note = path.with_suffix(".json")
    if not note.exists():
        return None
    content = json.loads(note.read_text())
    frame = pd.read_parquet(path.with_suffix(".parquet"))
    is_current = content["key"] == key and list(frame["customer_id"]) == customers
    return (frame, content["notes"], content["seconds"]) if is_current else None


def _store(
    path: Path, key: str, predictions: dict[str, Prediction], customers: list[str]
) -> Cached:
    path.parent.mkdir(parents=True, exist_ok=True)
    frame = as_frame(predictions, customers)
    notes = {name: prediction.note for name, prediction in predictions.items() if prediction.note}
    seconds = {name: prediction.seconds for name, prediction in predictions.items()}
    frame.to_parquet(path.with_suffix(".parquet"))
    content = {"key": key, "notes": notes, "seconds": seconds}
    path.with_suffix(".json").write_text(json.dumps(content, indent=1))
    return frame, notes, seconds
