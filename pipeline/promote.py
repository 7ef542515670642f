"""Stage `promote`: the first result becomes the champion; a later one waits as challenger."""

from typing import Any

from pipeline import artefacts, errors, files, params, progress, tracking
from pipeline.learning import champion, definition
from pipeline.learning.champion import Champion
from pipeline.params import Params

HEADLINES = {
    "churn": ("roc_auc", "average_precision", "brier", "log_loss", "ece", "empc"),
    "value": ("mae", "bias", "spearman"),
}


def headlines(figures: dict[str, Any]) -> dict[str, float | None]:
    """The recipe's main figures, flat: churn_roc_auc, value_mae, ..."""
    return {
        f"{task}_{name}": figures[task]["recipe"][name]["value"]
        for task, names in HEADLINES.items()
        for name in names
        if "recipe" in figures[task]
    }


def manifest(chosen: Params, story: dict[str, Any], figures: dict[str, Any]) -> dict[str, Any]:
    """What is pinned beside a champion's files."""
    return {
        "definition": definition.identity(chosen, story["features"]),
        "models_chosen": story["chosen"],
        "titles": {task: story["titles"][name] for task, name in story["chosen"].items()},
        "trained_to": story["trained_to"],
        "measured_on": figures["measured_on"],
        "figures": headlines(figures),
        "banners": story["banners"],
    }


def decide(now: Champion | None, candidate: dict[str, Any], sha256: dict[str, str]) -> str:
    """promote, same, set aside (made under another definition) or challenge."""
    if now is None:
        return "promote"
    if now.definition != candidate["definition"]:
        return "set aside"  # even where the models are the same: it could not score
    return "same" if now.sha256 == sha256 else "challenge"


SAID = {
    "promote": "the first result is the champion",
    "same": "the champion stands; this result is the same",
    "challenge": "the champion stands; this result is the challenger (retention promote takes it)",
    "set aside": "the champion was made under another definition; it is set aside, this one scores",
}


def side_by_side(now: Champion | None, candidate: dict[str, Any]) -> dict[str, Any]:
    """Each headline figure of the challenger beside the champion's."""
    old = now.manifest["figures"] if now else {}
    return {
        name: {"champion": old.get(name), "candidate": value}
        for name, value in candidate["figures"].items()
    }


def mirror(chosen: Params, now: Champion, challenger: bool, report: progress.Report) -> None:
    """Let MLflow's aliases follow champion/; where it cannot be reached, say so and go on."""
    folders = {
        "champion": now.folder,
        "challenger": artefacts.CANDIDATE.path if challenger else None,
    }
    try:
        tracking.mirror(chosen.company, tracking.example(artefacts.FEATURES.path), folders)
    except tracking.TrackingDown as down:
        report.say(str(down))


def main() -> None:
    chosen = params.load()
    with progress.stage("promote") as report:
        story, figures = files.read_json(artefacts.RECIPE), files.read_json(artefacts.METRICS)
        candidate = manifest(chosen, story, figures)
        sha256, now = champion.hashes(artefacts.CANDIDATE.path), champion.current()
        decision = decide(now, candidate, sha256)
        beside = side_by_side(now, candidate)
        if now is None or decision == "set aside":
            now = champion.install(artefacts.CANDIDATE.path, candidate)
        hashes = {"champion": now.sha256, "candidate": sha256}
        files.write_json(artefacts.DECISION, {"decision": decision, "figures": beside, **hashes})
        report.say(SAID[decision])
        mirror(chosen, now, challenger=decision == "challenge", report=report)


if __name__ == "__main__":
    errors.run(main)
