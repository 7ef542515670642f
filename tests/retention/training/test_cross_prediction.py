"""What is foretold of those drawn: by models that have seen nothing of them."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from models.components.base import Model
from models.components.uplift import fold_of
from pipeline import train
from retention.core import artefacts, feature_table
from retention.core.events import CONTACTED, HELD_OUT
from retention.training import cross_prediction, selection
from retention.training.selection import LabelledRows, ModelSpec
from tests.pipeline import test_train as small

MAKE: Callable[..., Model] = selection.model_factory(small.chosen())
FEATURES = small.feature_table()


@pytest.fixture(autouse=True)
def _cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    small.cheaply(monkeypatch)


def found() -> ModelSpec:
    """A recipe whose models learn from every row."""
    simple = selection.baseline_spec([])
    calibrators = {"churn_rfm_logistic": simple.calibrators[simple.churn]}
    return replace(
        simple,
        churn="churn_rfm_logistic",
        params=simple.params | {"churn_rfm_logistic": {}},
        calibrators=calibrators,
    )


def labels(held_out: bool = True) -> pa.Table:
    """Of every ten customers one was contacted, one held out, and the others never came up."""
    table = small.label_table(FEATURES)
    place = pc.cast(table["customer_id"], pa.int64()).to_numpy() % 10
    arms = np.select([place == 0, place == 1], [CONTACTED, HELD_OUT if held_out else CONTACTED], "")
    arm = pa.array(arms, pa.string(), mask=place > 1)
    return table.set_column(table.schema.get_field_index("arm"), "arm", arm)


def told(label_table: pa.Table, rows: LabelledRows | None = None) -> pa.Table:
    seen = train.labelled_rows(FEATURES, label_table) if rows is None else rows
    return cross_prediction.cross_predict(FEATURES, label_table, seen, found(), MAKE)


def test_everybody_drawn_is_foretold_once_a_snapshot() -> None:
    table = labels()
    made = told(table)
    assert made.schema == artefacts.CROSS_PREDICTIONS.schema
    drawn = table.filter(pc.is_valid(table["arm"])).select(feature_table.KEYS)
    by = [(name, "ascending") for name in feature_table.KEYS]
    assert made.select(feature_table.KEYS).sort_by(by).equals(drawn.sort_by(by).combine_chunks())
    assert np.isfinite(made.drop_columns(feature_table.KEYS).to_pandas()).all(axis=None)
    assert made["churn_probability"].to_pandas().between(0, 1).all()


def test_each_row_is_foretold_by_what_the_other_half_taught() -> None:
    table = labels()
    made, rows = told(table).to_pandas(), train.labelled_rows(FEATURES, table)
    half = fold_of(rows.customer, cross_prediction.HALVES, "foretold")
    scorer = selection.fit_scorer(MAKE, found(), rows.take(half == 1))
    mine = made[fold_of(made["customer_id"], cross_prediction.HALVES, "foretold") == 0]
    keys = pa.Table.from_pandas(mine[feature_table.KEYS], preserve_index=False)
    keys = keys.cast(FEATURES.select(feature_table.KEYS).schema)
    of = FEATURES.join(keys, keys=feature_table.KEYS, join_type="inner").sort_by(
        [(name, "ascending") for name in feature_table.KEYS]
    )
    assert 20 < len(mine) < len(made) - 20
    assert scorer.score(feature_table.matrix(of))["churn_probability"].tolist() == pytest.approx(
        mine.sort_values(feature_table.KEYS)["churn_probability"].tolist()
    )


def test_no_model_has_seen_a_row_of_the_customer_it_foretells() -> None:
    table = labels()
    rows, usual = train.labelled_rows(FEATURES, table), told(table).to_pandas()
    mine = rows.customer == usual["customer_id"].iloc[-1]
    assert mine.any()
    poisoned = replace(
        rows,
        churned=np.where(mine, 1 - rows.churned, rows.churned),
        value=np.where(mine, 1e6, rows.value),
        X=rows.X.assign(days_since_purchase=rows.X["days_since_purchase"].where(~mine, 9e3)),
    )
    again = told(table, poisoned).to_pandas()
    half = fold_of(usual["customer_id"], cross_prediction.HALVES, "foretold")
    same = half == half[-1]
    assert (usual["customer_id"][same] == usual["customer_id"].iloc[-1]).any()
    assert again[same].equals(usual[same])
    assert (again["churn_probability"] != usual["churn_probability"])[~same].all()


def test_rows_in_another_order_are_foretold_alike() -> None:
    table, draw = labels(), np.random.default_rng(1)
    turned = FEATURES.take(draw.permutation(len(FEATURES)))
    again = cross_prediction.cross_predict(
        turned, table, train.labelled_rows(FEATURES, table), found(), MAKE
    )
    assert again.equals(told(table))


def test_without_a_holdout_nothing_is_foretold() -> None:
    for table in (labels(held_out=False), small.label_table(FEATURES)):
        assert told(table).equals(artefacts.CROSS_PREDICTIONS.schema.empty_table())


@pytest.mark.parametrize("half", range(cross_prediction.HALVES))
@pytest.mark.parametrize("churned", [0.0, 1.0])
def test_one_outcome_in_a_half_teaches_nothing(half: int, churned: float) -> None:
    table = labels()
    rows = train.labelled_rows(FEATURES, table)
    of = fold_of(rows.customer, cross_prediction.HALVES, "foretold")
    alike = replace(rows, churned=np.where(of == half, churned, rows.churned))
    assert told(table, alike).equals(artefacts.CROSS_PREDICTIONS.schema.empty_table())
