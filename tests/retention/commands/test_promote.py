"""`retention promote` and `retention rollback`: which model scores, and what a person is shown."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from models.churn_recency import RecencyRule
from models.components.blend import ChurnBlend, ValueBlend
from models.components.scorer import Scorer
from models.value_last_window import LastWindow
from retention import cli
from retention.commands import promote
from retention.core import artefacts
from retention.core.params import Params
from retention.core.storage import atomic
from retention.serving import champion, headlines
from retention.tracking import promotion_log
from tests.support import documents, sales_company


@pytest.fixture
def company(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder with a params.yaml without a fault; one stands in it."""
    monkeypatch.chdir(tmp_path)
    sales_company.write_company()


def run(*words: str) -> Any:
    return CliRunner().invoke(cli.app, list(words))


WHY = "nothing to compare them on yet"


def scorer(rates: float) -> Scorer:
    """A champion that is quickly made: silence and last window's spend."""
    days = np.arange(40.0)
    X = pd.DataFrame({"days_since_purchase": days, "spend_30d": days[::-1]})
    lost = (days + np.arange(40) % 3 * 10 > 20 * rates).astype(float)
    value = LastWindow(horizon_days=28).fit(X, days[::-1])
    churn = RecencyRule().fit(X, lost)
    return Scorer(
        churn=ChurnBlend((("churn_recency", churn, 1.0),)),
        value_if_kept=ValueBlend((("value_last_window", value, 1.0),)),
        value_if_lost=ValueBlend((("value_last_window", value, 1.0),)),
    )


def write_trained(rates: float, auc: float = 0.75) -> None:
    """What stages train and evaluate leave, as far as promote reads it."""
    for name, state in scorer(rates).states().items():
        atomic.write_json(artefacts.CANDIDATE.path / f"{name}.json", state)
    titles = {"churn_recency": "recency rule", "value_last_window": "last window's spend"}
    selection_report = documents.selection_report(
        features=["days_since_purchase", "spend_30d"],
        chosen={"churn": "churn_recency", "value": "value_last_window"},
        weights={"churn": {"churn_recency": 1.0}, "value": {"value_last_window": 1.0}},
        titles=titles,
        trained_to="2026-06-22",
    )
    churn = {key: {"value": auc} for key in headlines.HEADLINES["churn"]}
    value = {key: {"value": 3.0} for key in headlines.HEADLINES["value"]}
    figures = documents.metrics(
        measured_on="2026-06-22", churn={"recipe": churn}, value={"recipe": value}
    )
    artefacts.SELECTION.write(selection_report)
    artefacts.METRICS.write(figures)


@pytest.mark.usefixtures("company")
def test_promote_takes_the_challenger_and_rollback_gives_it_back() -> None:
    write_trained(1.0)
    first = run("promote")
    assert first.exit_code == 0, first.output
    first_champion = champion.current()
    write_trained(1.5, auc=0.8125)
    second = run("promote", "--anyway", WHY)
    assert "churn: order, ROC AUC" in second.stdout
    assert "0.7500        0.8125  higher is better" in second.stdout
    assert "until now: recency rule and last window's spend" in second.stdout
    assert "MLflow was not updated" in second.stdout
    assert "Run make repro to score with it" in second.stdout
    second_champion = champion.current()
    assert first_champion
    assert second_champion
    assert (
        second_champion.sha256
        == champion.hashes(champion.parts(artefacts.CANDIDATE.path))
        != first_champion.sha256
    )
    back = run("rollback")
    assert back.exit_code == 0, back.output
    assert "0.8125        0.7500" in back.stdout
    assert "Run make repro" in back.stdout
    assert champion.current() == first_champion


@pytest.mark.usefixtures("company")
def test_promote_of_the_champion_changes_nothing() -> None:
    write_trained(1.0)
    run("promote")
    before = champion.current()
    invocation = run("promote")
    assert invocation.exit_code == 0
    assert "is the champion already" in invocation.stdout
    assert champion.current() == before


@pytest.mark.usefixtures("company")
def test_promote_and_rollback_without_anything_to_take() -> None:
    invocation = run("promote")
    assert invocation.exit_code == 4
    assert "nothing was trained; run make repro first" in invocation.stderr
    write_trained(1.0)
    run("promote")
    invocation = run("rollback")
    assert invocation.exit_code == 4
    assert len(invocation.stderr.splitlines()) == 1


@pytest.mark.usefixtures("company")
def test_rollback_to_files_that_were_changed_is_refused() -> None:
    write_trained(1.0)
    run("promote")
    first_champion = champion.current()
    write_trained(1.5)
    run("promote", "--anyway", WHY)
    second_champion = champion.current()
    assert first_champion
    assert second_champion
    atomic.write_text(first_champion.folder / "churn.json", "{}")
    invocation = run("rollback")
    assert invocation.exit_code == 4
    assert "changed since it was promoted" in invocation.stderr
    assert champion.current() == second_champion


@pytest.mark.usefixtures("company")
def test_rollback_to_a_model_of_another_definition_is_refused() -> None:
    write_trained(1.0)
    run("promote")
    write_trained(1.5)
    run("promote", "--anyway", WHY)
    second_champion, path = champion.current(), champion.FOLDER / f"{champion.PREVIOUS}.json"
    before = atomic.read_json(path)
    before["definition"]["company"] = "another company"
    atomic.write_json(path, before)
    invocation = run("rollback")
    assert invocation.exit_code == 4
    assert "made under another definition (company)" in invocation.stderr
    assert champion.current() == second_champion


@pytest.mark.usefixtures("company")
def test_rollback_to_a_model_that_an_earlier_version_wrote_is_refused_before_it_is_read() -> None:
    write_trained(1.0)
    run("promote")
    write_trained(1.5)
    run("promote", "--anyway", WHY)
    path = champion.FOLDER / f"{champion.PREVIOUS}.json"
    before = atomic.read_json(path)
    old = champion.FOLDER / before["models"] / "churn.json"
    atomic.write_json(old, {"model": {"name": "churn_recency"}, "calibrator": {}})
    before["sha256"]["churn"] = atomic.sha256(old)
    del before["definition"]["format"]
    atomic.write_json(path, before)
    second_champion = champion.current()
    invocation = run("rollback")
    assert invocation.exit_code == 4
    assert "(format: another version of this program wrote it)" in invocation.stderr
    assert len(invocation.stderr.splitlines()) == 1
    assert champion.current() == second_champion


@pytest.mark.usefixtures("company")
def test_mlflow_is_told_where_it_can_be(monkeypatch: pytest.MonkeyPatch) -> None:
    mirrored: list[tuple[dict[str, str], bool]] = []

    def mirror(_: Params, now: champion.Champion, has_challenger: bool) -> None:
        mirrored.append((now.sha256, has_challenger))

    monkeypatch.setattr(promotion_log, "mirror", mirror)
    atomic.write_text(artefacts.FEATURES, "")
    write_trained(1.0)
    run("promote")
    write_trained(1.5)
    run("promote", "--anyway", WHY)
    run("rollback")
    assert [challenger for _, challenger in mirrored] == [False, False, True]
    assert mirrored[2][0] == mirrored[0][0]


def test_the_figures_in_words_are_those_that_promote_pins() -> None:
    pinned = {f"{task}_{name}" for task, names in headlines.HEADLINES.items() for name in names}
    assert set(promote.FIGURES) == pinned
