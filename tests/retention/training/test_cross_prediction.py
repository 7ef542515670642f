"""Out-of-fold predictions of randomised customers, by models of other customers."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from models.components.base import Model
from models.components.uplift import fold_of
from retention.core import artefacts, feature_table
from retention.core.events import CONTACTED, HELD_OUT
from retention.training import cross_prediction
from retention.training.candidates import model_factory
from retention.training.fitting import fit_scorer
from retention.training.rows import LabelledRows, labelled_rows
from retention.training.selection import ModelSpec
from tests.support import training_company as small

MAKE: Callable[..., Model] = model_factory(small.small_params())
FEATURES = small.feature_table()


@pytest.fixture(autouse=True)
def _quick_models(monkeypatch: pytest.MonkeyPatch) -> None:
    small.use_quick_models(monkeypatch)


def quick_spec() -> ModelSpec:
    """A specification of quick models that use every row."""
    weights = {
        "churn": {"churn_logistic": 0.6, "churn_rfm_logistic": 0.5},
        "value": {"value_last_window": 1.0},
    }
    return ModelSpec(weights, intercept=-0.2)


def labels(held_out: bool = True) -> pa.Table:
    """Of every ten customers one was contacted, one held out, and the others never came up."""
    table = small.label_table(FEATURES)
    place = pc.cast(table["customer_id"], pa.int64()).to_numpy() % 10
    arms = np.select([place == 0, place == 1], [CONTACTED, HELD_OUT if held_out else CONTACTED], "")
    arm = pa.array(arms, pa.string(), mask=place > 1)
    return table.set_column(table.schema.get_field_index("arm"), "arm", arm)


def predict_randomised(label_table: pa.Table, rows: LabelledRows | None = None) -> pa.Table:
    fitted_rows = labelled_rows(FEATURES, label_table) if rows is None else rows
    return cross_prediction.cross_predict(
        FEATURES, label_table, fitted_rows, quick_spec(), MAKE, small.LABEL_DELAY_DAYS
    )


def test_every_randomised_customer_is_predicted_once_per_snapshot() -> None:
    table = labels()
    predictions = predict_randomised(table)
    assert predictions.schema == artefacts.CROSS_PREDICTIONS.schema
    randomised = table.filter(pc.is_valid(table["arm"])).select(feature_table.KEYS)
    order = [(name, "ascending") for name in feature_table.KEYS]
    assert (
        predictions.select(feature_table.KEYS)
        .sort_by(order)
        .equals(randomised.sort_by(order).combine_chunks())
    )
    assert np.isfinite(predictions.drop_columns(feature_table.KEYS).to_pandas()).all(axis=None)
    assert predictions["churn_probability"].to_pandas().between(0, 1).all()


def test_each_row_is_predicted_by_models_of_the_other_half() -> None:
    table = labels()
    predictions, rows = predict_randomised(table).to_pandas(), labelled_rows(FEATURES, table)
    half = fold_of(rows.customer, cross_prediction.HALVES, "foretold")
    scorer = fit_scorer(MAKE, quick_spec(), rows.take(half == 1), small.LABEL_DELAY_DAYS)
    first_half = predictions[
        fold_of(predictions["customer_id"], cross_prediction.HALVES, "foretold") == 0
    ]
    keys = pa.Table.from_pandas(first_half[feature_table.KEYS], preserve_index=False)
    keys = keys.cast(FEATURES.select(feature_table.KEYS).schema)
    table_of_half = FEATURES.join(keys, keys=feature_table.KEYS, join_type="inner").sort_by(
        [(name, "ascending") for name in feature_table.KEYS]
    )
    assert 20 < len(first_half) < len(predictions) - 20
    assert scorer.score(feature_table.matrix(table_of_half))[
        "churn_probability"
    ].tolist() == pytest.approx(
        first_half.sort_values(feature_table.KEYS)["churn_probability"].tolist()
    )


def test_no_model_has_seen_a_row_of_the_customer_it_predicts() -> None:
    table = labels()
    rows, usual = labelled_rows(FEATURES, table), predict_randomised(table).to_pandas()
    of_customer = rows.customer == usual["customer_id"].iloc[-1]
    assert of_customer.any()
    poisoned = replace(
        rows,
        churned=np.where(of_customer, 1 - rows.churned, rows.churned),
        value=np.where(of_customer, 1e6, rows.value),
        X=rows.X.assign(days_since_purchase=rows.X["days_since_purchase"].where(~of_customer, 9e3)),
    )
    again = predict_randomised(table, poisoned).to_pandas()
    half = fold_of(usual["customer_id"], cross_prediction.HALVES, "foretold")
    same = half == half[-1]
    assert (usual["customer_id"][same] == usual["customer_id"].iloc[-1]).any()
    assert again[same].equals(usual[same])
    assert (again["churn_probability"] != usual["churn_probability"])[~same].all()


def test_the_order_of_rows_changes_no_prediction() -> None:
    table, draw = labels(), np.random.default_rng(1)
    turned = FEATURES.take(draw.permutation(len(FEATURES)))
    again = cross_prediction.cross_predict(
        turned, table, labelled_rows(FEATURES, table), quick_spec(), MAKE, small.LABEL_DELAY_DAYS
    )
    assert again.equals(predict_randomised(table))


def test_without_a_holdout_nothing_is_predicted() -> None:
    for table in (labels(held_out=False), small.label_table(FEATURES)):
        assert predict_randomised(table).equals(artefacts.CROSS_PREDICTIONS.schema.empty_table())


@pytest.mark.parametrize("half", range(cross_prediction.HALVES))
@pytest.mark.parametrize("churned", [0.0, 1.0])
def test_with_one_outcome_in_a_half_nothing_is_predicted(half: int, churned: float) -> None:
    table = labels()
    rows = labelled_rows(FEATURES, table)
    half_of_row = fold_of(rows.customer, cross_prediction.HALVES, "foretold")
    alike = replace(rows, churned=np.where(half_of_row == half, churned, rows.churned))
    assert predict_randomised(table, alike).equals(artefacts.CROSS_PREDICTIONS.schema.empty_table())
