"""The metrics of the scorecard, each declared here with the rows that it counts.

A metric is a ratio of two sums (`part` / `whole`) over rows that fall on days, so that it can be
computed for any period and any group. Its rows may come from two frames: touches per purchase are
contacts over orders. The docstring of a metric is the sentence that the page shows.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from features.engine.service_grains import COMPLAINTS
from retention.scorecard.frames import Frames
from retention.scorecard.report_data import Better, Unit

JUDGED_AFTER_DAYS = 28  # from the first contact of a case to its judgement
CARRIER_DELAY_DAYS = 7  # in which carriers report a delivery
WRITTEN = ("email", "letter", "chat", "portal", "web", "app", "form")
DIMENSIONS = ("channel", "topic", "agent_id")

Counted = Literal["cases", "events", "amounts"]


@dataclass(frozen=True)
class Metric:
    """One metric of the scorecard."""

    name: str
    title: str
    meaning: str
    unit: Unit
    better: Better
    # `cases`: part is 0 or 1 of each whole; `events`: counts over a base; `amounts`: hours or
    # ratings, of which the mean is taken.
    counted: Counted
    rows: Callable[[Frames], pd.DataFrame]  # customer_id, day, part, whole, some of DIMENSIONS


METRICS: dict[str, Metric] = {}


def metric(
    title: str, unit: Unit, better: Better, counted: Counted = "cases"
) -> Callable[..., Metric]:
    """Declare a metric; its docstring is its meaning."""

    def declare(rows: Callable[[Frames], pd.DataFrame]) -> Metric:
        meaning = " ".join((rows.__doc__ or "").split())
        name = rows.__name__
        METRICS[name] = Metric(name, title, meaning, unit, better, counted, rows)
        return METRICS[name]

    return declare


def _case_rows(frame: pd.DataFrame, part: "pd.Series[float]") -> pd.DataFrame:
    """The rows whose `part` is known, each with a whole of 1."""
    return _metric_rows(frame, part, pd.Series(1.0, index=frame.index))


def _metric_rows(
    frame: pd.DataFrame, part: "pd.Series[float]", whole: "pd.Series[float]"
) -> pd.DataFrame:
    dimensions = [name for name in DIMENSIONS if name in frame]
    rows = frame[["customer_id", *dimensions]].assign(
        day=frame["day"], part=part.astype("float64"), whole=whole
    )
    return rows[~rows["part"].isna()]


def _ratio_rows(counted: pd.DataFrame, base: pd.DataFrame) -> pd.DataFrame:
    """Rows of `counted` as parts and rows of `base` as wholes, each on its own day."""
    ones, zeros = (pd.Series(value, index=counted.index) for value in (1.0, 0.0))
    over = base[["customer_id", "day"]].assign(part=0.0, whole=1.0)
    return pd.concat([_metric_rows(counted, ones, zeros), over], ignore_index=True)


def _judged_cases(frames: Frames) -> pd.DataFrame:
    """Cases JUDGED_AFTER_DAYS after their first contact: judged earlier, new ones would look best.

    Cases judged before the first end on record are left out: ends were not recorded then.
    """
    cases = frames["cases"]
    judged_age = cases["age"] - JUDGED_AFTER_DAYS
    judged: pd.DataFrame = cases[(judged_age >= 0) & (judged_age <= cases["ended_age"].max())]
    return judged.assign(day=judged["day"] + JUDGED_AFTER_DAYS)


def _per_hundred(frame: pd.DataFrame, present: pd.DataFrame) -> pd.DataFrame:
    """Events per hundred customers in a period of 28 days.

    Both fall on the first day of the period, so that no range of days has one without the other.
    """
    starts = np.sort(present["period"].unique())
    period_index = np.searchsorted(starts, frame["day"].to_numpy(), side="right") - 1
    inside = frame[period_index >= 0]
    counted = inside.assign(day=starts[period_index[period_index >= 0]])
    events = _metric_rows(
        counted, pd.Series(1.0, index=inside.index), pd.Series(0.0, index=inside.index)
    )
    customers = present[["customer_id"]].assign(day=present["period"], part=0.0, whole=0.01)
    return pd.concat([events, customers], ignore_index=True)


def _complaints(frames: Frames) -> pd.DataFrame:
    contacts = frames["contacts"]
    return contacts[contacts["topic"].isin(COMPLAINTS)]


@metric("Customers lost", "per 100 customers", "low", "events")
def customers_lost(frames: Frames) -> pd.DataFrame:
    """Customers who left, per 100 customers and four weeks."""
    present = frames["present"].rename(columns={"period": "day"})
    return present[["customer_id", "day"]].assign(part=present["left"] * 1.0, whole=0.01)


@metric("Complaints in writing", "per 100 customers", "low", "events")
def complaints_written(frames: Frames) -> pd.DataFrame:
    """Complaints and billing contacts by e-mail, letter, chat or portal, per 100 customers and
    four weeks."""
    complaints = _complaints(frames)
    return _per_hundred(complaints[complaints["channel"].isin(WRITTEN)], frames["present"])


@metric("Complaints spoken", "per 100 customers", "low", "events")
def complaints_spoken(frames: Frames) -> pd.DataFrame:
    """Complaints and billing contacts by phone or in person, per 100 customers and four weeks."""
    complaints = _complaints(frames)
    spoken = complaints["channel"].notna() & ~complaints["channel"].isin(WRITTEN)
    return _per_hundred(complaints[spoken], frames["present"])


@metric("Referrals", "per 100 customers", "high", "events")
def referrals(frames: Frames) -> pd.DataFrame:
    """New customers brought by customers, per 100 customers and four weeks."""
    return _per_hundred(frames["referrals"], frames["present"])


@metric("Repeat business", "share", "high")
def repeat_business(frames: Frames) -> pd.DataFrame:
    """Orders of customers who had ordered before, of all orders."""
    orders = frames["orders"]
    first = orders.groupby("customer_id")["day"].transform("min")
    return _case_rows(orders, (orders["day"] > first) * 1.0)


@metric("Delivered as promised", "share", "high")
def on_time(frames: Frames) -> pd.DataFrame:
    """Orders that came by the promised day, judged a week after it, when carriers have reported."""
    promises = frames["promises"]
    due = promises[promises["due_age"] >= CARRIER_DELAY_DAYS]
    judged = due.assign(day=due["day"] + due["age"] - due["due_age"] + CARRIER_DELAY_DAYS)
    return _case_rows(judged, 1.0 - judged["late"])


@metric("At the quoted price", "share", "high")
def as_quoted(frames: Frames) -> pd.DataFrame:
    """Orders with a quoted price that were charged no more."""
    promises = frames["promises"]
    promises = promises[promises["quoted"] == 1]
    return _case_rows(promises, (promises["over_units"] <= 0) * 1.0)


@metric("Rework", "share", "low", "events")
def rework(frames: Frames) -> pd.DataFrame:
    """Orders found faulty or sent back in the period, for each order placed in it."""
    promises = frames["promises"]
    faulty = promises[promises["wrong"] == 1]
    shown = faulty.assign(day=faulty["day"] + faulty["age"] - faulty["fault_age"])
    return _ratio_rows(shown, promises)


@metric("First answer", "hours", "low", "amounts")
def first_answer(frames: Frames) -> pd.DataFrame:
    """Mean hours from a case's first contact to the first answer."""
    cases = frames["cases"]
    return _case_rows(cases, cases["answer_minutes"] / 60)


@metric("Answered within the service level", "share", "high")
def answered_in_time(frames: Frames) -> pd.DataFrame:
    """Cases whose first answer came within the hours that the policy names, once they passed."""
    cases = frames["cases"]
    due = cases[cases["answer_due_age"] > 0]
    return _case_rows(due, 1.0 - due["answer_breach"])


@metric("Turnaround", "days", "low", "amounts")
def turnaround(frames: Frames) -> pd.DataFrame:
    """Mean days from first contact to last resolution, at most the 28 after which it is judged."""
    cases = _judged_cases(frames)
    return _case_rows(
        cases, cases["days_to_end"].fillna(JUDGED_AFTER_DAYS).clip(upper=JUDGED_AFTER_DAYS)
    )


@metric("Solved within the service level", "share", "high")
def ended_in_time(frames: Frames) -> pd.DataFrame:
    """Cases that ended within the days that the policy names, judged after four weeks."""
    cases = _judged_cases(frames)
    return _case_rows(cases, 1.0 - cases["end_breach"])


@metric("Solved the first time", "share", "high")
def solved_once(frames: Frames) -> pd.DataFrame:
    """Cases solved by one contact, judged after four weeks; those still open are not."""
    cases = _judged_cases(frames)
    return _case_rows(cases, cases["solved_once"].fillna(0))


@metric("Reopened", "share", "low")
def reopened(frames: Frames) -> pd.DataFrame:
    """Cases with a contact after a resolution, judged after four weeks."""
    cases = _judged_cases(frames)
    return _case_rows(cases, cases["reopened"])


@metric("Touches per purchase", "per purchase", "low", "events")
def touches(frames: Frames) -> pd.DataFrame:
    """Contacts for each order placed."""
    return _ratio_rows(frames["contacts"], frames["orders"])


@metric("Bills as agreed", "share", "high")
def bills_as_agreed(frames: Frames) -> pd.DataFrame:
    """Bills with an agreed price that were not above it."""
    bills = frames["bills"]
    bills = bills[bills["agreed_units"].notna()]
    return _case_rows(bills, (bills["over_units"] <= 0) * 1.0)


@metric("Payments refused", "share", "low")
def payments_refused(frames: Frames) -> pd.DataFrame:
    """Payments that the bank refused."""
    payments = frames["payments"]
    return _case_rows(payments, payments["refused"])


@metric("Satisfaction", "share", "high", "amounts")
def satisfaction(frames: Frames) -> pd.DataFrame:
    """Mean rating of the service in surveys, from 0 (worst) to 100 %."""
    answers = frames["answers"]
    return _case_rows(answers, answers["rating"])


@metric("Solved, say customers", "share", "high")
def said_solved(frames: Frames) -> pd.DataFrame:
    """Surveys answering that the matter was solved."""
    answers = frames["answers"]
    return _case_rows(answers, answers["solved"])


@metric("Rating of the person", "share", "high", "amounts")
def person(frames: Frames) -> pd.DataFrame:
    """Mean rating of the person who served, from 0 (worst) to 100 %."""
    answers = frames["answers"]
    return _case_rows(answers, answers["person"])


@metric("Portal tasks failed", "share", "low")
def portal_failed(frames: Frames) -> pd.DataFrame:
    """Visits to the portal whose task failed."""
    visits = frames["visits"]
    return _case_rows(visits, visits["failed"])
