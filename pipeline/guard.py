"""Stage `guard`: measure what the list would rest on, and refuse before there is one.

It always runs, after `score` and before `at_risk`, and leaves its page whether it refuses or not.
Nothing here is learnt or changed: docs/monitoring.md tells each guard, its limits and what to do.
"""

import datetime as dt
from dataclasses import dataclass
from typing import Any

import pandas as pd
import pyarrow.compute as pc

from retention.core import artefacts, console, engine, errors, feature_table, point_in_time
from retention.core.params import GuardParams, Params, load_params
from retention.core.storage import atomic
from retention.experiments import holdout_calibration
from retention.experiments.follow_up import read_follow_up
from retention.i18n.language import Language, language
from retention.ledgers import assignments, runs
from retention.ledgers.runs import Run
from retention.monitoring import calibration, drift, freshness, verdict, volume
from retention.monitoring.finding import LEVELS, OK, Finding
from retention.monitoring.report_data import DriftReport, GuardReport
from retention.reporting.guard import page
from retention.serving import champion
from retention.training import profile


@dataclass(frozen=True)
class GuardInputs:
    """What the stages before left. X, p: features and chances of everybody watched at as_of, in
    the same order. reference: the champion's profile, if it has one. published: all runs so far.
    customers: rows of the customers file that were taken; None without such a file.
    """

    sources: dict[str, Any]
    ingested: dict[str, Any]
    scored: dict[str, Any]
    scores_sha256: str
    X: pd.DataFrame
    p: pd.Series
    champion: dict[str, Any]
    reference: dict[str, Any] | None
    past: pd.DataFrame
    published: list[Run]
    customers: int | None = None

    @property
    def as_of(self) -> dt.date:
        return dt.date.fromisoformat(self.scored["as_of"])


def guard(inputs: GuardInputs, params: Params) -> GuardReport:
    """All findings of a run, what is recorded of it, and what the page shows."""
    banner_language, guard_params = language(params.at_risk.language), params.guard
    run = run_record(inputs, params)
    earlier = runs.earlier_runs(inputs.published, run)
    last = earlier[-1] if earlier else None
    drift_report = DriftReport.from_reference(inputs.reference, inputs.X, inputs.p)
    findings = [
        *_data_findings(inputs, params, run, last, banner_language),
        *_model_findings(inputs, params, drift_report, banner_language),
    ]
    findings_after_overrides = verdict.apply_overrides(findings, guard_params, inputs.as_of)
    run = run | {
        "drop": volume.largest_drop(run, last),
        "drifted": len(drift.drifted_features(drift_report.features, guard_params))
        if inputs.reference
        else None,
        "features": len(drift_report.features) if inputs.reference else None,
        "score_psi": drift_report.score.figure if drift_report.score else None,
        "levels": verdict.worst_levels(findings_after_overrides),
        "override": verdict.overridden(findings_after_overrides),
    }
    return GuardReport(
        company=params.company,
        as_of=inputs.as_of,
        findings=sorted(findings_after_overrides, key=lambda finding: -LEVELS.index(finding.level)),
        banners=verdict.banners(findings_after_overrides, banner_language),
        model=inputs.scored["model"],
        model_banners=tuple(inputs.scored["banners"]),
        run=run,
        earlier=earlier,
        drift_report=drift_report,
        limits=drift.drift_limits(guard_params),
        notes=tuple(verdict.expired_overrides(guard_params, inputs.as_of)),
    )


def run_record(inputs: GuardInputs, params: Params) -> Run:
    """What stands in runs.Run before anything is compared."""
    counts = ("read", "accepted", "rejected", "unmapped", "ignored_columns")
    return {
        "as_of": inputs.scored["as_of"],
        "company": params.company,
        "model": inputs.champion["models"],
        "trained_to": inputs.champion["trained_to"],
        "sources": {
            name: {key: ingest_summary[key] for key in counts}
            for name, ingest_summary in inputs.ingested.items()
        },
        "customers": inputs.customers,
        "watched": len(inputs.X),
        "scores_sha256": inputs.scores_sha256,
        "mean_risk": float(inputs.p.mean()),
    }


def _data_findings(
    inputs: GuardInputs, params: Params, run: Run, last: Run | None, banner_language: Language
) -> list[Finding]:
    guard_params, labels = params.guard, params.labels
    fresh = freshness.freshness(
        inputs.sources, params.sources, labels, inputs.as_of, guard_params, banner_language
    )
    return [
        *fresh,
        *volume.row_count(run, last, guard_params),
        *volume.unmapped_columns(run, last),
        *volume.reject_shares(run, last, guard_params),
    ]


def _model_findings(
    inputs: GuardInputs, params: Params, drift_report: DriftReport, banner_language: Language
) -> list[Finding]:
    guard_params = params.guard
    trained_to = dt.date.fromisoformat(inputs.champion["trained_to"])
    return [
        *_drift_findings(inputs, drift_report, guard_params, banner_language),
        freshness.model_age(trained_to, inputs.as_of, params.labels, guard_params, banner_language),
        calibration.holdout_calibration(inputs.past, guard_params, banner_language),
    ]


def _drift_findings(
    inputs: GuardInputs,
    drift_report: DriftReport,
    guard_params: GuardParams,
    banner_language: Language,
) -> list[Finding]:
    if inputs.reference is None or drift_report.score is None:
        return drift.not_measured()
    return [
        drift.feature_types(inputs.reference, inputs.X),
        drift.score_drift(drift_report.score, guard_params, banner_language),
        drift.feature_drift(drift_report.features, guard_params, banner_language),
        drift.dead_features(drift_report.features),
        drift.new_categories(drift_report.features),
    ]


def metrics(report: GuardReport) -> dict[str, Any]:
    """The main figures, flat; null where there is nothing to compare with."""
    levels = [one.level for one in report.findings]
    named = ("watched", "mean_risk", "score_psi", "drifted", "features", "drop")
    return {
        **{f"{level}": levels.count(level) for level in LEVELS},
        **{name: report.run[name] for name in named},
        **{f"rows_{name}": one["read"] for name, one in report.run["sources"].items()},
    }


def summary(report: GuardReport) -> dict[str, Any]:
    """What `at_risk` and `publish` read."""
    return {
        "as_of": report.as_of.isoformat(),
        "banners": report.banners,
        "refused": [finding.guard for finding in verdict.refusals(report.findings)],
        "run": report.run,
    }


def _past_lists(params: Params, events: dict[str, Any], as_of: dt.date) -> pd.DataFrame:
    """PAST_LISTS of the present campaign; all events are read only where an outcome is known."""
    min_held_out = params.guard.calibration_least
    if min_held_out is None or not _any_mature(params, as_of):
        return pd.DataFrame(columns=list(holdout_calibration.PAST_LISTS))
    with engine.open_engine(params.engine) as open_engine:
        follow_up = read_follow_up(params, open_engine, events)
    return holdout_calibration.past_lists(follow_up, min_held_out)


def _any_mature(params: Params, as_of: dt.date) -> bool:
    """Whether the outcome of anybody assigned is known by now."""
    entered = assignments.read_all(assignments.FOLDER)["as_of"]
    last = as_of - dt.timedelta(days=point_in_time.label_delay_days(params.labels))
    return bool((entered <= pd.Timestamp(last)).any())


def read(params: Params) -> GuardInputs:
    """From data/, champion/ and ledgers/ of the folder one stands in."""
    events, scored = map(atomic.read_json, (artefacts.EVENTS_SUMMARY, artefacts.SCORE_SUMMARY))
    now = champion.current()
    if now is None:
        raise errors.Guarded("champion/ holds no champion; run make repro to train one")
    if scored.get("champion", now.manifest["models"]) != now.manifest["models"]:
        raise errors.Guarded("the champion changed during the run; run again")
    today = pc.field("snapshot_on") == dt.date.fromisoformat(scored["as_of"])
    table = artefacts.FEATURES.read(filters=today)
    scores = artefacts.SCORES.read(columns=["churn_probability"])
    return GuardInputs(
        sources=events["sources"],
        ingested={
            source: atomic.read_json(artefacts.ingest_summary(source)) for source in params.sources
        },
        scored=scored,
        scores_sha256=atomic.sha256(artefacts.SCORES),
        X=feature_table.matrix(table),
        p=scores["churn_probability"].to_pandas(),
        champion=now.manifest,
        reference=champion.load_part(now, profile.NAME),
        past=_past_lists(params, events, dt.date.fromisoformat(scored["as_of"])),
        published=runs.read(runs.FOLDER, params.company),
        customers=artefacts.CUSTOMERS.rows() if params.customers else None,
    )


def main() -> None:
    params = load_params()
    with console.stage("guard") as report:
        inputs = read(params)
        report.read(artefacts.SCORES, len(inputs.p))
        told = guard(inputs, params)
        atomic.write_text(artefacts.GUARD_PAGE, page.html(told))
        atomic.write_json(artefacts.GUARD_METRICS, metrics(told))
        atomic.write_json(artefacts.GUARD_SUMMARY, summary(told))
        for sentence in summary_lines(told):
            report.info(sentence)
        if verdict.refusals(told.findings):
            raise errors.Guarded(verdict.refusal_message(told.findings, told.as_of))
        report.info(f"open next: {artefacts.GUARD_PAGE}")


def summary_lines(report: GuardReport) -> list[str]:
    """What is not well, a line each, and what was set aside."""
    lines = [
        f"{finding.level.replace('_', ' ')}: {finding.guard}, {finding.about}: {finding.figure} ({finding.limit}). "
        f"{finding.meaning}{f' Set aside: {finding.reason}' if finding.reason else ''}"
        for finding in report.findings
        if finding.level != OK
    ]
    return [*report.notes, *(lines or ["everything is within its limits"])]


if __name__ == "__main__":
    errors.run(main)
