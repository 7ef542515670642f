"""Scoring a cohort with the champion: risk and value, uplift, and reasons."""

import datetime as dt
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

import features
import models
from models.components.base import Floats
from models.components.lifetime import COLUMNS as LIFETIME_COLUMNS
from models.components.lifetime import Lifetime
from models.components.scorer import COLUMNS, Scorer
from models.components.treatments import best_treatment, effects_of, of_treatment, saving
from models.components.uplift import RISK, Outcome
from retention.core import artefacts, errors, feature_table
from retention.core.documents.modelling import UpliftManifest
from retention.core.params import Params
from retention.i18n.language import language
from retention.serving import champion, explanations, target
from retention.serving.champion import Champion

NO_CURVE = (
    "the champion was made without a curve: when customers leave and what they are worth beyond "
    "the label is null; promote a newer one to have it"
)
LIFETIME_READS = ("churn_probability", "value_if_kept", "value_if_lost")
"""The scores that a lifetime value is made of."""


def score_cohort(
    scorer: Scorer, cohort: pa.Table, as_of: dt.date, lifetime: Lifetime | None = None
) -> pa.Table:
    """SCORES of the features of one day; Guarded where the champion's features are missing.

    lifetime: of the champion; None where it was made without, and its columns are null.
    """
    X = feature_table.matrix(cohort)
    try:
        scores = scorer.score(X)
        if lifetime:
            inputs = [scores[name].to_numpy() for name in LIFETIME_READS]
            scores = scores.join(lifetime.predict(X, *inputs))
    except ValueError as error:
        raise errors.Guarded(f"the champion cannot score these features: {error}") from None
    # Without an interval its ends are null; every other score is finite.
    scores = scores.reindex(columns=[*COLUMNS, *LIFETIME_COLUMNS])
    columns = [pa.array(scores[name].to_numpy(float), from_pandas=True) for name in scores]
    days = pa.array([as_of] * len(cohort), pa.date32())
    return pa.Table.from_arrays(
        [cohort["customer_id"], days, *columns], schema=artefacts.SCORES.schema
    )


def predict_uplift(
    uplift_manifest: UpliftManifest | None,
    cohort: pa.Table,
    scores: pa.Table,
    retained_windows: float,
    costs: Mapping[str, float],
) -> pa.Table:
    """UPLIFT_SCORES of the features of one day, in the order of the scores.

    uplift_manifest: what stage `uplift` left beside the champion; None for nothing.
    retained_windows: value windows for which a retained customer stays. costs: of the plays that
    contact, currency.
    Errors: Guarded where the model does not fit the features, or no play of its treatment is left.
    """
    ids, n = scores["customer_id"], len(scores)
    if uplift_manifest is None or uplift_manifest.name is None:
        unknown = np.full(n, np.nan)
        return _uplift_table(ids, unknown, unknown, [None] * n, np.zeros(n, dtype=bool))
    states = uplift_manifest.treatments or {"": uplift_manifest.model}
    unavailable = set(uplift_manifest.treatments) - set(costs)
    if unavailable:
        raise errors.Guarded(
            f"the champion chooses between plays, but policy.playbook has no contact play "
            f"{', '.join(sorted(unavailable))}; add it, or run make repro and retention promote"
        )
    X = feature_table.matrix(cohort).assign(**{RISK: scores[RISK].to_numpy()})
    kind = models.discover_uplift()[uplift_manifest.name]
    try:
        effects = effects_of(
            {treatment: kind.from_state(dict(state)) for treatment, state in states.items()}, X
        )
    except (ValueError, TypeError) as error:
        raise errors.Guarded(
            f"the champion's uplift model cannot score: {error}; run make repro, then retention "
            "promote"
        ) from None
    outcome: Outcome = "money" if uplift_manifest.outcome == "money" else "churn"
    is_money = outcome == "money"
    if_kept, if_lost = (scores[name].to_numpy() for name in ("value_if_kept", "value_if_lost"))
    savings = saving(outcome, effects, retained_windows * (if_kept - if_lost))
    best = best_treatment(savings - np.array([costs.get(name, 0.0) for name in states]))
    effect, saved = of_treatment(effects, best), of_treatment(savings, best)
    threshold, harm = uplift_manifest.disturbed_from, -effect if is_money else effect
    is_sleeping_dog = np.zeros(n, dtype=bool) if threshold is None else harm >= threshold
    names = np.array([name or None for name in states], dtype=object)[best]
    if is_money:
        effect = np.full(n, np.nan)
    # The effect ranks customers only where that was shown to beat expected loss.
    if not uplift_manifest.ranks:
        effect, saved, names = np.full(n, np.nan), np.full(n, np.nan), np.full(n, None)
    return _uplift_table(ids, effect, saved, names.tolist(), is_sleeping_dog)


def _uplift_table(
    ids: pa.ChunkedArray,
    effect: Floats,
    saved: Floats,
    treatment: Sequence[str | None],
    is_sleeping_dog: NDArray[np.bool_],
) -> pa.Table:
    columns = [
        ids,
        pa.array(effect, from_pandas=True),
        pa.array(saved, from_pandas=True),
        pa.array(treatment, pa.string()),
        pa.array(is_sleeping_dog),
    ]
    return pa.Table.from_arrays(columns, schema=artefacts.UPLIFT_SCORES.schema)


def explain_scores(
    scorer: Scorer, cohort: pa.Table, rows: NDArray[np.intp], params: Params, as_of: dt.date
) -> pa.Table:
    """REASONS of some rows of the features of one day, against the median of all of them."""
    X = feature_table.matrix(cohort)
    explained, median = X.iloc[rows], X.select_dtypes("number").median()
    reasons = explanations.reasons(
        scorer.contributions(explained),
        explained,
        median,
        features.of_company(params),
        params.currency,
        language(params.at_risk.language),
        as_of,
    )
    ids = cohort["customer_id"].take(pa.array(rows)).to_numpy()
    reasons = reasons.assign(customer_id=ids[reasons["customer"].to_numpy(dtype=int)])
    schema = artefacts.REASONS.schema
    columns = [pa.array(reasons[field.name], field.type, from_pandas=True) for field in schema]
    table = pa.Table.from_arrays(columns, schema=schema)
    return table.sort_by([("customer_id", "ascending"), ("rank", "ascending")])


def require_champion(params: Params, cohort: pa.Table, folder: Path = champion.FOLDER) -> Champion:
    """The champion, if it was trained for this company, label and feature set; else Guarded."""
    now = champion.current(folder)
    if now is None:
        raise errors.Guarded("champion/ holds no champion; run make repro to train one")
    names = [name for name in cohort.column_names if name not in feature_table.KEYS]
    different = target.differences(now.definition, target.target_identity(params, names))
    if different:
        raise errors.Guarded(
            f"champion/ was made under another definition ({different}); "
            "run make repro to train one for this"
        )
    return now
