"""The JSON between stages: read and written again it is the same bytes; nothing else is read."""

import datetime as dt
import json
from pathlib import Path
from typing import Any

import pytest

from retention.core import artefacts
from retention.core.artefacts import Document
from retention.core.documents.base import Contents, Entries
from retention.core.documents.modelling import UpliftManifest
from retention.core.errors import BadInput
from retention.core.storage import atomic
from retention.serving.comparison import MEASURES, MeasureComparison
from tests.support import documents

DAYS = {"rows": 2, "first_day": 1, "last_day": 9, "last_known_day": 9}
SOURCE_COUNTS = {
    "read": 2,
    "accepted": 2,
    "rejected": 0,
    "unmapped": 0,
    "ignored_columns": ["note"],
}
RUN = {
    "as_of": "2026-09-01",
    "company": "Mill Lane",
    "model": "0" * 24,
    "trained_to": "2026-08-04",
    "sources": {"till": SOURCE_COUNTS},
    "customers": None,
    "watched": 400,
    "scores_sha256": "abc",
    "mean_risk": 0.2,
    "drop": None,
    "drifted": None,
    "features": None,
    "score_psi": None,
    "levels": {"freshness": "ok"},
    "override": {},
}
COMPARISON: dict[str, Any] = {
    "verdict": "not comparable",
    "measures": {},
    "measured_on": None,
    "customers": 0,
    "churners": 0,
    "why": "there is no challenger",
}
LIST = {
    "as_of": "2026-09-01",
    "columns": ["list_id", "rank"],
    "company": "Mill Lane",
    "counts": {"watched": 4, "listed": 1},
    "currency": "GBP",
    "definition": "lost",
    "evidence": [],
    "files": {"at_risk.csv": 1},
    "gain": 1.5,
    "greedy_loss": 0.0,
    "language": "en",
    "lanes": {"contact": {"chosen": 1}},
    "leaving": "leave",
    "limits": [{"kind": "total", "name": "", "limit": 1, "more": 1.0, "worth": 0.5}],
    "list_id": "2026-09-01-0123456789ab",
    "model": "a rule",
    "notes": [],
    "previous": {"list_id": "2026-08-01-0123456789ab", "as_of": "2026-08-01", "stability": None},
    "value_at_stake": 10.0,
    "value_days": 28,
}
QUINTILE = {"rows": 9, "least": -0.1, "predicted": 0.0, "measured": None, "low": None, "high": None}
UPLIFT_FIGURES = {
    "qini": {"value": 0.1, "low": None, "high": 0.2},
    "share_contacted": 0.2,
    "gain_at_random": 0.0,
    "gain_by_loss": 1.0,
    "gain_by_uplift": 1,
    "better_by": {"value": 0, "low": -1.0, "high": 1.0},
    "fifths": [QUINTILE],
}
SMALL: dict[Document[Any], dict[str, Any]] = {
    artefacts.fingerprint("SOURCE"): {"files": {"data/raw/till.csv": "abc"}},
    artefacts.RUN_KIND: {"experiment": False},
    artefacts.ingest_summary("SOURCE"): documents.ingest_summary(
        doubtful={"due": {"rows": 1, "share": 0.5, "first": None}},
        kinds={"purchase": DAYS | {"first_known_day": 1}},
    ).as_json(),
    artefacts.EVENTS_SUMMARY: documents.events_summary(
        {"purchase": DAYS}, {"till": DAYS}, known_days={"9": [2, "0a"]}
    ).as_json(),
    artefacts.SNAPSHOTS_SUMMARY: {
        "as_of": "2026-09-01",
        "learning": ["2026-07-01"],
        "immature_snapshots": 1,
        "watched": {"2026-07-01": 3, "2026-09-01": 4},
    },
    artefacts.LABELS_SUMMARY: {
        "rows": 3,
        "churned": 1,
        "arms": {"contacted": 0},
        "dropped": {"ended in the gap": 1},
        "immature_snapshots": 1,
    },
    artefacts.FEATURES_SUMMARY: {"rows": 3, "dead": ["referrals_90d"]},
    artefacts.SELECTION: documents.selection_report(
        losses={"churn_recency": 0.5, "churn_bgnbd": 1},
        params={"churn_lightgbm": {"rounds": 12, "rate": 0.5, "levels": ["a"]}},
        fold_metrics={"churn_recency": [{"log_loss": None}]},
    ).as_json(),
    artefacts.LIFETIME: {
        "horizon_days": 365,
        "weights": {"list": 0.5},
        "windows_known": 3,
        "value_known_days": 84,
        "figures": [
            {
                "snapshot": "2026-01-05",
                "days": 84,
                "customers": 3,
                "left": 0.5,
                "chance": 0.4,
                "brier": 0.2,
                "brier_kaplan_meier": 0.25,
                "value_days": 84,
                "value_bias": 1.5,
                "value_error": 9.5,
                "covered": None,
            }
        ],
    },
    artefacts.METRICS: documents.metrics(
        churn={"recipe": {"roc_auc": {"value": 0.5}, "ece": {"value": 0, "low": None}}},
        list={"recipe": {"lift": {"value": 3.0, "low": 2.5, "high": 3.5}}},
    ).as_json(),
    artefacts.HEADLINE_METRICS: {"churn_roc_auc": 0.5, "list_lift": None},
    artefacts.UPLIFT: {"name": None, "asked": False, "ranks": False, "disturbed_from": None},
    artefacts.UPLIFT_METRICS: {"uplift_dr": UPLIFT_FIGURES},
    artefacts.DECISION: {
        "decision": "promote",
        "figures": {"churn_ece": {"champion": None, "candidate": 0.5}},
        "comparison": COMPARISON,
        "champion": {"churn": "abc"},
        "candidate": {"churn": "abc"},
    },
    artefacts.PROMOTE_METRICS: {
        "verdict": "no worse",
        **{
            f"{measure}_{figure}": 0.5
            for measure in MEASURES
            for figure in MeasureComparison.__dataclass_fields__
        },
    },
    artefacts.SCORE_SUMMARY: documents.score_summary().as_json(),
    artefacts.FORECAST: {
        "opens_on": "2026-09-01",
        "lifetime_days": None,
        "past_snapshots": {"90": 2},
        "figures": [
            {
                "by": "all",
                "group": "all",
                "days": 90,
                "customers": 4,
                "lost": 1.5,
                "low": 1,
                "high": 2.5,
                "money": None,
                "money_low": None,
                "money_high": None,
            }
        ],
    },
    artefacts.GUARD_SUMMARY: {"as_of": "2026-09-01", "banners": [], "refused": [], "run": RUN},
    artefacts.GUARD_METRICS: {"watched": 4, "drop": None, "mean_risk": 0.2, "rows_till": 2},
    artefacts.SCORECARD_METRICS: {
        "measures": {"customers_lost": 2.5, "solved_once": None},
        "lost": 3,
        "excess_lost": {"late": 1.5},
    },
    artefacts.OUTCOMES_METRICS: {"lists_right": 0, "balance_p": None, "sizes_p": 0.5},
    artefacts.LIST_SUMMARY: LIST,
}
"""A small file of every document."""


def test_every_document_has_an_example() -> None:
    every = {artefact.path for artefact in artefacts.registry() if isinstance(artefact, Document)}
    assert {document.path for document in SMALL} == every


def test_every_json_file_is_a_document() -> None:
    for artefact in artefacts.registry():
        assert isinstance(artefact, Document) == (artefact.path.suffix == ".json"), artefact


def test_what_is_read_and_written_again_is_the_same_bytes(tmp_path: Path) -> None:
    for document, content in SMALL.items():
        there = document.under(tmp_path)
        atomic.write_json(there.path, content)
        before = there.path.read_bytes()
        there.write(there.read())
        assert there.path.read_bytes() == before, document


def test_what_is_not_declared_is_refused_by_its_name(tmp_path: Path) -> None:
    for document, content in SMALL.items():
        if issubclass(document.model, Entries):
            continue
        there = document.under(tmp_path)
        atomic.write_json(there.path, content | {"surprise": 1})
        with pytest.raises(BadInput, match=r"\.json: surprise: Extra inputs.*run make repro"):
            there.read()
        required = [
            name for name, field in document.model.model_fields.items() if field.is_required()
        ]
        for name in required:
            alias = document.model.model_fields[name].alias or name
            atomic.write_json(there.path, {key: content[key] for key in content if key != alias})
            with pytest.raises(BadInput, match=rf"\.json: {alias}: Field required"):
                there.read()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"as_of": "the first"}, "as_of: Input should be a valid date"),
        ({"as_of": 20000}, "as_of"),
        ({"immature_snapshots": "1"}, "immature_snapshots: Input should be a valid integer"),
        ({"immature_snapshots": 1.5}, "immature_snapshots: Input should be a valid integer"),
        ({"learning": None}, "learning: Input should be a valid array"),
    ],
)
def test_another_type_is_refused(tmp_path: Path, change: dict[str, Any], words: str) -> None:
    there = artefacts.SNAPSHOTS_SUMMARY.under(tmp_path)
    atomic.write_json(there.path, SMALL[artefacts.SNAPSHOTS_SUMMARY] | change)
    with pytest.raises(BadInput, match=words):
        there.read()


def test_a_file_that_is_no_json_or_not_there_says_what_to_do(tmp_path: Path) -> None:
    there = artefacts.SNAPSHOTS_SUMMARY.under(tmp_path)
    with pytest.raises(BadInput, match=r"summary\.json: not there yet; run make repro first"):
        there.read()
    assert there.read_last() is None
    atomic.write_text(there.path, "{")
    with pytest.raises(BadInput, match=r"summary\.json: the file: Invalid JSON"):
        there.read()
    assert there.read_last() is None


def test_dates_are_dates_and_contents_are_frozen(tmp_path: Path) -> None:
    there = artefacts.SNAPSHOTS_SUMMARY.under(tmp_path)
    there.write(documents.snapshots_summary(dt.date(2026, 9, 1), 4))
    summary = there.read()
    assert summary.watched == {dt.date(2026, 9, 1): 4}
    with pytest.raises(ValueError, match="frozen"):
        summary.as_of = dt.date(2026, 9, 2)


def test_a_field_that_was_never_set_is_absent_and_a_whole_number_stays_one() -> None:
    assert UpliftManifest().as_json() == {}
    manifest = UpliftManifest(name=None, better=2, low=2.0)
    assert json.dumps(manifest.as_json()) == '{"name": null, "better": 2, "low": 2.0}'
    assert manifest.updated(eligible=3).as_json()["eligible"] == 3
    assert issubclass(UpliftManifest, Contents)
