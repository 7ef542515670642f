"""Stage `promote`: the first result becomes the champion; a later one waits as challenger.

The challenger is compared with the champion on customers of a day that neither has seen. It takes
the champion's place when somebody says `retention promote`, or by itself under
`promote.automatic`; where it is worse beyond the interval, or cannot be compared, only with a
reason that is written down.
"""

import datetime as dt
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from retention.core import artefacts, errors, feature_table, point_in_time
from retention.core.params import Params
from retention.serving import champion, target
from retention.serving import comparison as challenger
from retention.serving.champion import Champion
from retention.serving.comparison import Comparison, not_comparable

HEADLINES = {
    "churn": ("roc_auc", "average_precision", "brier", "log_loss", "ece", "empc"),
    "value": ("mae", "bias", "spearman"),
}


def headline_figures(figures: dict[str, Any]) -> dict[str, float | None]:
    """The recipe's main figures, flat: churn_roc_auc, value_mae, ..."""
    return {
        f"{task}_{name}": figures[task]["recipe"][name]["value"]
        for task, names in HEADLINES.items()
        for name in names
        if "recipe" in figures[task]
    }


def candidate_parts() -> dict[str, Path]:
    """The files of what was learnt last: the models, and whom a contact keeps."""
    return champion.parts(artefacts.CANDIDATE.path, artefacts.UPLIFT.path)


def candidate_manifest(
    chosen: Params, story: dict[str, Any], figures: dict[str, Any]
) -> dict[str, Any]:
    """What is pinned beside a champion's files."""
    return {
        "definition": target.target_identity(chosen, story["features"]),
        "models_chosen": story["chosen"],
        "titles": {task: story["titles"][name] for task, name in story["chosen"].items()},
        "trained_to": story["trained_to"],
        "measured_on": figures["measured_on"],
        "figures": headline_figures(figures),
        "banners": story["banners"],
    }


def decide(now: Champion | None, candidate: dict[str, Any], sha256: dict[str, str]) -> str:
    """promote, same, set aside (made under another definition) or challenge."""
    if now is None:
        return "promote"
    if now.definition != candidate["definition"]:
        return "set aside"  # even where the models are the same: it could not score
    return "same" if now.sha256 == sha256 else "challenge"


def compare_with_champion(now: Champion, candidate: dict[str, Any], chosen: Params) -> Comparison:
    """The verdict on the candidate, from what the stages before left.

    Errors: Guarded where the champion's files are not those of its manifest, or cannot score.
    """
    measured_on = candidate["measured_on"]
    if now.definition != candidate["definition"]:
        return not_comparable("the champion was made under another definition")
    if measured_on is None:
        return not_comparable("nothing was measured: history is too short for it")
    if challenger.has_seen(
        now.manifest["trained_to"], measured_on, point_in_time.label_delay_days(chosen.labels)
    ):
        return not_comparable("not yet, the champion has seen these days", measured_on)
    rules, least = chosen.promote, chosen.train.min_churners
    both = paired_predictions(now, dt.date.fromisoformat(measured_on))
    return challenger.compare(both, measured_on, least, rules.bootstrap, rules.seed)


def paired_predictions(now: Champion, day: dt.date) -> pd.DataFrame:
    """customer_id, churned, champion, challenger: the chances that both give to those measured.

    The challenger's are those of the recipe learnt without that day, as `evaluate` measures it.
    """
    for needed in (artefacts.PREDICTIONS, artefacts.FEATURES):
        if not needed.path.is_file():
            raise errors.Guarded(
                f"{needed}: not there, nothing to compare on; run make repro first"
            )
    told = artefacts.PREDICTIONS.read().sort_by("customer_id")
    mine = pc.field("customer_id").isin(told["customer_id"].combine_chunks())
    table = artefacts.FEATURES.read(filters=(pc.field("snapshot_on") == day) & mine)
    said = _chances(now, table)
    both: pd.DataFrame = told.select(["customer_id", "churned", "churn_probability"]).to_pandas()
    return both.rename(columns={"churn_probability": "challenger"}).merge(
        said, on="customer_id", validate="one_to_one"
    )


def _chances(now: Champion, table: pa.Table) -> pd.DataFrame:
    """customer_id and champion: what the champion says of rows of features."""
    try:
        p = champion.load(now).probability(feature_table.matrix(table))
    except ValueError as error:
        raise errors.Guarded(f"the champion cannot score these features: {error}") from None
    return pd.DataFrame({"customer_id": table["customer_id"].to_pandas(), "champion": p})


def _is_fit(compared: Comparison | None) -> bool:
    """Whether it is known to be no worse."""
    return compared is not None and compared.verdict in ("better", "no worse")


def refuse_unfit(compared: Comparison | None, anyway: str | None) -> None:
    """Guarded where it is worse, or not comparable, and nobody says why it is wanted anyway."""
    if not _is_fit(compared) and anyway is None:
        raise errors.Guarded(
            f"not promoted, the champion stays: the challenger is {compared}; to promote it all "
            'the same, say retention promote --anyway "REASON", which is written down'
        )


def install(
    found: dict[str, Any], how: str, compared: Comparison | None, anyway: str | None = None
) -> Champion:
    """Make the candidate the champion; its manifest says how that came about."""
    told = {"how": how, "anyway": anyway, "comparison": compared.as_json() if compared else None}
    return champion.install(candidate_parts(), found | {"promotion": told})


DECISION_TEXTS = {
    "promote": "the first result is the champion",
    "same": "the champion stands; this result is the same",
    "challenge": "the champion stands; this result is the challenger (retention promote takes it)",
    "take": "the challenger is the champion now: it is no worse, and promote.automatic is set",
    "set aside": "the champion was made under another definition; it is set aside, this one scores",
}


def side_by_side(now: Champion | None, candidate: dict[str, Any]) -> dict[str, Any]:
    """Each headline figure of the challenger beside the champion's."""
    old = now.manifest["figures"] if now else {}
    return {
        name: {"champion": old.get(name), "candidate": value}
        for name, value in candidate["figures"].items()
    }


def final_decision(decision: str, compared: Comparison | None, chosen: Params) -> str:
    """The decision when the verdict is in: `take` where the challenger may score by itself."""
    fit = decision == "challenge" and _is_fit(compared)
    return "take" if fit and chosen.promote.automatic else decision
