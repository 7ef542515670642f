"""The figures of metrics.json: computed by hand, for every model, and null where none can be."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from pipeline import evaluate
from retention.core import artefacts
from retention.core.params import load_params
from retention.core.storage import atomic
from retention.serving import headlines, target
from retention.tracking import client
from retention.tracking.client import TrackingDown
from tests.support import documents
from tests.support import training_company as small

NOTHING_MEASURED: dict[str, Any] = {
    "churn": {},
    "value": {},
    "list": {},
    "gain": {},
    "value_by_decile": [],
}


# By hand


def predictions_and_scores() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Two churn models and a value model on four customers; the better churn model is selected."""
    truth = pd.DataFrame(
        {
            "customer_id": list("abcd"),
            "churned": [True, False, True, False],
            "value": [0.0, 10.0, 0.0, 30.0],
        }
    )
    parts = [
        truth.assign(task="churn", model="churn_good", prediction=[0.9, 0.2, 0.8, 0.1]),
        truth.assign(task="churn", model="churn_bad", prediction=[0.1, 0.8, 0.2, 0.9]),
        truth.assign(task="value", model="value_flat", prediction=10.0),
    ]
    scores = truth.assign(
        churn_probability=[0.9, 0.2, 0.8, 0.1],
        expected_value=[0.0, 10.0, 0.0, 20.0],
        value_low=[0.0, 11.0, 0.0, 0.0],
        value_high=[1.0, 12.0, 1.0, 40.0],
        value_if_kept=[5.0, 12.0, 5.0, 22.0],
        value_if_lost=0.0,
        expected_loss=[0.1, 0.2, 0.4, 0.3],
    )
    return pd.concat(parts, ignore_index=True), scores


def test_the_selected_models_stand_beside_every_other() -> None:
    content = evaluate.evaluate(*predictions_and_scores(), small.small_params())
    assert set(content["churn"]) == {"churn_good", "churn_bad", "recipe"}
    assert set(content["list"]) == set(content["churn"])
    assert set(content["value"]) == {"value_flat", "recipe"}
    assert set(content["gain"]) == {"churn_good", "churn_bad"}


def test_figures_are_those_of_the_rows() -> None:
    content = evaluate.evaluate(
        *predictions_and_scores(), small.small_params("capacity: 15", "capacity: 1")
    )
    auc = {name: figures["roc_auc"]["value"] for name, figures in content["churn"].items()}
    assert auc == {"churn_good": 1.0, "churn_bad": 0.0, "recipe": 1.0}
    mae = {name: figures["mae"]["value"] for name, figures in content["value"].items()}
    assert mae == {"value_flat": 10.0, "recipe": 2.5}
    assert content["value"]["recipe"]["coverage"]["value"] == 0.75
    assert "coverage" not in content["value"]["value_flat"]
    gain = {name: figures["roc_auc"]["value"] for name, figures in content["gain"].items()}
    assert gain == {"churn_good": 0.0, "churn_bad": 1.0}


def test_without_an_interval_its_coverage_is_unknown_and_not_zero() -> None:
    predictions, scores = predictions_and_scores()
    scores["value_low"] = scores["value_high"] = np.nan
    content = evaluate.evaluate(predictions, scores, small.small_params())
    for name in ("coverage", "width"):
        assert content["value"]["recipe"][name]["value"] is None
    assert content["value"]["recipe"]["mae"]["value"] == 2.5


def test_the_list_is_ranked_by_expected_loss_and_models_by_probability() -> None:
    content = evaluate.evaluate(
        *predictions_and_scores(), small.small_params("capacity: 15", "capacity: 2")
    )
    churned_share = {
        name: figures["churned_share"]["value"] for name, figures in content["list"].items()
    }
    assert churned_share == {"churn_good": 1.0, "churn_bad": 0.0, "recipe": 0.5}


def test_the_headline_is_a_dozen_figures_of_the_selected_models() -> None:
    of_list = documents.metrics(
        list={"recipe": {name: {"value": 3} for name in (*headlines.LIST_METRICS, "listed")}}
    ).list_metrics
    figures = headlines.headline_metrics(small.FIGURES.updated(list_metrics=of_list)).as_json()
    assert len(figures) == 12
    assert (figures["churn_roc_auc"], figures["value_mae"]) == (0.5, 2.0)
    assert figures["list_lift"] == 3
    assert headlines.headline_metrics(documents.metrics()).as_json() == {}


def test_ties_are_broken_by_customer_and_not_by_the_order_of_rows() -> None:
    predictions, scores = predictions_and_scores()
    predictions["prediction"], scores["churn_probability"], scores["expected_loss"] = 0.5, 0.5, 1.0
    params = small.small_params("capacity: 15", "capacity: 1")
    ordered = evaluate.evaluate(predictions, scores, params)
    other = evaluate.evaluate(predictions[::-1], scores[::-1], params)
    for content in (ordered, other):
        assert content["list"]["recipe"]["churned_share"]["value"] == 1.0  # customer a
        assert content["churn"]["churn_bad"]["precision_at_capacity"]["value"] == 1.0


def test_a_row_that_stands_for_several_customers_counts_as_so_many() -> None:
    predictions, scores = predictions_and_scores()
    params = small.small_params("capacity: 15", "capacity: 2")
    times = {"a": 1, "b": 3, "c": 1, "d": 2}

    def weighed(frame: pd.DataFrame) -> pd.DataFrame:
        return frame.assign(weight=frame["customer_id"].map(times).astype(float))

    def repeated(frame: pd.DataFrame) -> pd.DataFrame:
        return frame.loc[frame.index.repeat(frame["customer_id"].map(times))].reset_index(drop=True)

    both = [
        evaluate.evaluate(change(predictions), change(scores), params)
        for change in (weighed, repeated)
    ]
    for task in ("churn", "value", "list"):
        values = [
            {
                (model, name): figure["value"]
                for model, figures in content[task].items()
                for name, figure in figures.items()
            }
            for content in both
        ]
        assert values[0] == pytest.approx(values[1], nan_ok=True), task
    assert both[0]["value_by_decile"][0].keys() == both[1]["value_by_decile"][0].keys()


def test_profit_is_by_the_companys_own_money() -> None:
    predictions, scores = predictions_and_scores()
    dear = "policy: {playbook: [{name: call, action: Call, cost: 3, save_rate: 0.5}]}\nat_risk:"
    params = small.small_params("at_risk:", dear)
    profit = evaluate.evaluate(predictions, scores, params)["churn"]["recipe"]["empc"]["value"]
    # Two of four leave, each worth 20, half of them are saved; both are called, nobody else.
    assert profit == pytest.approx(2 / 4 * (20 * 0.5 - 3), rel=1e-2)


@pytest.mark.parametrize("churned", [True, False])
def test_one_outcome_gives_nulls_that_can_be_written(tmp_path: Path, churned: bool) -> None:
    predictions, scores = predictions_and_scores()
    predictions["churned"] = scores["churned"] = churned
    content = evaluate.evaluate(predictions, scores, small.small_params())
    assert content["churn"]["recipe"]["roc_auc"] == {"value": None, "low": None, "high": None}
    atomic.write_json(tmp_path / "metrics.json", content)


# The stage


Home = tuple[Path, list[Any]]


@pytest.fixture
def home(trained_company: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """A folder in which `train` has run, and the records that MLflow gets there."""
    small.copy_trained(trained_company, tmp_path, monkeypatch)
    records: list[Any] = []

    def log_run(record: Any) -> str:
        records.append(record)
        return "run-1"

    monkeypatch.setattr(client, "log_run", log_run)
    return tmp_path, records


def test_the_stage_writes_figures_predictions_pictures_and_a_card(home: Home) -> None:
    evaluate.main()
    content = atomic.read_json(artefacts.METRICS)
    assert set(content) == {
        *NOTHING_MEASURED,
        *("measured_on", "days", "customers", "churners", "churn_rate", "all_customers"),
        "lifetime",
        *("capacity", "definition", "banners", "slices"),
    }
    models_and_recipe = {*small.QUICK_MODELS, "recipe"}
    for task in ("churn", "value"):
        assert set(content[task]) == {
            name for name in models_and_recipe if name == "recipe" or name.startswith(task)
        }
    assert content["measured_on"] == atomic.read_json(artefacts.SELECTION)["measured_on"]["test"]
    assert content["definition"] == target.target_description(load_params().labels)
    assert {path.suffix for path in artefacts.PLOTS.path.iterdir()} == {".csv", ".png"}
    assert "tenure" in artefacts.MODEL_CARD.path.read_text(encoding="utf-8")  # the dead feature


def test_predictions_are_one_row_a_customer_beside_what_happened(home: Home) -> None:
    evaluate.main()
    table = pq.read_table(artefacts.PREDICTIONS)
    assert table.schema.equals(artefacts.PREDICTIONS.schema)
    frame, labels = table.to_pandas(), pq.read_table(artefacts.LABELS).to_pandas()
    keys = ["customer_id", "snapshot_on"]
    assert not frame.duplicated(keys).any()
    beside = frame.merge(labels, on=keys, how="left", suffixes=("", "_told"))
    assert (beside["churned"] == beside["churned_told"]).all()
    assert (beside["value"] == beside["value_told"]).all()
    metrics = atomic.read_json(artefacts.METRICS)
    assert metrics["customers"] == frame["customer_id"].nunique()
    days = {str(day): group for day, group in frame.groupby("snapshot_on")}
    assert [day["day"] for day in metrics["days"]] == sorted(days)
    assert max(days) == metrics["measured_on"]
    for day in metrics["days"]:
        of_day = days[day["day"]]
        assert (day["customers"], day["churners"]) == (len(of_day), of_day["churned"].sum())


def test_the_same_inputs_are_the_same_bytes(
    home: Home, snapshot_of: Callable[[Path], dict[str, tuple[int, bytes]]]
) -> None:
    runs = []
    for _ in range(2):
        evaluate.main()
        runs.append({name: held for name, (_, held) in snapshot_of(Path("data")).items()})
    assert runs[0] == runs[1]


def test_the_run_is_logged_in_mlflow(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    evaluate.main()
    (record,) = home[1]
    assert record.metrics == artefacts.METRICS.read()
    assert "MLflow run run-1" in capsys.readouterr().err


def test_where_mlflow_is_down_the_stage_reports_it_and_succeeds(
    home: Home, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def down(_: Any) -> str:
        raise TrackingDown("MLflow at nowhere: unreachable")

    monkeypatch.setattr(client, "log_run", down)
    evaluate.main()
    assert "MLflow at nowhere: unreachable" in capsys.readouterr().err
    assert artefacts.METRICS.path.is_file()
    assert artefacts.MODEL_CARD.path.is_file()


def test_where_nothing_was_measured_figures_are_null_and_every_file_is_there(home: Home) -> None:
    artefacts.TEST_PREDICTIONS.write(artefacts.TEST_PREDICTIONS.schema.empty_table())
    artefacts.TEST_SCORES.write(artefacts.TEST_SCORES.schema.empty_table())
    atomic.write_json(
        artefacts.SELECTION, atomic.read_json(artefacts.SELECTION) | {"measured_on": None}
    )
    evaluate.main()
    content = atomic.read_json(artefacts.METRICS)
    assert {name: content[name] for name in NOTHING_MEASURED} == NOTHING_MEASURED
    assert (content["measured_on"], content["customers"], content["churn_rate"]) == (None, 0, None)
    assert artefacts.MODEL_CARD.path.is_file()
    empty = pq.read_table(artefacts.PREDICTIONS)
    assert len(empty) == 0
    assert empty.schema.equals(artefacts.PREDICTIONS.schema)


def test_metrics_are_strict_json(home: Home) -> None:
    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    evaluate.main()
    json.loads(artefacts.METRICS.path.read_text(encoding="utf-8"), parse_constant=refuse)
