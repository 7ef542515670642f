"""Stage `guard`: check data, drift and calibration; block the list if a limit is exceeded.

It runs after `score` and before `at_risk` and writes its page whether it refuses or not.
docs/monitoring.md describes each guard, its limits and what to do.
"""

import datetime as dt

import pandas as pd
import pyarrow.compute as pc

from retention.core import artefacts, console, engine, errors, feature_table, point_in_time
from retention.core.documents.scoring import GuardMetrics, GuardSummary, RunReport
from retention.core.documents.sources import EventsSummary
from retention.core.params import Params, load_params
from retention.core.storage import atomic
from retention.experiments import holdout_calibration
from retention.experiments.follow_up import read_follow_up
from retention.i18n.language import language
from retention.ledgers import assignments, runs
from retention.monitoring import checks, drift, verdict, volume
from retention.monitoring.finding import LEVELS, OK
from retention.monitoring.inputs import GuardInputs, run_record
from retention.monitoring.report_data import DriftReport, GuardReport
from retention.reporting.guard import page
from retention.serving import champion
from retention.training import profile


def guard(inputs: GuardInputs, params: Params) -> GuardReport:
    """Measure a run, compare it with the runs before, and judge it by the limits of params."""
    guard_params = params.guard
    banner_language = language(params.at_risk.language)
    run = run_record(inputs, params)
    earlier = runs.earlier_runs(inputs.published, run)
    last = earlier[-1] if earlier else None
    drift_report = DriftReport.from_reference(inputs.reference, inputs.X, inputs.p)
    findings = [
        *checks.data_findings(inputs, params, run, last, banner_language),
        *checks.model_findings(inputs, params, drift_report, banner_language),
    ]
    findings = verdict.apply_overrides(findings, guard_params, inputs.as_of)
    drifted = drift.drifted_features(drift_report.features, guard_params)
    run = run | {
        "drop": volume.largest_drop(run, last),
        "drifted": len(drifted) if inputs.reference else None,
        "features": len(drift_report.features) if inputs.reference else None,
        "score_psi": drift_report.score.figure if drift_report.score else None,
        "levels": verdict.worst_levels(findings),
        "override": verdict.overridden(findings),
    }
    return GuardReport(
        company=params.company,
        as_of=inputs.as_of,
        findings=sorted(findings, key=lambda finding: -LEVELS.index(finding.level)),
        banners=verdict.banners(findings, banner_language),
        model=inputs.scored.model,
        model_banners=inputs.scored.banners,
        run=run,
        earlier=earlier,
        drift_report=drift_report,
        limits=drift.drift_limits(guard_params),
        notes=tuple(verdict.expired_overrides(guard_params, inputs.as_of)),
    )


def metrics(report: GuardReport) -> GuardMetrics:
    """The main figures for metrics.json; None where there is nothing to compare with."""
    figures = ("watched", "mean_risk", "score_psi", "drifted", "features", "drop")
    return GuardMetrics(
        {
            **verdict.level_counts(report.findings),
            **{name: report.run[name] for name in figures},
            **{f"rows_{name}": source["read"] for name, source in report.run["sources"].items()},
        }
    )


def summary(report: GuardReport) -> GuardSummary:
    """What the stages `at_risk` and `publish` read."""
    return GuardSummary(
        as_of=report.as_of,
        banners=tuple(report.banners),
        refused=tuple(finding.guard for finding in verdict.refusals(report.findings)),
        run=RunReport.model_validate(report.run),
    )


def _past_lists(params: Params, events: EventsSummary, as_of: dt.date) -> pd.DataFrame:
    """PAST_LISTS of the current campaign; events are read only if any outcome is mature."""
    min_held_out = params.guard.calibration_least
    assigned_on = assignments.read_all(assignments.FOLDER)["as_of"]
    mature_until = as_of - dt.timedelta(days=point_in_time.label_delay_days(params.labels))
    if min_held_out is None or not (assigned_on <= pd.Timestamp(mature_until)).any():
        return pd.DataFrame(columns=list(holdout_calibration.PAST_LISTS))
    with engine.open_engine(params.engine) as open_engine:
        follow_up = read_follow_up(params, open_engine, events)
    return holdout_calibration.past_lists(follow_up, min_held_out)


def read(params: Params) -> GuardInputs:
    """Read data/, champion/ and ledgers/ of the working folder."""
    events, scored = artefacts.EVENTS_SUMMARY.read(), artefacts.SCORE_SUMMARY.read()
    current = champion.current(champion.scoring_folder())
    if current is None:
        raise errors.Guarded("champion/ holds no champion; run make repro to train one")
    if scored.champion != current.manifest.models:
        raise errors.Guarded("the champion changed during the run; run again")
    today = pc.field("snapshot_on") == scored.as_of
    table = artefacts.FEATURES.read(filters=today)
    scores = artefacts.SCORES.read(columns=["churn_probability"])
    return GuardInputs(
        sources=events.sources,
        ingested={source: artefacts.ingest_summary(source).read() for source in params.sources},
        scored=scored,
        scores_sha256=atomic.sha256(artefacts.SCORES),
        X=feature_table.matrix(table),
        p=scores["churn_probability"].to_pandas(),
        champion=current.manifest,
        reference=champion.load_part(current, profile.NAME),
        past=_past_lists(params, events, scored.as_of),
        published=[run.as_json() for run in runs.read(runs.FOLDER, params.company)],
        customers=artefacts.CUSTOMERS.rows() if params.customers else None,
    )


def summary_lines(report: GuardReport) -> list[str]:
    """A line for each finding that is not ok, and for each override that does not count."""
    lines = [verdict.describe(finding) for finding in report.findings if finding.level != OK]
    return [*report.notes, *(lines or ["everything is within its limits"])]


def main() -> None:
    params = load_params()
    with console.stage("guard") as log:
        inputs = read(params)
        log.read(artefacts.SCORES, len(inputs.p))
        report = guard(inputs, params)
        atomic.write_text(artefacts.GUARD_PAGE, page.html(report))
        artefacts.GUARD_METRICS.write(metrics(report))
        artefacts.GUARD_SUMMARY.write(summary(report))
        for line in summary_lines(report):
            log.info(line)
        if verdict.refusals(report.findings):
            raise errors.Guarded(verdict.refusal_message(report.findings, report.as_of))
        log.info(f"open next: {artefacts.GUARD_PAGE}")


if __name__ == "__main__":
    errors.run(main)
