"""Stage `promote`: make the first result the champion; compare a later one with it as challenger.

Both are compared on the customers of a snapshot that neither has seen. A champion that was set
aside under the present definition comes back first. An experiment leaves champion/ and MLflow's
aliases as they are; its candidate scores in data/ alone.
"""

from dataclasses import dataclass
from typing import Any

from retention.core import artefacts, console, errors, experiment
from retention.core.documents.modelling import (
    CandidateManifest,
    FigurePair,
    PromotionDecision,
    PromotionMetrics,
)
from retention.core.params import Params, load_params
from retention.serving import champion, promotion
from retention.serving.champion import Champion
from retention.serving.comparison import Comparison, not_comparable
from retention.tracking import promotion_log


@dataclass(frozen=True)
class PromotionResult:
    """What the stage decides."""

    decision: str  # of promotion.DECISION_TEXTS
    figures: dict[str, FigurePair]  # headline figures of champion and candidate
    comparison: Comparison | None  # None where there is no challenger

    @property
    def is_installed(self) -> bool:
        """Whether the candidate becomes the champion."""
        return self.decision in ("promote", "set aside", "take")


def promote(
    now: Champion | None,
    manifest: CandidateManifest,
    sha256: dict[str, str],
    comparison: Comparison | None,
    params: Params,
) -> PromotionResult:
    """Decide which model scores. manifest, sha256: of the candidate."""
    return PromotionResult(
        decision=promotion.final_decision(
            promotion.decide(now, manifest, sha256), comparison, params
        ),
        figures=promotion.side_by_side(now, manifest),
        comparison=comparison,
    )


def main() -> None:
    params, in_experiment = load_params(), experiment.is_experiment()
    with console.stage("promote") as log:
        selection_report = artefacts.SELECTION.read()
        metrics = artefacts.METRICS.read()
        manifest = promotion.candidate_manifest(params, selection_report, metrics)
        sha256 = champion.hashes(promotion.candidate_parts())
        now = standing_champion(dict(manifest.definition), in_experiment, log)
        is_challenger = promotion.decide(now, manifest, sha256) == "challenge"
        comparison = (
            promotion.compare_with_champion(now, manifest, params)
            if now and is_challenger
            else None
        )
        result = promote(now, manifest, sha256, comparison, params)
        pinned = promotion.pin_candidate(manifest)
        if result.is_installed and not in_experiment:
            now = promotion.install(manifest, result.decision, comparison)
        scoring = pinned if in_experiment or now is None else now
        shown = comparison or not_comparable("there is no challenger")
        artefacts.DECISION.write(
            PromotionDecision(
                decision=result.decision,
                figures=result.figures,
                comparison=shown.report(),
                champion=scoring.sha256,
                candidate=sha256,
                experiment=in_experiment,
            )
        )
        artefacts.PROMOTE_METRICS.write(
            PromotionMetrics.model_validate({"verdict": shown.verdict, **shown.figures()})
        )
        if comparison:
            log.info(f"the challenger is {comparison}")
        if in_experiment:
            log.info(
                "an experiment: its candidate scores in data/ alone, champion/ stays as it is; "
                f"dvc repro would have decided: {promotion.DECISION_TEXTS[result.decision]}"
            )
        else:
            tell_mlflow(params, result, scoring, log)


def standing_champion(
    definition: dict[str, Any], in_experiment: bool, log: console.StageLog
) -> Champion | None:
    """The champion to compare with; one that was set aside under the definition comes back."""
    if in_experiment:
        return champion.set_aside_champion(definition) or champion.current()
    returning = champion.restore_set_aside(definition)
    if returning:
        log.info(promotion.RETURN_TEXT)
    return returning or champion.current()


def tell_mlflow(
    params: Params, result: PromotionResult, now: Champion, log: console.StageLog
) -> None:
    """Log the comparison, and let the registry's aliases follow champion/."""
    if result.comparison and result.comparison.measures:
        log.info(promotion_log.track(params, result.decision, result.comparison))
    log.info(promotion.DECISION_TEXTS[result.decision])
    unreachable = promotion_log.mirror(params, now, result.decision == "challenge")
    if unreachable:
        log.info(unreachable)


if __name__ == "__main__":
    errors.run(main)
