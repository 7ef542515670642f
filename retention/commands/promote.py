"""`retention promote` and `retention rollback`: which model scores customers.

Both yield the lines to print while they work, so that a person reads the figures of both models
even where the challenger is refused.
"""

from collections.abc import Iterator
from typing import Any

from retention.core import artefacts, console, errors
from retention.core.documents.modelling import CandidateManifest
from retention.core.params import Params, load_params
from retention.serving import champion, promotion, target
from retention.serving.champion import Champion
from retention.tracking import promotion_log

FIGURES = {
    "churn_roc_auc": ("churn: order, ROC AUC", "higher is better"),
    "churn_average_precision": ("churn: average precision", "higher is better"),
    "churn_brier": ("churn: Brier score", "lower is better"),
    "churn_log_loss": ("churn: log loss", "lower is better"),
    "churn_ece": ("churn: calibration error", "lower is better"),
    "churn_empc": ("churn: profit of a campaign, EMPC", "higher is better"),
    "value_mae": ("value: mean absolute error", "lower is better"),
    "value_bias": ("value: predicted to real money", "1 is best"),
    "value_spearman": ("value: order, Spearman", "higher is better"),
}
"""A champion's headline figures: what each is called, and which direction is better."""


def promote(override_reason: str | None) -> Iterator[str]:
    """Install the model trained last as champion.

    override_reason: why, where the challenger is worse or not comparable; written to the manifest.
    Errors: BadParams where the reason is blank; Guarded where nothing was trained, or under another
    definition, or the challenger is worse or not comparable and there is no reason.
    """
    if override_reason is not None and not override_reason.strip():
        raise errors.BadParams('--anyway: say why, as --anyway "the old one scores nobody"')
    params = load_params()
    needed = (artefacts.CANDIDATE, artefacts.SELECTION, artefacts.METRICS)
    missing = next((artefact for artefact in needed if not artefact.path.exists()), None)
    if missing:
        raise errors.Guarded(f"{missing}: not there, so nothing was trained; run make repro first")
    folder = artefacts.CANDIDATE.path
    manifest = promotion.candidate_manifest(
        params, artefacts.SELECTION.read(), artefacts.METRICS.read()
    )
    sha256 = champion.hashes(promotion.candidate_parts())
    # Load the candidate once, so that a damaged file is refused before it could become champion.
    champion.load_models(folder, champion.hashes(champion.parts(folder)))
    now = champion.restore_set_aside(dict(manifest.definition))
    if now:
        yield f"{promotion.RETURN_TEXT[0].upper()}{promotion.RETURN_TEXT[1:]}."
    now = now or champion.current()
    if now and now.sha256 == sha256 and now.definition == manifest.definition:
        yield "The model trained last is the champion already; nothing changed."
        yield from _mirror(params, now)
        return
    _refuse_other_training(dict(manifest.definition), sha256)
    yield from _figures_of_both(now, manifest)
    comparison = promotion.compare_with_champion(now, manifest, params) if now else None
    if promotion.decide(now, manifest, sha256) == "challenge":
        promotion.refuse_unfit(comparison, override_reason)
    installed = promotion.install(manifest, "retention promote", comparison, override_reason)
    if comparison:
        yield f"The challenger is {comparison}."
    if comparison and comparison.measures:
        yield promotion_log.track(params, "retention promote", comparison, override_reason)
    yield from _mirror(params, installed)
    yield f"The model of {folder} is the champion now. Run make repro to score with it;"
    yield "retention rollback goes back to the one before."


def rollback() -> Iterator[str]:
    """Let the previous champion take its place again.

    Errors: Guarded where there is none, its files were changed, or it was made for another target.
    """
    params, now, before = load_params(), champion.current(), champion.previous()
    if now and before:
        _refuse_other_target(before.definition, params)
        champion.load(before)
    restored = champion.rollback()
    yield from _figures_of_both(now, restored.manifest)
    yield from _mirror(params, restored)
    yield "The champion before is the champion again. Run make repro to score with it;"
    yield "retention rollback once more undoes this."


def _refuse_other_training(definition: dict[str, Any], sha256: dict[str, str]) -> None:
    """Guarded where the model was trained before params.yaml was changed, as by an experiment."""
    trained = champion.current(artefacts.PINNED_CANDIDATE.path)
    if trained and trained.sha256 == sha256 and trained.definition != definition:
        names = sorted(
            name for name, value in definition.items() if trained.definition.get(name) != value
        )
        raise errors.Guarded(
            f"the model trained last was made under another definition ({', '.join(names)}) than "
            "that of params.yaml; run make repro first"
        )


def _refuse_other_target(definition: dict[str, Any], params: Params) -> None:
    """Guarded where the next run would set the model aside again."""
    wanted = target.target_identity(params, definition["features"])
    different = target.differences(definition, wanted)
    if different:
        raise errors.Guarded(
            f"the champion before was made under another definition ({different}) and "
            "would be set aside again; put params.yaml back first, or keep the present one"
        )


def _figures_of_both(now: Champion | None, then: CandidateManifest) -> Iterator[str]:
    """Both models' figures, each as measured when it was trained."""
    manifests = {"until now": now.manifest if now else None, "from now on": then}
    old, new = (manifest.figures if manifest else {} for manifest in manifests.values())
    names = {name: FIGURES.get(name, (name, "")) for name in {**new, **old}}
    width = max((len(words) for words, _ in names.values()), default=0)
    yield f"{'':<{width}}  {'until now':>12}  {'from now on':>12}"
    for name, (words, better) in names.items():
        figures = f"{_figure(old.get(name))}  {_figure(new.get(name))}"
        yield f"{words:<{width}}  {figures}  {better}".rstrip()
    for period, manifest in manifests.items():
        if manifest:
            titles = " and ".join(manifest.titles.values())
            days_text = f"learnt up to {manifest.trained_to}, measured on {manifest.measured_on}"
            yield f"{period}: {titles}, {days_text}"
    days = {manifest.measured_on for manifest in manifests.values() if manifest}
    if len(days) > 1 and None not in days:
        yield "They were measured on different days: small differences may be the days'."


def _figure(figure: float | None) -> str:
    return f"{'-' if figure is None else f'{figure:,.4f}':>12}"


def _mirror(params: Params, now: Champion) -> Iterator[str]:
    """Let MLflow's aliases follow champion/, or say that they do not."""
    candidate = artefacts.CANDIDATE.path
    has_challenger = (
        candidate.is_dir() and champion.hashes(promotion.candidate_parts()) != now.sha256
    )
    if not artefacts.FEATURES.path.is_file():
        yield f"MLflow was not updated: {artefacts.FEATURES} is not there; dvc repro updates it."
    elif unreachable := promotion_log.mirror(params, now, has_challenger):
        console.logger("MLflow").info(unreachable)
