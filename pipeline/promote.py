"""Stage `promote`: make the first result the champion; compare a later one with it as challenger.

Both are compared on the customers of a snapshot that neither has seen.
"""

from dataclasses import dataclass
from typing import Any

from retention.core import artefacts, console, errors
from retention.core.documents.modelling import (
    ComparisonReport,
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
    manifest: dict[str, Any],
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
    params = load_params()
    with console.stage("promote") as log:
        selection_report = artefacts.SELECTION.read()
        metrics = artefacts.METRICS.read()
        manifest = promotion.candidate_manifest(params, selection_report, metrics)
        sha256, now = champion.hashes(promotion.candidate_parts()), champion.current()
        is_challenger = promotion.decide(now, manifest, sha256) == "challenge"
        comparison = (
            promotion.compare_with_champion(now, manifest, params)
            if now and is_challenger
            else None
        )
        result = promote(now, manifest, sha256, comparison, params)
        if now is None or result.is_installed:
            now = promotion.install(manifest, result.decision, comparison)
        shown = comparison or not_comparable("there is no challenger")
        artefacts.DECISION.write(
            PromotionDecision(
                decision=result.decision,
                figures=result.figures,
                comparison=ComparisonReport.model_validate(shown.as_json()),
                champion=now.sha256,
                candidate=sha256,
            )
        )
        artefacts.PROMOTE_METRICS.write(
            PromotionMetrics.model_validate({"verdict": shown.verdict, **shown.figures()})
        )
        if comparison:
            log.info(f"the challenger is {comparison}")
        if comparison and comparison.measures:
            log.info(promotion_log.track(params, result.decision, comparison))
        log.info(promotion.DECISION_TEXTS[result.decision])
        has_challenger = result.decision == "challenge"
        unreachable = promotion_log.mirror(params, now, has_challenger)
        if unreachable:
            log.info(unreachable)


if __name__ == "__main__":
    errors.run(main)
