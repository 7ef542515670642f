"""`retention promote` and `retention rollback`: which model scores customers.

Both yield the lines to print while they work, so that a person reads the figures of both models
even where the challenger is refused.
"""

from collections.abc import Iterator
from typing import Any

from retention.core import artefacts, console, errors
from retention.core.params import Params, load_params
from retention.core.storage import atomic
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
    champion.load(Champion(folder, {"sha256": champion.hashes(champion.parts(folder))}))
    now = champion.restore_set_aside(manifest["definition"])
    if now:
        yield f"{promotion.RETURN_TEXT[0].upper()}{promotion.RETURN_TEXT[1:]}."
    now = now or champion.current()
    if now and now.sha256 == sha256 and now.definition == manifest["definition"]:
        yield "The model trained last is the champion already; nothing changed."
        yield from _mirror(params, now)
        return
    _refuse_other_training(manifest["definition"], sha256)
    yield from _figures_of_both(now, Champion(folder, manifest))
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
    params, now = load_params(), champion.current()
    path = champion.FOLDER / f"{champion.PREVIOUS}.json"
    if now and path.is_file():
        manifest = atomic.read_json(path)
        champion.load(Champion(champion.FOLDER / manifest["models"], manifest))
        _refuse_other_target(manifest["definition"], params)
    restored = champion.rollback()
    yield from _figures_of_both(now, restored)
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
    different = [name for name, value in wanted.items() if definition.get(name) != value]
    if different:
        raise errors.Guarded(
            f"the champion before was made under another definition ({', '.join(different)}) and "
            "would be set aside again; put params.yaml back first, or keep the present one"
        )


def _figures_of_both(now: Champion | None, then: Champion) -> Iterator[str]:
    """Both models' figures, each as measured when it was trained."""
    old, new = (model.manifest["figures"] if model else {} for model in (now, then))
    names = {name: FIGURES.get(name, (name, "")) for name in {**new, **old}}
    width = max((len(words) for words, _ in names.values()), default=0)
    yield f"{'':<{width}}  {'until now':>12}  {'from now on':>12}"
    for name, (words, better) in names.items():
        figures = f"{_figure(old.get(name))}  {_figure(new.get(name))}"
        yield f"{words:<{width}}  {figures}  {better}".rstrip()
    for period, model in (("until now", now), ("from now on", then)):
        if model:
            titles = " and ".join(model.manifest["titles"].values())
            trained_to, measured_on = model.manifest["trained_to"], model.manifest["measured_on"]
            yield f"{period}: {titles}, learnt up to {trained_to}, measured on {measured_on}"
    days = {model.manifest["measured_on"] for model in (now, then) if model}
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
        yield f"MLflow was not told: {artefacts.FEATURES} is not there; dvc repro tells it."
    elif unreachable := promotion_log.mirror(params, now, has_challenger):
        console.logger("MLflow").info(unreachable)
