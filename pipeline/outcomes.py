"""Stage `outcomes`: did it help? What contacting customers changed, against those left alone.

Compared are all whom a list assigned to contact with all whom it held out, each counted once in a
campaign and where the draw put them, whoever was reached in the end (intention to treat).
"""

import datetime as dt
import math
from collections.abc import Iterator
from typing import Any

import pandas as pd
import pyarrow.parquet as pq

from retention.cohort import calendar
from retention.core import artefacts, console, engine, errors, point_in_time
from retention.core.params import Params, load_params
from retention.core.storage import atomic
from retention.experiments import analysis, holdout_calibration, planning, reading
from retention.experiments.conclusions import verdict
from retention.experiments.report_data import Content, Plan, Result
from retention.i18n.language import language
from retention.ledgers import assignments
from retention.reporting.outcomes import page, table
from retention.serving import target
from retention.stats.power import Arms
from retention.tracking import client, outcome_record


def outcomes(found: pd.DataFrame, believed: float, chosen: Params, as_of: dt.date) -> Content:
    """All that can be said of a campaign's assignments on a day.

    found: rows of `followed.FOLLOWED`. believed: the chance of leaving of those whom today's list
    would assign, for planning where nobody is assigned yet.
    """
    rules, today = chosen.outcomes, pd.Timestamp(as_of)
    rows = analysis.compared(found)
    plan = planning.plan(found, _arms(rows), believed, chosen.at_risk.holdout_share, today, rules)
    batches = analysis.batches(found, today)
    waiting = [one.known_on for one in batches if not one.known]
    ripening = dt.timedelta(days=point_in_time.ripening(chosen.labels))
    says = language(chosen.at_risk.language)
    return Content(
        company=chosen.company,
        currency=chosen.currency,
        language=says,
        as_of=as_of,
        campaign=chosen.at_risk.campaign,
        definition=target.sentence(chosen.labels, says),
        value_days=chosen.labels.value.horizon_days,
        plays={play.name: play.does for play in chosen.policy.playbook},
        entered=_arms(analysis.drawn(found)),
        left_out=analysis.left_out(found),
        first_on=min(waiting, default=as_of + ripening),
        batches=batches,
        least=rules.least,
        plan=plan,
        result=_result(rows, plan, chosen),
        groups=analysis.groups(rows, rules.least, plan.planned.both) if plan and len(rows) else (),
        compliance=analysis.compliance(rows) if len(rows) else (),
        balance=analysis.balanced(found),
        calibration=analysis.calibration(rows, rules.least),
        lists=holdout_calibration.told(holdout_calibration.past_lists(found, rules.least)),
        order=holdout_calibration.order(rows, rules.least),
    )


def _arms(rows: pd.DataFrame) -> Arms:
    treated = int((rows["arm"] == assignments.CONTACT).sum())
    return Arms(treated, len(rows) - treated)


def _result(rows: pd.DataFrame, plan: Plan | None, chosen: Params) -> Result | None:
    """None until an outcome is known in both arms."""
    if plan is None or rows["arm"].nunique() < len(analysis.ARMS):
        return None
    size = plan.planned.both
    once = analysis.difference(rows, "churned")
    left = analysis.at_every_list(once, size)
    value = analysis.at_every_list(analysis.difference(rows, "value"), size)
    return Result(
        arms=analysis.arms(rows, once, value),
        once=once,
        left=left,
        value=value,
        saved=analysis.money(rows, left, value),
        verdict=verdict(left, plan.planned, plan.a_month, language(chosen.at_risk.language)),
        measured=left.shown or (plan.has.cover(plan.planned) and not math.isnan(left.low)),
    )


def metrics(told: Content) -> dict[str, Any]:
    """The main figures, flat; null where they cannot be measured yet."""
    found: dict[str, Any] = {
        "entered_contact": told.entered.treated,
        "entered_holdout": told.entered.control,
        "compared_contact": 0,
        "compared_holdout": 0,
    }
    if told.plan:
        found |= {"needed_contact": told.plan.planned.treated}
        found |= {"needed_holdout": told.plan.planned.control}
    if told.result:
        found |= _of_result(told.result)
    if told.balance:
        found |= {"balance_p": told.balance.joint_p, "sizes_p": told.balance.sizes_p}
    if told.calibration:
        found["holdout_expected"] = told.calibration.expected
        found["holdout_observed"] = told.calibration.observed
    found |= _of_lists(told)
    return {name: _finite(value) for name, value in found.items()}


def _of_lists(told: Content) -> dict[str, Any]:
    """How many past lists could be judged and were right, the newest of them, and the order."""
    judged = [one for one in told.lists if one.calibrated is not None]
    found: dict[str, Any] = {
        "lists_judged": len(judged),
        "lists_right": sum(one.calibrated is True for one in judged),
    }
    if judged:
        newest = judged[0]
        found |= {"last_list_said": newest.said, "last_list_left": newest.left.value}
        found |= {"last_list_left_low": newest.left.low, "last_list_left_high": newest.left.high}
    if told.order:
        found |= {"holdout_order": told.order.value}
        found |= {"holdout_order_low": told.order.low, "holdout_order_high": told.order.high}
    return found


def _of_result(result: Result) -> dict[str, Any]:
    contact, holdout = result.arms
    saved, left = result.saved, result.left
    amounts = {
        "saved_customers": saved.customers,
        "saved_money": saved.money,
        "net": saved.net,
        "return": saved.back,
    }
    ends = {"": "value", "_low": "low", "_high": "high"}
    return {
        "compared_contact": contact.customers,
        "compared_holdout": holdout.customers,
        "leaving_contact": contact.leaving.value,
        "leaving_holdout": holdout.leaving.value,
        "effect": left.difference,
        "effect_low": left.low,
        "effect_high": left.high,
        "effect_p": left.p_value,
        "effect_once_low": result.once.low,
        "effect_once_high": result.once.high,
        "cost": saved.cost,
        **{
            name + end: getattr(amount, part)
            for name, amount in amounts.items()
            for end, part in ends.items()
        },
    }


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def believed(lanes: pd.DataFrame) -> float:
    """The mean chance of leaving of whom today's list assigns to either arm; nan of nobody."""
    either = (lanes["lane"] == "contact") | (lanes["why"] == "held_out")
    return float(lanes.loc[either, "churn_probability"].mean())


def told_of(told: Content) -> Iterator[str]:
    """The page in a few lines."""
    yield f"{told.entered.treated:,.0f} to contact, {told.entered.control:,.0f} held out so far"
    if told.result:
        yield told.result.verdict
    else:
        yield f"nothing can be measured before {told.first_on}"


def track(told: Content, figures: dict[str, Any], report: console.Report) -> None:
    """Tell MLflow of a result; where it cannot be reached, say so and go on."""
    if told.result is None:
        return
    try:
        run = outcome_record.run(told, figures)
        report.say(f"MLflow run {client.log_figures(told.company, run)}")
    except client.TrackingDown as down:
        report.say(str(down))


def main() -> None:
    chosen, summary = load_params(), atomic.read_json(artefacts.EVENTS_SUMMARY)
    with console.stage("outcomes") as report, engine.opened(chosen.engine) as open_engine:
        found = reading.read(chosen, open_engine, summary)
        report.read(assignments.FOLDER, len(found))
        as_of = point_in_time.date_of(calendar.plan(chosen, summary).as_of)
        lanes = pq.read_table(artefacts.LANES, columns=["lane", "why", "churn_probability"])
        told = outcomes(found, believed(lanes.to_pandas()), chosen, as_of)
        figures, rows = metrics(told), table.table(told)
        atomic.write_text(artefacts.OUTCOMES_PAGE, page.html(told))
        atomic.write_text(artefacts.OUTCOMES_TABLE, table.as_csv(rows))
        atomic.write_json(artefacts.OUTCOMES_METRICS, figures)
        report.wrote(artefacts.OUTCOMES_TABLE, len(rows))
        for sentence in told_of(told):
            report.say(sentence)
        track(told, figures, report)
        report.open_next(artefacts.OUTCOMES_PAGE)


if __name__ == "__main__":
    errors.run(main)
