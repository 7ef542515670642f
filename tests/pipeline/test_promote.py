"""Stage `promote`: the first result scores until it is replaced or the target changes."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from pipeline import evaluate, promote
from retention import cli
from retention.core import artefacts, feature_table
from retention.core.documents.modelling import FigurePair, TestMetrics
from retention.core.errors import Guarded
from retention.core.params import load_params
from retention.core.storage import atomic
from retention.serving import champion, headlines, promotion, target
from retention.serving.champion import Champion
from retention.tracking import client
from retention.tracking.client import TrackingDown
from retention.tracking.run_record import PipelineRun
from retention.training import metrics
from tests.support import documents, training_company
from tests.support.training_company import FIGURES

NOTHING = documents.metrics()
NAMES = [f"{task}_{name}" for task, names in headlines.HEADLINES.items() for name in names]


def test_headlines_are_the_main_figures_of_the_selected_models() -> None:
    figures = headlines.headline_figures(FIGURES)
    assert list(figures) == NAMES
    assert (figures["churn_roc_auc"], figures["value_mae"]) == (0.5, 2.0)
    assert headlines.headline_figures(NOTHING) == {}


FIRST, OTHER = {"churn": "1", "value": "2"}, {"churn": "1", "value": "3"}
MILL_LANE, HILL_LANE = {"company": "Mill Lane"}, {"company": "Hill Lane"}


@pytest.mark.parametrize(
    ("now", "sha256", "made_under", "decision"),
    [
        (None, FIRST, MILL_LANE, "promote"),
        (FIRST, FIRST, MILL_LANE, "same"),
        (FIRST, OTHER, MILL_LANE, "challenge"),
        (FIRST, OTHER, HILL_LANE, "set aside"),
        # equal models, but the champion cannot score for this company
        (FIRST, FIRST, HILL_LANE, "set aside"),
    ],
)
def test_the_decision_is_by_definition_and_then_by_hash(
    now: dict[str, str] | None,
    sha256: dict[str, str],
    made_under: dict[str, str],
    decision: str,
) -> None:
    standing = now and Champion(
        Path(), documents.champion_manifest(sha256=now, definition=MILL_LANE)
    )
    manifest = documents.candidate_manifest(definition=made_under)
    assert promotion.decide(standing or None, manifest, sha256) == decision
    assert promotion.DECISION_TEXTS[decision]


def test_every_headline_stands_beside_the_champions() -> None:
    now = Champion(Path(), documents.champion_manifest(figures={"churn_ece": 0.1}))
    candidate = documents.candidate_manifest(figures={"churn_ece": 0.2, "value_mae": 7.0})
    assert promotion.side_by_side(now, candidate) == {
        "churn_ece": FigurePair(champion=0.1, candidate=0.2),
        "value_mae": FigurePair(champion=None, candidate=7.0),
    }
    assert promotion.side_by_side(None, candidate)["churn_ece"].champion is None


# The stage

Mirrored = list[dict[str, Path | None]]


@pytest.fixture
def mirrored(trained_company: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Mirrored:
    """Where `train` and `evaluate` have run: the folders that MLflow is told to follow."""
    training_company.copy_trained(trained_company, tmp_path, monkeypatch)
    artefacts.METRICS.write(FIGURES)
    mirrored_folders: Mirrored = []
    monkeypatch.setattr(
        client, "mirror", lambda _company, _example, folders: mirrored_folders.append(folders)
    )
    return mirrored_folders


def run_stage() -> dict[str, Any]:
    promote.main()
    decision: dict[str, Any] = atomic.read_json(artefacts.DECISION)
    return decision


def change_candidate() -> None:
    """As if training had found something else."""
    path = artefacts.CANDIDATE.path / "value.json"
    atomic.write_json(path, atomic.read_json(path) | {"interval": None})


def current_champion() -> Champion:
    now = champion.current()
    assert now is not None
    return now


def test_the_first_result_becomes_the_champion(mirrored: Mirrored) -> None:
    decision = run_stage()
    now = current_champion()
    assert decision["decision"] == "promote"
    assert decision["champion"] == decision["candidate"] == now.sha256
    assert now.sha256 == champion.hashes(champion.parts(artefacts.CANDIDATE.path))
    champion.load(now)
    assert mirrored == [{"champion": now.folder, "challenger": None}]


def test_the_manifest_says_what_it_was_made_for_and_what_it_is_worth(mirrored: Mirrored) -> None:
    promote.main()
    manifest, story = written_manifest(), atomic.read_json(artefacts.SELECTION)
    assert manifest["definition"] == target.target_identity(load_params(), story["features"])
    assert manifest["figures"] == headlines.headline_figures(FIGURES)
    assert (manifest["trained_to"], manifest["measured_on"]) == (story["trained_to"], "2026-05-11")
    assert manifest["models_chosen"] == story["chosen"]
    for task, parts in story["weights"].items():
        by_weight = sorted(parts, key=lambda name: -parts[name])
        assert by_weight[0] == story["chosen"][task]
        assert manifest["titles"][task].split(" + ") == [story["titles"][n] for n in by_weight]
    assert manifest["banners"] == story["banners"]


def test_the_same_result_again_leaves_the_champion_as_it_is(mirrored: Mirrored) -> None:
    first = run_stage()
    before = Path("champion/champion.json").read_bytes()
    decision = run_stage()
    assert (first["decision"], decision["decision"]) == ("promote", "same")
    assert Path("champion/champion.json").read_bytes() == before
    assert mirrored[0] == mirrored[1]


def test_another_result_is_a_challenger_with_the_figures_of_both(mirrored: Mirrored) -> None:
    promote.main()
    before = current_champion()
    change_candidate()
    better = FIGURES.model_dump_json(by_alias=True).replace("0.5", "0.75")
    artefacts.METRICS.write(TestMetrics.model_validate_json(better))
    decision = run_stage()
    assert decision["decision"] == "challenge"
    assert decision["figures"]["churn_roc_auc"] == {"champion": 0.5, "candidate": 0.75}
    assert decision["champion"] == before.sha256 != decision["candidate"]
    assert current_champion() == before  # a better one does not score until someone takes it
    assert mirrored[-1] == {"champion": before.folder, "challenger": artefacts.CANDIDATE.path}


@pytest.mark.parametrize("models", ["other", "equal"])
def test_a_champion_for_another_question_is_set_aside_and_says_so(
    mirrored: Mirrored, models: str, capsys: pytest.CaptureFixture[str]
) -> None:
    promote.main()
    before = current_champion()
    atomic.write_text("params.yaml", training_company.PARAMS.replace("Mill Lane", "Hill Lane"))
    if models == "other":
        change_candidate()
    decision = run_stage()
    now = current_champion()
    assert decision["decision"] == "set aside"
    assert decision["champion"] == decision["candidate"] == now.sha256
    assert now.definition["company"] == "Hill Lane Bakery"
    assert before.definition["company"] == "Mill Lane Bakery"
    assert "it is set aside, this one scores" in capsys.readouterr().err
    assert mirrored[-1] == {"champion": now.folder, "challenger": None}


def age_champion() -> None:
    """As if the first version had written the champion: other states, no format in its identity."""
    path = champion.FOLDER / champion.MANIFEST
    manifest = atomic.read_json(path)
    churn = champion.FOLDER / manifest["models"] / "churn.json"
    (part, *_) = atomic.read_json(churn)["parts"]
    atomic.write_json(churn, {"model": part, "calibrator": {"name": "identity"}})
    manifest["sha256"]["churn"] = atomic.sha256(churn)
    del manifest["definition"]["format"]
    atomic.write_json(path, manifest)


def test_a_champion_that_an_earlier_version_wrote_is_set_aside_unread(
    mirrored: Mirrored, capsys: pytest.CaptureFixture[str]
) -> None:
    promote.main()
    age_champion()
    before = current_champion()
    change_candidate()
    decision = run_stage()
    now = current_champion()
    assert decision["decision"] == "set aside"
    assert decision["champion"] == decision["candidate"] == now.sha256
    champion.load(now)
    assert "it is set aside, this one scores" in capsys.readouterr().err
    assert champion.previous() == before  # kept
    assert mirrored[-1] == {"champion": now.folder, "challenger": None}


def set_company(company: str) -> None:
    text = training_company.PARAMS.replace("Mill Lane", company)
    atomic.write_text("params.yaml", text)


def test_a_champion_that_was_set_aside_scores_again_when_its_definition_returns(
    mirrored: Mirrored, capsys: pytest.CaptureFixture[str]
) -> None:
    promote.main()
    before = current_champion()
    for company in ("Hill Lane", "Dale Lane"):  # the second must not push the first out
        set_company(company)
        change_candidate()
        assert run_stage()["decision"] == "set aside"
    assert promotion.RETURN_TEXT not in capsys.readouterr().err
    set_company("Mill Lane")
    decision = run_stage()
    assert current_champion() == before
    champion.load(before)
    assert decision["decision"] == "challenge"
    assert decision["champion"] == before.sha256 != decision["candidate"]
    assert f"promote: {promotion.RETURN_TEXT}" in capsys.readouterr().err
    assert mirrored[-1] == {"champion": before.folder, "challenger": artefacts.CANDIDATE.path}


def test_retention_promote_takes_no_model_of_another_definition_for_the_present_one(
    mirrored: Mirrored,
) -> None:
    promote.main()
    before = current_champion()
    set_company("Hill Lane")
    change_candidate()
    promote.main()
    set_company("Mill Lane")
    refused = CliRunner().invoke(cli.app, ["promote"])
    assert refused.exit_code == 4
    assert "The champion that was set aside under this definition scores again." in refused.output
    assert "made under another definition (company) than that of params.yaml" in refused.output
    assert current_champion() == before
    assert mirrored


def test_retention_promote_tells_mlflow_again_where_nothing_changes(mirrored: Mirrored) -> None:
    promote.main()
    again = CliRunner().invoke(cli.app, ["promote"])
    assert (again.exit_code, "nothing changed" in again.stdout) == (0, True), again.output
    assert mirrored[1:] == mirrored[:1]


# In an experiment


@pytest.mark.parametrize("company", ["Mill Lane", "Hill Lane"])
def test_an_experiment_leaves_the_champion_and_scores_with_its_own_candidate(
    mirrored: Mirrored,
    monkeypatch: pytest.MonkeyPatch,
    snapshot_of: Callable[[Path], dict[str, tuple[int, bytes]]],
    capsys: pytest.CaptureFixture[str],
    company: str,
) -> None:
    promote.main()
    before, n_mirrored = snapshot_of(champion.FOLDER), len(mirrored)
    assert champion.scoring_folder() == champion.FOLDER
    monkeypatch.setenv("DVC_EXP_NAME", "longer-horizon")
    set_company(company)
    change_candidate()
    decision = run_stage()
    assert decision["decision"] == {"Mill Lane": "challenge", "Hill Lane": "set aside"}[company]
    assert (decision["experiment"], decision["champion"]) == (True, decision["candidate"])
    assert snapshot_of(champion.FOLDER) == before
    scoring = champion.current(champion.scoring_folder())
    assert scoring is not None
    champion.load(scoring)
    assert scoring.sha256 == decision["candidate"]
    assert scoring.definition["company"] == f"{company} Bakery"
    assert len(mirrored) == n_mirrored
    (line,) = [line for line in capsys.readouterr().err.splitlines() if "an experiment" in line]
    assert line.endswith(f"would have decided: {promotion.DECISION_TEXTS[decision['decision']]}")
    monkeypatch.delenv("DVC_EXP_NAME")
    assert run_stage()["experiment"] is False
    assert champion.scoring_folder() == champion.FOLDER


def test_an_experiment_before_the_first_champion_makes_none(
    mirrored: Mirrored, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DVC_EXP_BASELINE_REV", "0" * 40)
    assert run_stage()["decision"] == "promote"
    assert champion.current() is None
    assert champion.current(champion.scoring_folder())
    assert mirrored == []


def test_a_result_that_nothing_measured_can_be_the_first_champion(mirrored: Mirrored) -> None:
    artefacts.METRICS.write(NOTHING)
    assert run_stage()["figures"] == {}
    assert written_manifest()["measured_on"] is None


def test_where_mlflow_is_down_the_champion_is_made_all_the_same(
    mirrored: Mirrored, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def down(*_: Any) -> None:
        raise TrackingDown("MLflow at nowhere: unreachable")

    monkeypatch.setattr(client, "mirror", down)
    assert run_stage()["decision"] == "promote"
    assert current_champion()
    assert "MLflow at nowhere: unreachable" in capsys.readouterr().err


# Champion and challenger on the same customers

LoggedRuns = list[PipelineRun]


@pytest.fixture
def contest(mirrored: Mirrored, monkeypatch: pytest.MonkeyPatch) -> LoggedRuns:
    """A champion that learnt long ago what the challenger learnt now: equally good.

    What MLflow is told of it comes back.
    """
    assert mirrored == []
    logged_runs: LoggedRuns = []
    monkeypatch.setattr(client, "log_figures", lambda _, run: logged_runs.append(run))
    test_fold = artefacts.SELECTION.read().measured_on
    assert test_fold is not None
    artefacts.METRICS.write(FIGURES.updated(measured_on=test_fold.test))
    promote.main()
    write_predictions_like_the_champions()
    set_trained_to("2026-01-05")
    change_candidate()
    return logged_runs


def write_predictions_like_the_champions() -> None:
    """The champion's own on the test snapshot, a little changed by chance."""
    scores, labels = pq.read_table(artefacts.TEST_SCORES), pq.read_table(artefacts.LABELS)
    both = evaluate.join_labels(scores, labels)[artefacts.PREDICTIONS.schema.names]
    newest = both["snapshot_on"].max()
    both = both[both["snapshot_on"] == newest]
    features = pq.read_table(artefacts.FEATURES).sort_by("customer_id")
    on_day = features.filter(pc.field("snapshot_on") == newest)
    own_scores = champion.load(current_champion()).score(feature_table.matrix(on_day))
    for name in ("churn_probability", "expected_value", "value_low", "value_high"):
        both[name] = own_scores[name].to_numpy()
    both["churn_probability"] *= np.random.default_rng(1).uniform(0.999, 1, len(both))
    table = pa.Table.from_pandas(both, schema=artefacts.PREDICTIONS.schema, preserve_index=False)
    artefacts.PREDICTIONS.write(table)


def written_manifest() -> dict[str, Any]:
    manifest: dict[str, Any] = atomic.read_json(champion.FOLDER / champion.MANIFEST)
    return manifest


def set_trained_to(day: str) -> None:
    path = champion.FOLDER / champion.MANIFEST
    atomic.write_json(path, atomic.read_json(path) | {"trained_to": day})


def spoil_challenger() -> None:
    """As if the challenger had been measured to put those first who stay."""
    table = pq.read_table(artefacts.PREDICTIONS)
    place = table.schema.get_field_index("churn_probability")
    wrong = pc.subtract(1.0, table["churn_probability"])
    artefacts.PREDICTIONS.write(table.set_column(place, "churn_probability", wrong))


def set_automatic() -> None:
    atomic.write_text("params.yaml", training_company.PARAMS + "promote: {automatic: true}\n")


def test_both_are_asked_about_the_customers_of_the_day_that_measures(contest: LoggedRuns) -> None:
    decision = run_stage()
    predicted = pq.read_table(artefacts.PREDICTIONS).to_pandas()
    comparison = decision["comparison"]
    assert (decision["decision"], comparison["verdict"]) == ("challenge", "no worse")
    assert (comparison["customers"], comparison["churners"]) == (
        len(predicted),
        int(predicted["churned"].sum()),
    )
    features = pq.read_table(artefacts.FEATURES).sort_by("customer_id")
    day = predicted["snapshot_on"].iloc[0]
    X = feature_table.matrix(features.filter(pc.field("snapshot_on") == day))
    p = champion.load(current_champion()).probability(X)
    y = predicted.sort_values("customer_id")["churned"].to_numpy(dtype=float)
    assert comparison["measures"]["brier"]["champion"] == pytest.approx(
        metrics.brier(y, p), abs=1e-12
    )
    figures = atomic.read_json(artefacts.PROMOTE_METRICS)
    assert figures["verdict"] == "no worse"
    assert figures["brier_low"] == comparison["measures"]["brier"]["low"]
    assert [run.tags["verdict"] for run in contest] == ["no worse"]


def test_a_challenger_that_is_no_worse_scores_by_itself_only_where_params_say_so(
    contest: LoggedRuns,
) -> None:
    before = current_champion()
    assert run_stage()["decision"] == "challenge"
    assert current_champion() == before
    set_automatic()
    decision = run_stage()
    assert decision["decision"] == "take"
    now = current_champion()
    assert now.sha256 == decision["candidate"] == decision["champion"] != before.sha256
    pinned = written_manifest()["promotion"]
    assert (pinned["how"], pinned["anyway"]) == ("take", None)
    assert pinned["comparison"] == decision["comparison"]
    assert contest[-1].tags["decision"] == "take"


def test_a_challenger_that_is_worse_never_scores_by_itself(
    contest: LoggedRuns, capsys: pytest.CaptureFixture[str]
) -> None:
    spoil_challenger()
    set_automatic()
    before = current_champion()
    decision = run_stage()
    assert (decision["decision"], decision["comparison"]["verdict"]) == ("challenge", "worse")
    assert current_champion() == before
    assert "promote: the challenger is worse on 120 customers of " in capsys.readouterr().err
    assert [run.tags["verdict"] for run in contest] == ["worse"]


def test_days_that_the_champion_has_seen_compare_nothing(contest: LoggedRuns) -> None:
    measured_on = atomic.read_json(artefacts.METRICS)["measured_on"]
    set_trained_to(measured_on)
    spoil_challenger()
    set_automatic()
    decision = run_stage()
    assert decision["decision"] == "challenge"
    assert decision["comparison"]["why"] == "not yet, the champion has seen these days"
    assert atomic.read_json(artefacts.PROMOTE_METRICS)["brier_difference"] is None
    assert contest == []


def test_a_champion_whose_files_were_changed_is_not_compared(contest: LoggedRuns) -> None:
    atomic.write_text(current_champion().folder / "churn.json", "{}")
    with pytest.raises(Guarded, match=r"churn.json: missing or changed since it was promoted"):
        promote.main()
    assert contest == []


def test_the_same_stage_again_gives_the_same_bytes(contest: LoggedRuns) -> None:
    contents = []
    for _ in range(2):
        promote.main()
        parts = (artefacts.DECISION, artefacts.PROMOTE_METRICS)
        contents.append([part.path.read_bytes() for part in parts])
    assert contents[0] == contents[1]
    assert len(contest) == 2


# As somebody says it


@pytest.mark.usefixtures("contest")
def test_retention_promote_refuses_what_is_worse_unless_a_reason_is_given() -> None:
    spoil_challenger()
    before = current_champion()
    refused = CliRunner().invoke(cli.app, ["promote"])
    assert refused.exit_code == 4
    (line,) = refused.stderr.splitlines()
    assert line.startswith("refused: not promoted, the champion stays: the challenger is worse on")
    assert "Brier score" in line
    assert current_champion() == before
    blank = CliRunner().invoke(cli.app, ["promote", "--anyway", " "])
    assert (blank.exit_code, current_champion()) == (2, before)
    taken = CliRunner().invoke(cli.app, ["promote", "--anyway", "the old one cannot be explained"])
    assert taken.exit_code == 0, taken.output
    pinned = written_manifest()["promotion"]
    assert pinned["anyway"] == "the old one cannot be explained"
    assert pinned["comparison"]["verdict"] == "worse"


@pytest.mark.usefixtures("contest")
def test_retention_promote_takes_what_cannot_be_compared_only_with_a_reason() -> None:
    set_trained_to("2026-05-11")
    before = current_champion()
    refused = CliRunner().invoke(cli.app, ["promote"])
    assert (refused.exit_code, current_champion()) == (4, before)
    why = "the challenger is not comparable: not yet, the champion has seen these days; to promote"
    assert why in refused.stderr
    taken = CliRunner().invoke(cli.app, ["promote", "--anyway", "half the shops were sold"])
    assert taken.exit_code == 0, taken.output
    pinned = written_manifest()["promotion"]
    assert pinned["anyway"] == "half the shops were sold"
    assert pinned["comparison"]["verdict"] == "not comparable"


@pytest.mark.usefixtures("contest")
def test_retention_promote_takes_what_is_no_worse() -> None:
    set_trained_to("2026-01-05")
    before = current_champion()
    taken = CliRunner().invoke(cli.app, ["promote"])
    assert taken.exit_code == 0, taken.output
    assert "The challenger is no worse on 120 customers of " in taken.stdout
    assert current_champion().sha256 != before.sha256
    assert written_manifest()["promotion"]["how"] == "retention promote"


def test_mlflow_hears_the_verdict_and_of_no_customer(contest: LoggedRuns) -> None:
    promote.main()
    (run,) = contest
    points = {point.name: point.value for point in run.points}
    assert points["empc_difference"] == pytest.approx(0, abs=0.5)
    assert run.tags["level"] == "promotion"
    assert run.tags["mlflow.note.content"].startswith("The challenger is no worse on 120 customers")
    first = artefacts.PREDICTIONS.read()["customer_id"].to_pylist()[0]
    assert re.search(rf"\b(?<![.]){first}\b", repr(run.tags)) is None
