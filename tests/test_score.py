"""Scoring: everybody watched, once, by a champion made for this question or not at all."""

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
import test_promote
import test_train as small

from models.scorer import Scorer
from pipeline import artefacts, clocks, files, params, promote, score, tracking, train
from pipeline.errors import Guarded
from pipeline.learning import champion, definition

AS_OF = clocks.date_of(small.AS_OF)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in which a champion stands, made without MLflow."""
    small.cheaply(monkeypatch)
    small.write_company(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(tracking, "mirror", lambda *_: None)
    train.main()
    files.write_json(artefacts.METRICS, test_promote.FIGURES)
    promote.main()
    return tmp_path


def today() -> pa.Table:
    """The features of those watched at as_of."""
    return pq.read_table(artefacts.FEATURES, filters=pc.field("snapshot_on") == AS_OF)


def scorer() -> Scorer:
    now = champion.current()
    assert now is not None
    return champion.load(now)


def test_every_customer_watched_is_scored_exactly_once(home: Path) -> None:
    score.main()
    scored = pq.read_table(artefacts.SCORES)
    assert scored.schema.equals(score.SCORES)
    assert scored["customer_id"].to_pylist() == sorted(today()["customer_id"].to_pylist())
    assert set(scored["as_of"].to_pylist()) == {AS_OF}
    habits = pq.read_table(artefacts.HABITS)
    assert habits["customer_id"].equals(scored["customer_id"])


def test_scores_are_finite_and_add_up(home: Path) -> None:
    score.main()
    found = pq.read_table(artefacts.SCORES).to_pandas()
    numbers = found.drop(columns=["customer_id", "as_of"])
    assert np.isfinite(numbers.to_numpy()).all()
    p, kept, lost = (
        found[name] for name in ("churn_probability", "value_if_kept", "value_if_lost")
    )
    assert p.between(0, 1).all()
    assert 0 < p.min() < p.max() < 1
    assert found["expected_value"].tolist() == pytest.approx((1 - p) * kept + p * lost, abs=1e-9)
    assert found["expected_loss"].tolist() == pytest.approx(p * (kept - lost), abs=1e-9)
    assert (found["value_low"] <= found["value_high"]).all()


def test_permuted_columns_and_rows_give_the_same_scores(home: Path) -> None:
    table = today()
    usual = score.scores(scorer(), table, AS_OF)
    assert score.scores(scorer(), table.select(table.column_names[::-1]), AS_OF).equals(usual)
    backwards = table.take(np.arange(len(table))[::-1])
    assert score.scores(scorer(), backwards, AS_OF).sort_by("customer_id").equals(usual)


def test_a_customers_scores_do_not_depend_on_who_else_is_watched(home: Path) -> None:
    table = today()
    usual, few = (score.scores(scorer(), one, AS_OF) for one in (table, table.slice(10, 5)))
    assert few.equals(usual.slice(10, 5))


def test_a_missing_feature_is_refused_by_name(home: Path) -> None:
    table = today().drop_columns(["days_since_purchase"])
    with pytest.raises(Guarded, match=r"cannot score these features: .*days_since_purchase"):
        score.scores(scorer(), table, AS_OF)


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ("Mill Lane", "Hill Lane", "company"),
        ("GBP", "EUR", "currency"),
        ("horizon_days: 28}\n  value", "horizon_days: 21}\n  value", "labels"),
    ],
)
def test_a_champion_made_for_another_question_does_not_score(
    home: Path, old: str, new: str, key: str
) -> None:
    assert old in small.PARAMS
    files.write_text("params.yaml", small.PARAMS.replace(old, new))
    with pytest.raises(Guarded, match=rf"made under another definition \({key}\)") as caught:
        score.main()
    assert caught.value.code == 4
    assert not artefacts.SCORES.path.exists()


@pytest.mark.parametrize("change", ["renamed", "missing", "one more"])
def test_another_set_of_features_does_not_score(home: Path, change: str) -> None:
    table = pq.read_table(artefacts.FEATURES)
    if change == "renamed":
        names = [name.replace("region", "area") for name in table.column_names]
        table = table.rename_columns(names)
    elif change == "missing":
        table = table.drop_columns(["region"])
    else:
        table = table.append_column("orders_60d", table["orders_30d"])
    files.write_table(artefacts.FEATURES, table)
    with pytest.raises(Guarded, match=r"another definition \(features\); run make repro"):
        score.main()


def test_after_the_question_changed_promoting_lets_it_score_again(home: Path) -> None:
    files.write_text("params.yaml", small.PARAMS.replace("Mill Lane", "Hill Lane"))
    promote.main()
    score.main()
    assert len(pq.read_table(artefacts.SCORES)) == len(today())


def test_without_a_champion_nothing_scores(home: Path) -> None:
    (home / "champion" / champion.MANIFEST).unlink()
    with pytest.raises(Guarded, match="champion/ holds no champion"):
        score.main()


def test_a_tampered_champion_does_not_score(home: Path) -> None:
    now = champion.current()
    assert now is not None
    (now.folder / "churn.json").write_text("{}", encoding="utf-8")
    with pytest.raises(Guarded, match=r"churn\.json: missing or changed"):
        score.main()
    assert not artefacts.SCORES.path.exists()


def test_the_last_purchase_is_so_many_days_before_as_of(home: Path) -> None:
    table = pa.table(
        {
            "customer_id": ["a", "b"],
            "days_since_purchase": pa.array([26.0, None]),
            "median_gap": pa.array([4.0, None]),
        }
    )
    found = score.habits(table, dt.date(2026, 11, 22))
    assert found.schema.equals(score.HABITS)
    assert found["last_purchase_on"].to_pylist() == [dt.date(2026, 10, 27), None]
    assert found["usual_gap_days"].to_pylist() == [4.0, None]


def test_those_with_most_to_lose_are_explained_each_reason_once(home: Path) -> None:
    score.main()
    scored = pq.read_table(artefacts.SCORES).to_pandas()
    why = pq.read_table(artefacts.REASONS)
    assert why.schema.equals(score.REASONS)
    frame = why.to_pandas()
    most = score.SPARE * params.load().at_risk.capacity
    top = scored.nlargest(most, "expected_loss")["customer_id"]
    assert most < len(scored)
    assert 0 < frame["customer_id"].nunique() <= most
    assert set(frame["customer_id"]) <= set(top)
    assert not frame.duplicated(list(artefacts.REASONS.key)).any()
    assert not frame.duplicated(["customer_id", "text"]).any()
    ranks = frame.groupby("customer_id")["rank"].apply(list)
    assert all(one == list(range(1, len(one) + 1)) and len(one) <= 3 for one in ranks)
    assert not frame["text"].str.contains("_").any()


def test_where_nobody_has_a_reason_the_table_is_empty_and_typed(home: Path) -> None:
    table = today()
    calm: Any = SimpleNamespace(contributions=lambda X: pd.DataFrame(-1.0, X.index, [*X, "bias"]))
    scored = score.scores(scorer(), table, AS_OF)
    found = score.explained(calm, table, scored, params.load())
    assert found.equals(score.REASONS.empty_table())


def test_the_summary_says_where_the_numbers_come_from(home: Path) -> None:
    score.main()
    told = files.read_json(artefacts.SCORE_SUMMARY)
    story = files.read_json(artefacts.RECIPE)
    assert told["as_of"] == str(AS_OF)
    assert told["watched"] == len(today())
    assert told["model"] == f"recency rule, learnt up to {story['trained_to']}"
    assert told["definition"] == definition.sentence(params.load().labels)
    mean = pc.mean(pq.read_table(artefacts.SCORES)["churn_probability"]).as_py()
    assert told["mean_churn_probability"] == pytest.approx(mean)


def test_the_same_inputs_are_the_same_bytes(
    home: Path, snapshot_of: Callable[[Path], dict[str, tuple[int, bytes]]]
) -> None:
    told = []
    for _ in range(2):
        score.main()
        told.append({name: held for name, (_, held) in snapshot_of(Path("data/score")).items()})
    assert told[0] == told[1]
    assert set(told[0]) == {"scores.parquet", "habits.parquet", "reasons.parquet", "summary.json"}
