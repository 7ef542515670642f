"""The metrics of the scorecard, each declared here with the rows that it counts.

A metric is a ratio of two sums (`part` / `whole`) over rows that fall on days, so that it can be
computed for any period and any group. Its rows may come from two frames: touches per purchase are
contacts over orders. A row lies on the day of what it counts; a metric that has to wait for what
becomes of that is computed for periods that end `judged_after` days before today. The docstring of
a metric is the sentence that the page shows.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import pandas as pd

from features.engine.service_grains import COMPLAINTS
from retention.core.params import ChurnLabel, ServiceParams
from retention.scorecard.frames import Frames, case_judged_days
from retention.scorecard.report_data import Better, Unit
from retention.scorecard.tenure_spells import silence_days

CARRIER_DELAY_DAYS = 7  # in which carriers report a delivery
WRITTEN = ("email", "letter", "chat", "portal", "web", "app", "form")
DIMENSIONS = ("channel", "topic", "agent_id")
PER_CUSTOMER_DAYS = 2800.0  # of "per 100 customers and four weeks"

Counted = Literal["cases", "events", "amounts"]


@dataclass(frozen=True)
class Definitions:
    """The company's own rules that a metric waits for."""

    service: ServiceParams
    churn: ChurnLabel


def at_once(_: Definitions) -> int:
    """Nothing has to be waited for."""
    return 0


def when_case_is_judged(definitions: Definitions) -> int:
    return case_judged_days(definitions.service)


def when_answer_was_due(definitions: Definitions) -> int:
    return math.ceil(definitions.service.answer_hours / 24)


def when_carriers_reported(_: Definitions) -> int:
    return CARRIER_DELAY_DAYS


def when_silence_is_long(definitions: Definitions) -> int:
    return silence_days(definitions.churn) if definitions.churn.rule == "silence" else 0


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
    # customer_id, day, part, whole, some of DIMENSIONS; whole is 0 where `per_customer`, for the
    # base is then the days on which customers were there
    rows: Callable[[Frames], pd.DataFrame]
    judged_after: Callable[[Definitions], int]  # days

    @property
    def per_customer(self) -> bool:
        """Whether the metric is a rate per customers and time."""
        return self.unit == "per 100 customers"


METRICS: dict[str, Metric] = {}


def metric(
    title: str,
    unit: Unit,
    better: Better,
    counted: Counted = "cases",
    judged_after: Callable[[Definitions], int] = at_once,
) -> Callable[..., Metric]:
    """Declare a metric; its docstring is its meaning."""

    def declare(rows: Callable[[Frames], pd.DataFrame]) -> Metric:
        meaning = " ".join((rows.__doc__ or "").split())
        name = rows.__name__
        METRICS[name] = Metric(name, title, meaning, unit, better, counted, rows, judged_after)
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
        day=frame["day"].astype("int64"), part=part.astype("float64"), whole=whole
    )
    return rows[~rows["part"].isna()]


def ratio_rows(counted: pd.DataFrame, base: pd.DataFrame) -> pd.DataFrame:
    """Rows of `counted` as parts and rows of `base` as wholes, each on its own day."""
    ones, zeros = (pd.Series(value, index=counted.index) for value in (1.0, 0.0))
    over = base[["customer_id", "day"]].assign(part=0.0, whole=1.0)
    return pd.concat([_metric_rows(counted, ones, zeros), over], ignore_index=True)


def _judged_cases(frames: Frames) -> pd.DataFrame:
    """Cases as they stood when they were judged: judged earlier, new ones would look best.

    Cases judged before the first end on record are left out: ends were not recorded then.
    """
    judged, first_end = frames["judged"], frames["cases"]["ended_age"].max()
    since: pd.DataFrame = judged[judged["age"] - judged["judged_after"] <= first_end]
    return since


def _per_customer_day(frame: pd.DataFrame, counted: "pd.Series[bool]") -> pd.DataFrame:
    """The rows of a frame, of which some are counted: the others tell since when it is recorded."""
    return _metric_rows(frame, counted * 1.0, pd.Series(0.0, index=frame.index))


@metric("Customers lost", "per 100 customers", "low", "events")
def customers_lost(frames: Frames) -> pd.DataFrame:
    """Customers whose last contract ended, per 100 customers and four weeks."""
    presence = frames["presence"]
    ended = presence[presence["recorded"] & ~presence["by_silence"]]
    return _per_customer_day(ended.assign(day=ended["ends"]), ended["ends"].notna())


@metric(
    "Customers fallen silent",
    "per 100 customers",
    "low",
    "events",
    judged_after=when_silence_is_long,
)
def fallen_silent(frames: Frames) -> pd.DataFrame:
    """Customers who bought and then not for as long as the policy lets a customer be silent, per
    100 customers and four weeks; some of them come back later."""
    presence = frames["presence"]
    silent = presence[presence["recorded"] & presence["by_silence"]]
    return _per_customer_day(silent.assign(day=silent["ends"]), silent["ends"].notna())


@metric("Complaints in writing", "per 100 customers", "low", "events")
def complaints_written(frames: Frames) -> pd.DataFrame:
    """Complaints and billing contacts by e-mail, letter, chat or portal, per 100 customers and
    four weeks."""
    contacts = frames["contacts"]
    is_complaint, written = _is_complaint(contacts), contacts["channel"].isin(WRITTEN)
    return _per_customer_day(contacts, is_complaint & written)


@metric("Complaints spoken", "per 100 customers", "low", "events")
def complaints_spoken(frames: Frames) -> pd.DataFrame:
    """Complaints and billing contacts by phone or in person, per 100 customers and four weeks."""
    contacts = frames["contacts"]
    spoken = contacts["channel"].notna() & ~contacts["channel"].isin(WRITTEN)
    return _per_customer_day(contacts, _is_complaint(contacts) & spoken)


@metric("Referrals", "per 100 customers", "high", "events")
def referrals(frames: Frames) -> pd.DataFrame:
    """New customers brought by customers, per 100 customers and four weeks."""
    referred = frames["referrals"]
    return _per_customer_day(referred, referred["day"].notna())


def _is_complaint(contacts: pd.DataFrame) -> "pd.Series[bool]":
    return contacts["topic"].isin(COMPLAINTS)


@metric("Repeat business", "share", "high")
def repeat_business(frames: Frames) -> pd.DataFrame:
    """Orders of customers who had ordered before, of all orders."""
    orders = frames["orders"]
    return _case_rows(orders, orders["repeat"])


@metric("Delivered as promised", "share", "high", judged_after=when_carriers_reported)
def on_time(frames: Frames) -> pd.DataFrame:
    """Orders that came by the promised day; carriers have a week to report."""
    promises = frames["promises"]
    due = promises.assign(day=promises["day"] + promises["age"] - promises["due_age"])
    return _case_rows(due, 1.0 - due["late"])


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
    return ratio_rows(shown, promises)


@metric("First answer", "hours", "low", "amounts")
def first_answer(frames: Frames) -> pd.DataFrame:
    """Mean hours from a case's first contact to the first answer."""
    cases = frames["cases"]
    return _case_rows(cases, cases["answer_minutes"] / 60)


@metric("Answered within the service level", "share", "high", judged_after=when_answer_was_due)
def answered_in_time(frames: Frames) -> pd.DataFrame:
    """Cases whose first answer came within the hours that the policy names, once they passed."""
    cases = frames["cases"]
    return _case_rows(cases, 1.0 - cases["answer_breach"])


@metric("Turnaround", "days", "low", "amounts", judged_after=when_case_is_judged)
def turnaround(frames: Frames) -> pd.DataFrame:
    """Mean days from first contact to last resolution; of a case still open when it is judged, the
    days until then."""
    cases = _judged_cases(frames)
    return _case_rows(cases, cases["days_to_end"].where(cases["open"] == 0, cases["judged_after"]))


@metric("Solved within the service level", "share", "high", judged_after=when_case_is_judged)
def ended_in_time(frames: Frames) -> pd.DataFrame:
    """Cases solved within the days that the policy names; ended without being solved is not."""
    cases = _judged_cases(frames)
    return _case_rows(cases, ((cases["end_breach"] == 0) & (cases["solved"] == 1)) * 1.0)


@metric("Solved the first time", "share", "high", judged_after=when_case_is_judged)
def solved_once(frames: Frames) -> pd.DataFrame:
    """Cases solved by one contact, judged after four weeks; those still open are not."""
    cases = _judged_cases(frames)
    return _case_rows(cases, cases["solved_once"].fillna(0))


@metric("Reopened", "share", "low", judged_after=when_case_is_judged)
def reopened(frames: Frames) -> pd.DataFrame:
    """Cases with a contact after a resolution, judged after four weeks."""
    cases = _judged_cases(frames)
    return _case_rows(cases, cases["reopened"])


@metric("Touches per purchase", "per purchase", "low", "events")
def touches(frames: Frames) -> pd.DataFrame:
    """Contacts for each order placed."""
    contacts, orders = frames["contacts"], frames["orders"]
    recorded = contacts["day"].min()  # before it orders had contacts that nobody wrote down
    return ratio_rows(contacts, orders[orders["day"] >= recorded])


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
