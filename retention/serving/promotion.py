"""Champion and challenger: which of them scores customers, and how that is decided.

The challenger takes the champion's place when somebody runs `retention promote`, or by itself
under `promote.automatic`. Where it is not shown to be no worse, or cannot be compared, it does so
only with a reason that is written to the manifest.
"""

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from retention.core import artefacts, errors, feature_table, point_in_time
from retention.core.documents.modelling import (
    CandidateManifest,
    FigurePair,
    Promotion,
    SelectionReport,
    TestMetrics,
)
from retention.core.params import Params
from retention.core.storage import atomic
from retention.serving import champion, headlines, target
from retention.serving.champion import Champion
from retention.serving.comparison import Comparison, compare, has_seen, not_comparable
from retention.stats import weighted
from retention.training import populations
from retention.training.campaign_money import campaign_money

DECISION_TEXTS: Final = {
    "promote": "the first result is the champion",
    "same": "the champion stands; this result is the same",
    "challenge": "the champion stands; this result is the challenger (retention promote takes it)",
    "take": "the challenger is the champion now: it is no worse, and promote.automatic is set",
    "set aside": "the champion was made under another definition; it is set aside, this one scores",
}
RETURN_TEXT: Final = "the champion that was set aside under this definition scores again"


def candidate_parts() -> dict[str, Path]:
    """The files of the models trained last, with the uplift model."""
    return champion.parts(artefacts.CANDIDATE.path, artefacts.UPLIFT.path)


def pin_candidate(manifest: CandidateManifest) -> Champion:
    """Pin the candidate under data/ as a champion is, for the list of an experiment."""
    folder = artefacts.PINNED_CANDIDATE.path
    atomic.remove_folder(folder)
    return champion.install(candidate_parts(), manifest, folder)


def candidate_manifest(
    params: Params, selection_report: SelectionReport, metrics: TestMetrics
) -> CandidateManifest:
    """What a champion's manifest says of its models."""
    titles = {
        task: " + ".join(
            selection_report.titles[name] for name in sorted(parts, key=lambda name: -parts[name])
        )
        for task, parts in selection_report.weights.items()
    }
    return CandidateManifest(
        definition=target.target_identity(params, selection_report.features),
        models_chosen=selection_report.chosen,
        titles=titles,
        trained_to=selection_report.trained_to,
        measured_on=metrics.measured_on,
        figures=headlines.headline_figures(metrics),
        banners=selection_report.banners,
    )


def decide(now: Champion | None, manifest: CandidateManifest, sha256: dict[str, str]) -> str:
    """promote, same, set aside (the champion has another target) or challenge.

    manifest, sha256: of the candidate.
    """
    if now is None:
        return "promote"
    if now.definition != manifest.definition:
        return "set aside"  # even where the models are the same: it could not score
    return "same" if now.sha256 == sha256 else "challenge"


def compare_with_champion(now: Champion, manifest: CandidateManifest, params: Params) -> Comparison:
    """The verdict on the candidate, from what earlier stages left.

    Errors: Guarded where the champion's files are not those of its manifest, or cannot score.
    """
    day = manifest.measured_on
    if now.definition != manifest.definition:
        return not_comparable("the champion was made under another definition")
    if day is None:
        return not_comparable("nothing was measured: history is too short for it")
    label_delay_days = point_in_time.label_delay_days(params.labels)
    trained_to = now.manifest.trained_to
    if has_seen(trained_to, day, label_delay_days):
        return not_comparable("not yet, the champion has seen these days", day.isoformat())
    both = paired_predictions(
        now, lambda measured: not has_seen(trained_to, measured, label_delay_days)
    )
    y, value = (both[name].to_numpy(dtype=float) for name in ("churned", "value"))
    weight = weighted.unless_equal(both["weight"])
    return compare(
        both,
        day.isoformat(),
        params.train.min_churners,
        params.promote.bootstrap,
        params.promote.seed,
        params.promote.margin,
        campaign_money(params.policy, y, value, weight),
        params.promote.widest_margin,
    )


def paired_predictions(now: Champion, is_unseen: Callable[[dt.date], bool]) -> pd.DataFrame:
    """What `compare` takes, of the measured snapshots that the champion has not seen either.

    The rows are those of customers whom a list could still contact. The challenger's predictions
    are those of its models as of the snapshot, as `evaluate` has them.
    """
    for needed in (artefacts.PREDICTIONS, artefacts.FEATURES):
        if not needed.path.is_file():
            raise errors.Guarded(
                f"{needed}: not there, nothing to compare on; run make repro first"
            )
    test = artefacts.PREDICTIONS.read().to_pandas()
    days = [day for day in sorted(set(test["snapshot_on"])) if is_unseen(day)]
    measured = populations.contactable(test[test["snapshot_on"].isin(days)])
    is_tested = pc.field("customer_id").isin(pa.array(measured["customer_id"].unique()))
    on_days = pc.field("snapshot_on").isin(pa.array(days, pa.date32()))
    features = artefacts.FEATURES.read(filters=on_days & is_tested)
    challenger = measured.rename(columns=_columns_of("challenger"))
    both: pd.DataFrame = challenger.merge(
        _champion_predictions(now, features), on=feature_table.KEYS, validate="one_to_one"
    )
    return both.sort_values(list(feature_table.KEYS), ignore_index=True)


def _columns_of(model: str) -> dict[str, str]:
    """Columns of a scorer, as `compare` names those of either model."""
    return {
        "churn_probability": model,
        "expected_value": f"{model}_value",
        "value_low": f"{model}_low",
        "value_high": f"{model}_high",
    }


def _champion_predictions(now: Champion, features: pa.Table) -> pd.DataFrame:
    """customer_id, snapshot_on, and the champion's chance, value and interval."""
    try:
        scores = champion.load(now).score(feature_table.matrix(features))
    except ValueError as error:
        raise errors.Guarded(f"the champion cannot score these features: {error}") from None
    named = scores[list(_columns_of("champion"))].rename(columns=_columns_of("champion"))
    keys = features.select(feature_table.KEYS).to_pandas()
    scored: pd.DataFrame = pd.concat([keys, named.reset_index(drop=True)], axis=1)
    return scored


def is_no_worse(comparison: Comparison | None) -> bool:
    """Whether the challenger is known to be no worse."""
    return comparison is not None and comparison.verdict in ("better", "no worse")


def refuse_unfit(comparison: Comparison | None, override_reason: str | None) -> None:
    """Guarded where it is not shown to be no worse, and there is no reason to take it anyway."""
    if not is_no_worse(comparison) and override_reason is None:
        raise errors.Guarded(
            f"not promoted, the champion stays: the challenger is {comparison}; to promote it all "
            'the same, say retention promote --anyway "REASON", which is written down'
        )


def install(
    manifest: CandidateManifest,
    how: str,
    comparison: Comparison | None,
    override_reason: str | None = None,
) -> Champion:
    """Make the candidate the champion; its manifest says how that came about."""
    promotion = Promotion(
        how=how, anyway=override_reason, comparison=comparison.report() if comparison else None
    )
    return champion.install(candidate_parts(), manifest, promotion=promotion)


def side_by_side(now: Champion | None, manifest: CandidateManifest) -> dict[str, FigurePair]:
    """Each headline figure of the candidate beside the champion's."""
    figures = now.manifest.figures if now else {}
    return {
        name: FigurePair(champion=figures.get(name), candidate=figure)
        for name, figure in manifest.figures.items()
    }


def final_decision(decision: str, comparison: Comparison | None, params: Params) -> str:
    """The decision after the comparison: `take` where the challenger may score by itself."""
    may_score = decision == "challenge" and is_no_worse(comparison)
    return "take" if may_score and params.promote.automatic else decision
