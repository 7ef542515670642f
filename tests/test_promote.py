"""Who scores: the first result, until someone says otherwise or the question changes."""

import json
from pathlib import Path
from typing import Any

import pytest
import test_train as small

from pipeline import artefacts, files, params, promote, tracking, train
from pipeline.learning import champion, definition
from pipeline.learning.champion import Champion
from pipeline.tracking import TrackingDown

FIGURES: dict[str, Any] = {
    "measured_on": "2026-05-11",
    "churn": {"recipe": {name: {"value": 0.5} for name in promote.HEADLINES["churn"]}},
    "value": {"recipe": {name: {"value": 2.0} for name in promote.HEADLINES["value"]}},
}
NOTHING: dict[str, Any] = {"measured_on": None, "churn": {}, "value": {}}
NAMES = [f"{task}_{name}" for task, names in promote.HEADLINES.items() for name in names]


def test_headlines_are_the_recipes_main_figures() -> None:
    found = promote.headlines(FIGURES)
    assert list(found) == NAMES
    assert (found["churn_roc_auc"], found["value_mae"]) == (0.5, 2.0)
    assert promote.headlines(NOTHING) == {}


ONE, OTHER = {"churn": "1", "value": "2"}, {"churn": "1", "value": "3"}
MINE, YOURS = {"company": "Mill Lane"}, {"company": "Hill Lane"}


@pytest.mark.parametrize(
    ("now", "sha256", "made_under", "decision"),
    [
        (None, ONE, MINE, "promote"),
        (ONE, ONE, MINE, "same"),
        (ONE, OTHER, MINE, "challenge"),
        (ONE, OTHER, YOURS, "set aside"),
        (ONE, ONE, YOURS, "set aside"),  # equal models, but the champion cannot score for these
    ],
)
def test_the_decision_is_by_definition_and_then_by_hash(
    now: dict[str, str] | None,
    sha256: dict[str, str],
    made_under: dict[str, str],
    decision: str,
) -> None:
    standing = now and Champion(Path(), {"sha256": now, "definition": MINE})
    assert promote.decide(standing or None, {"definition": made_under}, sha256) == decision
    assert promote.SAID[decision]


def test_every_headline_stands_beside_the_champions() -> None:
    now = Champion(Path(), {"figures": {"churn_ece": 0.1}})
    candidate = {"figures": {"churn_ece": 0.2, "value_mae": 7.0}}
    assert promote.side_by_side(now, candidate) == {
        "churn_ece": {"champion": 0.1, "candidate": 0.2},
        "value_mae": {"champion": None, "candidate": 7.0},
    }
    assert promote.side_by_side(None, candidate)["churn_ece"]["champion"] is None


# The stage

Mirrored = list[dict[str, Path | None]]


@pytest.fixture
def mirrored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Mirrored:
    """Where `train` and `evaluate` have run: the folders that MLflow is told to follow."""
    small.cheaply(monkeypatch)
    small.write_company(tmp_path)
    monkeypatch.chdir(tmp_path)
    train.main()
    files.write_json(artefacts.METRICS, FIGURES)
    told: Mirrored = []
    monkeypatch.setattr(
        tracking, "mirror", lambda _company, _example, folders: told.append(folders)
    )
    return told


def decided() -> dict[str, Any]:
    promote.main()
    found: dict[str, Any] = files.read_json(artefacts.DECISION)
    return found


def another_candidate() -> None:
    """As if training had found something else."""
    path = artefacts.CANDIDATE.path / "value.json"
    files.write_json(path, files.read_json(path) | {"interval": None})


def standing() -> Champion:
    now = champion.current()
    assert now is not None
    return now


def test_the_first_result_becomes_the_champion(mirrored: Mirrored) -> None:
    told = decided()
    now = standing()
    assert told["decision"] == "promote"
    assert told["champion"] == told["candidate"] == now.sha256
    assert now.sha256 == champion.hashes(artefacts.CANDIDATE.path)
    champion.load(now)
    assert mirrored == [{"champion": now.folder, "challenger": None}]


def test_the_manifest_says_what_it_was_made_for_and_what_it_is_worth(mirrored: Mirrored) -> None:
    promote.main()
    told, story = standing().manifest, files.read_json(artefacts.RECIPE)
    assert told["definition"] == definition.identity(params.load(), story["features"])
    assert told["figures"] == promote.headlines(FIGURES)
    assert (told["trained_to"], told["measured_on"]) == (story["trained_to"], "2026-05-11")
    assert told["models_chosen"] == story["chosen"]
    assert told["titles"] == {task: story["titles"][name] for task, name in story["chosen"].items()}
    assert told["banners"] == story["banners"]


def test_the_same_result_again_leaves_the_champion_as_it_is(mirrored: Mirrored) -> None:
    first = decided()
    before = Path("champion/champion.json").read_bytes()
    told = decided()
    assert (first["decision"], told["decision"]) == ("promote", "same")
    assert Path("champion/champion.json").read_bytes() == before
    assert mirrored[0] == mirrored[1]


def test_another_result_is_a_challenger_with_the_figures_of_both(mirrored: Mirrored) -> None:
    promote.main()
    before = standing()
    another_candidate()
    better = json.loads(json.dumps(FIGURES).replace("0.5", "0.75"))
    files.write_json(artefacts.METRICS, better)
    told = decided()
    assert told["decision"] == "challenge"
    assert told["figures"]["churn_roc_auc"] == {"champion": 0.5, "candidate": 0.75}
    assert told["champion"] == before.sha256 != told["candidate"]
    assert standing() == before  # a better one does not score until someone takes it
    assert mirrored[-1] == {"champion": before.folder, "challenger": artefacts.CANDIDATE.path}


@pytest.mark.parametrize("models", ["other", "equal"])
def test_a_champion_for_another_question_is_set_aside_and_says_so(
    mirrored: Mirrored, models: str, capsys: pytest.CaptureFixture[str]
) -> None:
    promote.main()
    before = standing()
    files.write_text("params.yaml", small.PARAMS.replace("Mill Lane", "Hill Lane"))
    if models == "other":
        another_candidate()
    told = decided()
    now = standing()
    assert told["decision"] == "set aside"
    assert told["champion"] == told["candidate"] == now.sha256
    assert now.definition["company"] == "Hill Lane Bakery"
    assert before.definition["company"] == "Mill Lane Bakery"
    assert "it is set aside, this one scores" in capsys.readouterr().err
    assert mirrored[-1] == {"champion": now.folder, "challenger": None}


def test_a_result_that_nothing_measured_can_be_the_first_champion(mirrored: Mirrored) -> None:
    files.write_json(artefacts.METRICS, NOTHING)
    assert decided()["figures"] == {}
    assert standing().manifest["measured_on"] is None


def test_where_mlflow_is_down_the_champion_is_made_all_the_same(
    mirrored: Mirrored, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def down(*_: Any) -> None:
        raise TrackingDown("MLflow at nowhere: unreachable")

    monkeypatch.setattr(tracking, "mirror", down)
    assert decided()["decision"] == "promote"
    assert standing()
    assert "MLflow at nowhere: unreachable" in capsys.readouterr().err
