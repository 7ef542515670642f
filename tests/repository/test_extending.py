"""A new feature, model or source needs one file or one mapping, and no other edit."""

import json
import re
from typing import Any

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from retention.worklist import published
from tests.support import company
from tests.support.company import Checkout

FEATURE = '''"""Card: how often the customer shows it, buying or not."""

import narwhals as nw

from features.engine.base import Past, count, feature, grain, within
from retention.core.point_in_time import Frame


@grain("visit")
def visits(past: Past) -> Frame:
    """One row a visit: customer_id, age."""
    return past.events("visit")


@feature(visits, unit="visits", none=0, words="{card_visits_30d:times} in the shop in 30 days")
def card_visits(days: int) -> nw.Expr:
    """Visits with the card in the last {days} days."""
    return count(within(days))
'''

MODEL = '''"""The churn rate of all customers."""

import numpy as np
import pandas as pd

from models.components.base import BIAS, ChurnModel, Floats, State, log_odds


class ConstantChurn(ChurnModel):
    """p = the churn rate of the training rows."""

    baseline = True
    title = "churn rate of all"

    def columns(self, X: pd.DataFrame) -> list[str]:
        return []

    def _fit(self, X: pd.DataFrame, y: Floats, weight: Floats) -> None:
        self.rate_ = float(np.average(y, weights=weight))

    def _predict(self, X: pd.DataFrame) -> Floats:
        return np.full(len(X), self.rate_)

    def _contributions(self, X: pd.DataFrame) -> pd.DataFrame:
        return pd.DataFrame({BIAS: log_odds(self._predict(X))}, index=X.index)

    def _get_state(self) -> State:
        return {"rate_": self.rate_}

    def _set_state(self, state: State) -> None:
        self.rate_ = state["rate_"]
'''

SOURCE: dict[str, Any] = {
    "path": "data/raw/gate.csv",
    "key": ["swipe"],
    "types": {"at": "timestamp"},
    "format": {"time": "%Y-%m-%d %H:%M:%S"},
    "events": [{"kind": "visit", "customer_id": "cust", "occurred_at": "at"}],
}


def gate_csv(seed: int = 11, swipes: int = 3000) -> str:
    """A CSV of cards shown at the gate."""
    draw = np.random.default_rng(seed)
    minutes = draw.integers(8 * 60, 20 * 60, swipes).astype("timedelta64[m]")
    days = draw.integers(0, company.DAYS, swipes).astype("timedelta64[D]")
    time = np.datetime_as_string(company.FIRST_DAY + days + minutes, unit="s")
    who = draw.integers(0, company.CUSTOMERS, swipes)
    lines = [f"{n},{who[n]:05d},{time[n].replace('T', ' ')}" for n in range(swipes)]
    return "\n".join(["swipe,cust,at", *lines, ""])


def documented_feature() -> str:
    """The feature that docs/extending.md shows."""
    text = (company.REPOSITORY / "docs/extending.md").read_text(encoding="utf-8")
    first, *_ = re.findall(r"^```python\n(.+?)^```", text, re.MULTILINE | re.DOTALL)
    return str(first)


@pytest.fixture(scope="module")
def extended(shop: Checkout, tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """The shop's checkout with two files more in features/, one in models/, and one mapping."""
    checkout = shop.copy(tmp_path_factory.mktemp("extended") / "shop")
    (checkout / "features/card.py").write_text(FEATURE, encoding="utf-8")
    (checkout / "features/shown.py").write_text(documented_feature(), encoding="utf-8")
    (checkout / "models/churn_constant.py").write_text(MODEL, encoding="utf-8")
    (checkout / "data/raw/gate.csv").write_text(gate_csv(), encoding="utf-8")
    params = checkout.params()
    params["sources"]["gate"] = SOURCE
    checkout.set_params(params)
    stages = "params,ingest gate,events,snapshots,labels,features,train,uplift,evaluate,promote"
    log = checkout.stages(*stages.split(","), "score", "guard", "at_risk", "publish")
    documented = checkout.run("tools.docs")
    assert not documented.returncode, documented.stderr
    return Checkout(checkout.folder, log)


def read_json(checkout: Checkout, path: str) -> Any:
    return json.loads((checkout / path).read_text(encoding="utf-8"))


def test_a_new_source_is_read_by_its_mapping_alone(extended: Checkout) -> None:
    events = pq.read_table(extended / "data/events/events.parquet", columns=["source", "kind"])
    assert pc.sum(pc.equal(events["source"], "gate")).as_py() == 3000
    assert "visit" in events["kind"].unique().to_pylist()


def test_a_new_source_is_a_stage_of_its_own_without_an_edit_of_dvc_yaml(
    extended: Checkout,
) -> None:
    stage_names = extended.run("dvc", "stage", "list", "--name-only").stdout.split()
    assert "ingest@gate" in stage_names


def test_a_new_feature_is_computed_for_every_window(extended: Checkout) -> None:
    table = pq.read_table(extended / "data/features/features.parquet")
    windows = extended.params()["features"]["windows"]
    names = [f"card_visits_{days}d" for days in windows]
    assert set(names) <= set(table.column_names)
    assert pc.max(table[names[0]]).as_py() > 0
    assert pc.min(table[names[0]]).as_py() == 0


def test_the_feature_that_the_documentation_shows_works_as_it_stands(
    shop: Checkout, extended: Checkout
) -> None:
    before, after = (
        set(pq.read_schema(checkout / "data/features/features.parquet").names)
        for checkout in (shop, extended)
    )
    shown_columns = {name for name in after - before if not name.startswith("card_visits_")}
    dead = read_json(extended, "data/features/summary.json")["dead"]
    assert shown_columns
    assert shown_columns.isdisjoint(dead)


def test_a_new_feature_is_learnt_from(extended: Checkout) -> None:
    selection = read_json(extended, "data/train/selection.json")
    champion = read_json(extended, "champion/champion.json")
    assert "card_visits_30d" in selection["features"]
    assert "card_visits_30d" in champion["definition"]["features"]


def test_a_new_feature_sets_the_champion_without_it_aside(
    shop: Checkout, extended: Checkout
) -> None:
    before = read_json(shop, "champion/champion.json")
    assert "card_visits_30d" not in before["definition"]["features"]
    assert "it is set aside" in extended.log


def test_a_new_feature_stands_in_the_data_dictionary_that_is_made_anew(extended: Checkout) -> None:
    dictionary = (extended / "docs/features.md").read_text(encoding="utf-8")
    assert "## card" in dictionary
    assert (
        "| `card_visits_30d` | Visits with the card in the last 30 days. | visits |" in dictionary
    )


def test_a_new_model_is_tried_on_the_folds(extended: Checkout) -> None:
    selection = read_json(extended, "data/train/selection.json")
    assert "churn_constant" in selection["losses"]
    assert len(selection["fold_metrics"]["churn_constant"]) == len(selection["folds"])


def test_a_new_model_is_a_part_of_what_scores(extended: Checkout) -> None:
    """It tells nobody apart, so that nothing moves its weight from the equal one."""
    weights = read_json(extended, "data/train/selection.json")["weights"]["churn"]
    assert weights["churn_constant"] > 0
    champion = read_json(extended, "champion/champion.json")
    churn = read_json(extended, f"champion/{champion['models']}/churn.json")
    assert {part["name"]: part["weight"] for part in churn["parts"]} == weights


def test_a_new_model_is_evaluated_beside_the_others(extended: Checkout) -> None:
    metrics = read_json(extended, "data/evaluate/metrics.json")
    assert metrics["churn"]["churn_constant"]["roc_auc"]["value"] == pytest.approx(0.5)
    assert "churn_constant" in metrics["list"]
    assert "churn_constant" in metrics["gain"]


def test_a_new_model_stands_in_the_model_card(extended: Checkout) -> None:
    card = (extended / "data/evaluate/model_card.md").read_text(encoding="utf-8")
    assert "churn rate of all" in card


def test_a_new_model_is_logged_in_mlflow(shop: Checkout, extended: Checkout) -> None:
    new = extended.mlflow_tags("model") - shop.mlflow_tags("model")
    assert new == {"churn_constant"}


def test_the_list_goes_out_as_before(extended: Checkout) -> None:
    published_csv = extended / "lists/current/at_risk.csv"
    assert published.verify(extended / "lists") == []
    assert published_csv.read_bytes() == (extended / "data/at_risk/at_risk.csv").read_bytes()
