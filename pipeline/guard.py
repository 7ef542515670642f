"""Stage `guard`: measure what the list would rest on, and refuse before there is one.

It always runs, after `score` and before `at_risk`, and leaves its page whether it refuses or not.
Nothing here is learnt or changed: docs/monitoring.md tells each guard, its limits and what to do.
"""

import datetime as dt
from dataclasses import dataclass
from typing import Any

import pandas as pd
import pyarrow.compute as pc
import pyarrow.parquet as pq

from retention.core import artefacts, console, engine, errors, feature_table, point_in_time
from retention.core.params import Guards, Params, load_params
from retention.core.storage import atomic
from retention.experiments import holdout_calibration, reading
from retention.i18n.language import Language, language
from retention.ledgers import assignments, runs
from retention.ledgers.runs import Run
from retention.monitoring import calibration, drift, freshness, verdict, volume
from retention.monitoring.finding import LEVELS, OK, Finding
from retention.monitoring.report_data import Content, Course
from retention.reporting.guard import page
from retention.serving import champion
from retention.training import profile


@dataclass(frozen=True)
class Given:
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


def guard(given: Given, chosen: Params) -> Content:
    """All findings of a run, what is recorded of it, and what the page shows."""
    says, rules = language(chosen.at_risk.language), chosen.guard
    run = measured(given, chosen)
    earlier = runs.before(given.published, run)
    last = earlier[-1] if earlier else None
    course = Course.of(given.reference, given.X, given.p)
    found = [*_of_input(given, chosen, run, last, says), *_of_model(given, chosen, course, says)]
    settled = verdict.settled(found, rules, given.as_of)
    run = run | {
        "drop": volume.drop(run, last),
        "drifted": len(drift.drifted(course.features, rules)) if given.reference else None,
        "features": len(course.features) if given.reference else None,
        "score_psi": course.score.figure if course.score else None,
        "levels": verdict.worst(settled),
        "override": verdict.aside(settled),
    }
    return Content(
        company=chosen.company,
        as_of=given.as_of,
        findings=sorted(settled, key=lambda one: -LEVELS.index(one.level)),
        banners=verdict.banners(settled, says),
        model=given.scored["model"],
        of_model=tuple(given.scored["banners"]),
        run=run,
        earlier=earlier,
        course=course,
        limits=drift.limits_of(rules),
        notes=tuple(verdict.forgotten(rules, given.as_of)),
    )


def measured(given: Given, chosen: Params) -> Run:
    """What stands in runs.Run before anything is compared."""
    kept = ("read", "accepted", "rejected", "unmapped", "ignored_columns")
    return {
        "as_of": given.scored["as_of"],
        "company": chosen.company,
        "model": given.champion["models"],
        "trained_to": given.champion["trained_to"],
        "sources": {name: {key: one[key] for key in kept} for name, one in given.ingested.items()},
        "customers": given.customers,
        "watched": len(given.X),
        "scores_sha256": given.scores_sha256,
        "mean_risk": float(given.p.mean()),
    }


def _of_input(
    given: Given, chosen: Params, run: Run, last: Run | None, says: Language
) -> list[Finding]:
    rules, labels = chosen.guard, chosen.labels
    fresh = freshness.freshness(given.sources, chosen.sources, labels, given.as_of, rules, says)
    return [
        *fresh,
        *volume.row_count(run, last, rules),
        *volume.columns(run, last),
        *volume.rejects(run, last, rules),
    ]


def _of_model(given: Given, chosen: Params, course: Course, says: Language) -> list[Finding]:
    rules = chosen.guard
    trained_to = dt.date.fromisoformat(given.champion["trained_to"])
    return [
        *_of_drift(given, course, rules, says),
        freshness.model_age(trained_to, given.as_of, chosen.labels, rules, says),
        calibration.calibration(given.past, rules, says),
    ]


def _of_drift(given: Given, course: Course, rules: Guards, says: Language) -> list[Finding]:
    if given.reference is None or course.score is None:
        return drift.unknown()
    return [
        drift.schema(given.reference, given.X),
        drift.score(course.score, rules, says),
        drift.features(course.features, rules, says),
        drift.dead(course.features),
        drift.categories(course.features),
    ]


def metrics(told: Content) -> dict[str, Any]:
    """The main figures, flat; null where there is nothing to compare with."""
    levels = [one.level for one in told.findings]
    named = ("watched", "mean_risk", "score_psi", "drifted", "features", "drop")
    return {
        **{f"{level}": levels.count(level) for level in LEVELS},
        **{name: told.run[name] for name in named},
        **{f"rows_{name}": one["read"] for name, one in told.run["sources"].items()},
    }


def summary(told: Content) -> dict[str, Any]:
    """What `at_risk` and `publish` read."""
    return {
        "as_of": told.as_of.isoformat(),
        "banners": told.banners,
        "refused": [one.guard for one in verdict.refused(told.findings)],
        "run": told.run,
    }


def _past(chosen: Params, events: dict[str, Any], as_of: dt.date) -> pd.DataFrame:
    """PAST_LISTS of the present campaign; all events are read only where an outcome is known."""
    least = chosen.guard.calibration_least
    if least is None or not _ripe(chosen, as_of):
        return pd.DataFrame(columns=list(holdout_calibration.PAST_LISTS))
    with engine.opened(chosen.engine) as open_engine:
        found = reading.read(chosen, open_engine, events)
    return holdout_calibration.past_lists(found, least)


def _ripe(chosen: Params, as_of: dt.date) -> bool:
    """Whether the outcome of anybody assigned is known by now."""
    entered = assignments.everything(assignments.FOLDER)["as_of"]
    last = as_of - dt.timedelta(days=point_in_time.ripening(chosen.labels))
    return bool((entered <= pd.Timestamp(last)).any())


def read(chosen: Params) -> Given:
    """From data/, champion/ and ledgers/ of the folder one stands in."""
    events, scored = map(atomic.read_json, (artefacts.EVENTS_SUMMARY, artefacts.SCORE_SUMMARY))
    now = champion.current()
    if now is None:
        raise errors.Guarded("champion/ holds no champion; run make repro to train one")
    if scored.get("champion", now.manifest["models"]) != now.manifest["models"]:
        raise errors.Guarded("the champion changed during the run; run again")
    today = pc.field("snapshot_on") == dt.date.fromisoformat(scored["as_of"])
    table = pq.read_table(artefacts.FEATURES, filters=today)
    scores = pq.read_table(artefacts.SCORES, columns=["churn_probability"])
    return Given(
        sources=events["sources"],
        ingested={one: atomic.read_json(artefacts.ingest_summary(one)) for one in chosen.sources},
        scored=scored,
        scores_sha256=atomic.sha256(artefacts.SCORES),
        X=feature_table.matrix(table),
        p=scores["churn_probability"].to_pandas(),
        champion=now.manifest,
        reference=champion.beside(now, profile.NAME),
        past=_past(chosen, events, dt.date.fromisoformat(scored["as_of"])),
        published=runs.read(runs.FOLDER, chosen.company),
        customers=pq.read_metadata(artefacts.CUSTOMERS).num_rows if chosen.customers else None,
    )


def main() -> None:
    chosen = load_params()
    with console.stage("guard") as report:
        given = read(chosen)
        report.read(artefacts.SCORES, len(given.p))
        told = guard(given, chosen)
        atomic.write_text(artefacts.GUARD_PAGE, page.html(told))
        atomic.write_json(artefacts.GUARD_METRICS, metrics(told))
        atomic.write_json(artefacts.GUARD_SUMMARY, summary(told))
        for sentence in told_of(told):
            report.say(sentence)
        if verdict.refused(told.findings):
            raise errors.Guarded(verdict.refusal(told.findings, told.as_of))
        report.open_next(artefacts.GUARD_PAGE)


def told_of(told: Content) -> list[str]:
    """What is not well, a line each, and what was set aside."""
    said = [
        f"{one.level.replace('_', ' ')}: {one.guard}, {one.about}: {one.figure} ({one.limit}). "
        f"{one.says}{f' Set aside: {one.reason}' if one.reason else ''}"
        for one in told.findings
        if one.level != OK
    ]
    return [*told.notes, *(said or ["everything is within its limits"])]


if __name__ == "__main__":
    errors.run(main)
