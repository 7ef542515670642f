"""Inputs of stage guard in which nothing is wrong, and ways to change that."""

import datetime as dt
from typing import Any

import numpy as np
import pandas as pd

from pipeline.guard import guard
from retention.core import point_in_time
from retention.core.params import Params
from retention.experiments.holdout_calibration import PAST_LISTS
from retention.monitoring.finding import Finding
from retention.monitoring.inputs import GuardInputs
from retention.training import profile
from tests.support import campaigns, documents

AS_OF = dt.date(2026, 9, 1)
YESTERDAY = point_in_time.day_number(AS_OF) - 1
RAW = {"read": 1000, "accepted": 990, "rejected": 10, "unmapped": 0, "ignored_columns": ["note"]}
LAST = {
    "as_of": "2026-08-01",
    "company": campaigns.COMPANY,
    "published_at": "2026-08-01T08:00:00+00:00",
    "sources": {"till": RAW},
    "watched": 400,
    "scores_sha256": "before",
    "mean_risk": 0.2,
}


def customers(n: int = 400, seed: int = 3) -> tuple[pd.DataFrame, "pd.Series[float]"]:
    """Features of two kinds and one that is always null, and chances of leaving."""
    draw = np.random.default_rng(seed)
    X = pd.DataFrame(
        {
            "spend_90d": draw.gamma(2.0, 30.0, n),
            "orders_90d": draw.poisson(3.0, n).astype(float),
            "plan": draw.choice(["basic", "plus"], n),
            "never": np.nan,
        }
    )
    X.loc[draw.random(n) < 0.2, "spend_90d"] = np.nan
    return X, pd.Series(draw.beta(2, 6, n))


def guard_inputs(**changes: Any) -> GuardInputs:
    """Inputs in which every guard is ok."""
    X, p = customers()
    then, chances = customers(1000, seed=4)
    reference = profile.build_profile(then, chances)
    reference["score"]["of"] = "of a model that had not seen it"
    usual: dict[str, Any] = {
        "sources": documents.source_summaries({"till": {"last_known_day": YESTERDAY}}),
        "ingested": {"till": documents.ingest_summary(**RAW)},
        "scored": documents.score_summary(as_of=AS_OF, model="a made-up model"),
        "scores_sha256": "now",
        "X": X,
        "p": p,
        "champion": documents.champion_manifest(models="abc", trained_to="2026-08-04"),
        "reference": reference,
        "past": pd.DataFrame(columns=list(PAST_LISTS)),
        "published": [LAST],
    }
    if "sources" in changes:
        changes["sources"] = documents.source_summaries(changes["sources"])
    if "ingested" in changes:
        ingested = changes["ingested"].items()
        changes["ingested"] = {name: documents.ingest_summary(**raw) for name, raw in ingested}
    return GuardInputs(**usual | changes)


def stale() -> GuardInputs:
    """Inputs whose data end 40 days ago."""
    return guard_inputs(sources={"till": {"kinds": ["purchase"], "last_known_day": YESTERDAY - 40}})


def past(predicted: float, low: float, high: float, *, has_interval: bool = True) -> pd.DataFrame:
    """PAST_LISTS of one list, of whose customers held out 30 % left."""
    row = dict.fromkeys(PAST_LISTS) | {
        "list_id": "2026-07-01-0123456789ab",
        "as_of": pd.Timestamp("2026-07-01"),
        "predicted_held_out": predicted,
        "left_held_out": 0.3,
        "low": low,
        "high": high,
        "calibrated": low <= predicted <= high if has_interval else None,
    }
    return pd.DataFrame([row])


def params_with(**guards: Any) -> Params:
    """Params with such a section guard."""
    return campaigns.params_with(guard=guards)


def finding_of(inputs: GuardInputs, params: Params | None = None, **fields: str) -> Finding:
    """The one finding of a guard, and of what it is about where there are more."""
    report = guard(inputs, params or params_with())
    (finding,) = [
        finding
        for finding in report.findings
        if all(getattr(finding, key) == v for key, v in fields.items())
    ]
    return finding
