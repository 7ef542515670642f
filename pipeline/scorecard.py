"""Stage `scorecard`: how service goes, and what it costs in customers, for the retention owner."""

from collections.abc import Iterator

import narwhals as nw
import pandas as pd

from features.engine import table as features
from features.engine.base import Past
from retention.cohort import calendar as watching
from retention.cohort import labels
from retention.core import artefacts, console, engine, errors, point_in_time
from retention.core.engine import Engine
from retention.core.params import ChurnLabel, Params, load_params
from retention.core.storage import atomic
from retention.reporting.scorecard import page
from retention.scorecard import churn_drivers, churn_timing, compute, spells, staff
from retention.scorecard.frames import frames
from retention.scorecard.metrics import MEASURES
from retention.scorecard.report_data import Content, Measured, Period, Why

RULES = (
    "A value is a sum over a sum for the period; the interval holds the true one 19 times in 20 "
    "and counts a customer's cases as hanging together.",
    "The normal band is three standard deviations around the centre of all earlier points of four "
    "weeks (Laney's p' and u' charts for shares and counts, Wheeler's XmR for means).",
    "An alarm is a point beyond the band, or the eighth in a row on one side of the centre.",
    "Better and worse than before mean a difference of at least two standard errors; a group "
    "stands out beyond three.",
)


def content(chosen: Params, history: point_in_time.Frame, people: pd.DataFrame, past: Past,
            open_engine: Engine) -> Content:  # fmt: skip
    """The scorecard of everything known before the snapshot of `past`.

    history: those events; people: data/customers in its newest versions.
    """
    as_of, plan, told = past.snapshot, chosen.scorecard, chosen.labels
    found = frames(past, open_engine, told.value)
    lives = _lives(chosen.labels.churn, history, as_of, open_engine)
    days = compute.POINT
    found["present"] = spells.at_risk(lives, _periods(lives, as_of, days), days)
    groups = people.set_index("customer_id")
    setting = compute.Setting(
        found, as_of, plan.period_days, plan.targets, staff.teams(plan.staff, chosen.engine.memory),
        groups[[name for name in plan.groups if groups[name].notna().any()]],
        spells.first_day_of(lives), plan.least,
    )  # fmt: skip
    channel = groups["acquisition_channel"]
    taken, lost = tuple(compute.measured(setting)), churn_timing.why(lives, found, channel, days)
    now, before, year = (
        Period(*compute.period(start, plan.period_days))
        for start in compute.starts(as_of, plan.period_days)
    )
    return Content(
        company=chosen.company, currency=chosen.currency, as_of=point_in_time.date_of(as_of),
        now=now, before=before, year=year, headlines=tuple(_headlines(taken, lost)),
        measures=taken, breakdowns=tuple(compute.breakdowns(setting)),
        spread=tuple(compute.spreads(setting)), workload=compute.workload(setting),
        when=churn_timing.when(lives, channel, as_of), why=lost,
        worth=churn_timing.worths(people, found, lives, as_of, plan.period_days), rules=RULES,
    )  # fmt: skip


def _lives(
    churn: ChurnLabel, history: point_in_time.Frame, as_of: int, open_engine: Engine
) -> pd.DataFrame:
    """The spells in which each was a customer, by the company's own rule of churn."""
    if churn.rule == "silence":
        alive = history.filter(nw.col("kind").is_in(churn.kinds))
        days = alive.select("customer_id", day=nw.col("occurred_day")).unique()
        seen = open_engine.collect(days, sort=["customer_id", "day"]).to_pandas()
        lives = spells.silent_spells(seen, churn, as_of)
    else:
        chains = open_engine.collect(labels.chains(history), sort=["customer_id", "begins"])
        lives = spells.contract_spells(chains.to_pandas(), as_of)
    if lives.empty:
        raise errors.BadInput(
            f"data/events: nobody was a customer before {point_in_time.date_of(as_of)}; "
            "check as_of and labels.churn in params.yaml"
        )
    return lives


def _periods(lives: pd.DataFrame, as_of: int, days: int) -> list[int]:
    """The first days of the periods since departures are on record."""
    first = spells.observed_from(lives)
    return [as_of - days * place for place in range((as_of - first) // days, 0, -1)]


def _headlines(taken: tuple[Measured, ...], lost: Why) -> Iterator[str]:
    """What a manager should hear first: targets, alarms, changes, and the costliest trouble."""
    judged = [one for one in taken if one.kept is not None]
    missed = [one.title.lower() for one in judged if not one.kept]
    if judged:
        kept = len(judged) - len(missed)
        listed = f"; missed: {', '.join(missed)}" if missed else ""
        yield f"Targets reached: {kept} of {len(judged)}{listed}."
    for trend in ("worse", "better"):
        names = [one.title.lower() for one in taken if one.trend == trend]
        if names:
            yield f"{trend.capitalize()} than the period before: {', '.join(names)}."
    alarms = [one.title.lower() for one in taken if one.alarm]
    if alarms:
        yield f"Unusual now: {', '.join(alarms)}."
    elif any(point.low is not None for one in taken for point in one.points):
        yield "No measure leaves its normal band."
    claimed = (one for one in lost.rows if one.verdict.startswith(churn_drivers.CLAIM))
    worst = next((one for one in claimed if one.excess > 0), None)
    if worst:
        yield f"The costliest trouble: {worst.title}, {worst.verdict}."


def _newest(people: pd.DataFrame, as_of: int) -> pd.DataFrame:
    """One row a customer, as known before as_of; a row without a known_day was always known."""
    known = people[people["known_day"].isna() | (people["known_day"] < as_of)]
    return known.sort_values("known_day", na_position="first").drop_duplicates(
        "customer_id", keep="last"
    )


def _check(targets: dict[str, float | None]) -> None:
    for name in targets:
        if name not in MEASURES:
            raise errors.BadParams(
                f"params.yaml: scorecard.targets.{name}: no such measure"
                f"{errors.nearest(name, MEASURES)}"
            )


def main() -> None:
    chosen, summary = load_params(), atomic.read_json(artefacts.EVENTS_SUMMARY)
    _check(chosen.scorecard.targets)
    with console.stage("scorecard") as report, engine.opened(chosen.engine) as open_engine:
        as_of = watching.plan(chosen, summary).as_of
        report.read(artefacts.EVENTS, summary["rows"])
        known = point_in_time.past(open_engine.scan(artefacts.EVENTS), as_of, summary["versioned"])
        history, people = open_engine.keep(known), open_engine.scan(artefacts.CUSTOMERS)
        past = Past(history, features.attributes(people, as_of), as_of, open_engine.keep,
                    chosen.service)  # fmt: skip
        versions = open_engine.collect(people, ["customer_id", "known_day"]).to_pandas()
        named = _newest(versions, as_of)
        told = content(chosen, history, named, past, open_engine)
        atomic.write_text(artefacts.SCORECARD_PAGE, page.html(told))
        table = page.table(told)
        atomic.write_text(artefacts.SCORECARD_TABLE, page.csv(table))
        atomic.write_json(artefacts.SCORECARD_METRICS, _metrics(told))
        report.wrote(artefacts.SCORECARD_TABLE, len(table))
        for line in told.headlines:
            report.say(line)


def _metrics(told: Content) -> dict[str, object]:
    """The measures of the period and the loss by cause, flat enough for `dvc metrics`."""
    return {
        "measures": {one.name: one.now.value for one in told.measures},
        "excess_lost": {one.cause: one.excess for one in told.why.rows},
        "lost": told.why.lost,
    }


if __name__ == "__main__":
    errors.run(main)
