"""What the scorecard measures, each in this one place: the rows it counts and over what.

A measure is a sum over a sum (`part` / `whole`) of rows that fall on days, so that it can be taken
for any period and any group. Its rows may come from two frames: touches per purchase are contacts
over orders.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from features.engine.service_grains import COMPLAINTS
from retention.scorecard.frames import Frames
from retention.scorecard.report_data import Better, Unit

FOLLOWED = 28  # days after which a case is judged
REPORTED = 7  # days in which carriers report a delivery
WRITTEN = ("email", "letter", "chat", "portal", "web", "app", "form")
DIMENSIONS = ("channel", "topic", "agent_id")

Counted = Literal["cases", "events", "amounts"]


@dataclass(frozen=True)
class Measure:
    """`rows` gives customer_id, day, part, whole, and those of DIMENSIONS that make sense.

    `counted`: parts are `cases` (0 or 1 of each whole), `events` (counts over something) or
    `amounts` (hours, ratings) of which the mean is taken.
    """

    name: str
    title: str
    meaning: str
    unit: Unit
    better: Better
    counted: Counted
    rows: Callable[[Frames], pd.DataFrame]


MEASURES: dict[str, Measure] = {}


def measure(
    title: str, unit: Unit, better: Better, counted: Counted = "cases"
) -> Callable[..., Measure]:
    """Declare a measure; its docstring is its meaning."""

    def declare(rows: Callable[[Frames], pd.DataFrame]) -> Measure:
        meaning = " ".join((rows.__doc__ or "").split())
        name = rows.__name__
        MEASURES[name] = Measure(name, title, meaning, unit, better, counted, rows)
        return MEASURES[name]

    return declare


def _share(frame: pd.DataFrame, part: "pd.Series[float]") -> pd.DataFrame:
    """Rows where `part` is known, each counting once."""
    return _rows(frame, part, pd.Series(1.0, index=frame.index))


def _rows(frame: pd.DataFrame, part: "pd.Series[float]", whole: "pd.Series[float]") -> pd.DataFrame:
    kept = [one for one in DIMENSIONS if one in frame]
    told = frame[["customer_id", *kept]].assign(
        day=frame["day"], part=part.astype("float64"), whole=whole
    )
    return told[~told["part"].isna()]


def _over(counted: pd.DataFrame, placed: pd.DataFrame) -> pd.DataFrame:
    """One frame's rows for each of another's, each on its own day."""
    one, none = (pd.Series(value, index=counted.index) for value in (1.0, 0.0))
    over = placed[["customer_id", "day"]].assign(part=0.0, whole=1.0)
    return pd.concat([_rows(counted, one, none), over], ignore_index=True)


def _judged(frames: Frames) -> pd.DataFrame:
    """Cases FOLLOWED days after their first contact: judged earlier, the latest would look best.

    Those judged before the first end on record are left out: nobody told of ends then.
    """
    told = frames["cases"]
    judged_age = told["age"] - FOLLOWED
    old: pd.DataFrame = told[(judged_age >= 0) & (judged_age <= told["ended_age"].max())]
    return old.assign(day=old["day"] + FOLLOWED)


def _per_hundred(frame: pd.DataFrame, present: pd.DataFrame) -> pd.DataFrame:
    """Events over customers: a hundred of them in a month of 28 days.

    Both fall on the first day of that month, so that no stretch of days has one without the other.
    """
    begun = np.sort(present["period"].unique())
    place = np.searchsorted(begun, frame["day"].to_numpy(), side="right") - 1
    inside = frame[place >= 0]
    counted = inside.assign(day=begun[place[place >= 0]])
    events = _rows(counted, pd.Series(1.0, index=inside.index), pd.Series(0.0, index=inside.index))
    there = present[["customer_id"]].assign(day=present["period"], part=0.0, whole=0.01)
    return pd.concat([events, there], ignore_index=True)


def _complaints(frames: Frames) -> pd.DataFrame:
    told = frames["contacts"]
    return told[told["topic"].isin(COMPLAINTS)]


@measure("Customers lost", "per 100 customers", "low", "events")
def customers_lost(frames: Frames) -> pd.DataFrame:
    """Customers who left, per 100 customers and four weeks."""
    present = frames["present"].rename(columns={"period": "day"})
    return present[["customer_id", "day"]].assign(part=present["left"] * 1.0, whole=0.01)


@measure("Complaints in writing", "per 100 customers", "low", "events")
def complaints_written(frames: Frames) -> pd.DataFrame:
    """Complaints and billing contacts by e-mail, letter, chat or portal, per 100 customers and
    four weeks."""
    told = _complaints(frames)
    return _per_hundred(told[told["channel"].isin(WRITTEN)], frames["present"])


@measure("Complaints spoken", "per 100 customers", "low", "events")
def complaints_spoken(frames: Frames) -> pd.DataFrame:
    """Complaints and billing contacts by phone or in person, per 100 customers and four weeks."""
    told = _complaints(frames)
    spoken = told["channel"].notna() & ~told["channel"].isin(WRITTEN)
    return _per_hundred(told[spoken], frames["present"])


@measure("Referrals", "per 100 customers", "high", "events")
def referrals(frames: Frames) -> pd.DataFrame:
    """New customers brought by customers, per 100 customers and four weeks."""
    return _per_hundred(frames["referrals"], frames["present"])


@measure("Repeat business", "share", "high")
def repeat_business(frames: Frames) -> pd.DataFrame:
    """Orders of customers who had ordered before, of all orders."""
    told = frames["orders"]
    first = told.groupby("customer_id")["day"].transform("min")
    return _share(told, (told["day"] > first) * 1.0)


@measure("Delivered as promised", "share", "high")
def on_time(frames: Frames) -> pd.DataFrame:
    """Orders that came by the promised day, judged a week after it, when carriers have reported."""
    told = frames["promises"]
    due = told[told["due_age"] >= REPORTED]
    judged = due.assign(day=due["day"] + due["age"] - due["due_age"] + REPORTED)
    return _share(judged, 1.0 - judged["late"])


@measure("At the quoted price", "share", "high")
def as_quoted(frames: Frames) -> pd.DataFrame:
    """Orders with a quoted price that were charged no more."""
    told = frames["promises"]
    told = told[told["quoted"] == 1]
    return _share(told, (told["over_units"] <= 0) * 1.0)


@measure("Rework", "share", "low", "events")
def rework(frames: Frames) -> pd.DataFrame:
    """Orders found faulty or sent back in the period, for each order placed in it."""
    told = frames["promises"]
    faulty = told[told["wrong"] == 1]
    shown = faulty.assign(day=faulty["day"] + faulty["age"] - faulty["fault_age"])
    return _over(shown, told)


@measure("First answer", "hours", "low", "amounts")
def first_answer(frames: Frames) -> pd.DataFrame:
    """Mean hours from a case's first contact to the first answer."""
    told = frames["cases"]
    return _share(told, told["answer_minutes"] / 60)


@measure("Answered within the service level", "share", "high")
def answered_in_time(frames: Frames) -> pd.DataFrame:
    """Cases whose first answer came within the hours that the policy names, once they passed."""
    told = frames["cases"]
    due = told[told["answer_due_age"] > 0]
    return _share(due, 1.0 - due["answer_breach"])


@measure("Turnaround", "days", "low", "amounts")
def turnaround(frames: Frames) -> pd.DataFrame:
    """Mean days from first contact to last resolution, at most the 28 after which it is judged."""
    told = _judged(frames)
    return _share(told, told["days_to_end"].fillna(FOLLOWED).clip(upper=FOLLOWED))


@measure("Solved within the service level", "share", "high")
def ended_in_time(frames: Frames) -> pd.DataFrame:
    """Cases that ended within the days that the policy names, judged after four weeks."""
    told = _judged(frames)
    return _share(told, 1.0 - told["end_breach"])


@measure("Solved the first time", "share", "high")
def solved_once(frames: Frames) -> pd.DataFrame:
    """Cases solved by one contact, judged after four weeks; those still open are not."""
    told = _judged(frames)
    return _share(told, told["solved_once"].fillna(0))


@measure("Reopened", "share", "low")
def reopened(frames: Frames) -> pd.DataFrame:
    """Cases with a contact after a resolution, judged after four weeks."""
    told = _judged(frames)
    return _share(told, told["reopened"])


@measure("Touches per purchase", "per purchase", "low", "events")
def touches(frames: Frames) -> pd.DataFrame:
    """Contacts for each order placed."""
    return _over(frames["contacts"], frames["orders"])


@measure("Bills as agreed", "share", "high")
def bills_as_agreed(frames: Frames) -> pd.DataFrame:
    """Bills with an agreed price that were not above it."""
    told = frames["bills"]
    told = told[told["agreed_units"].notna()]
    return _share(told, (told["over_units"] <= 0) * 1.0)


@measure("Payments refused", "share", "low")
def payments_refused(frames: Frames) -> pd.DataFrame:
    """Payments that the bank refused."""
    told = frames["payments"]
    return _share(told, told["refused"])


@measure("Satisfaction", "share", "high", "amounts")
def satisfaction(frames: Frames) -> pd.DataFrame:
    """Mean rating of the service in surveys, from 0 (worst) to 100 %."""
    told = frames["answers"]
    return _share(told, told["rating"])


@measure("Solved, say customers", "share", "high")
def said_solved(frames: Frames) -> pd.DataFrame:
    """Surveys answering that the matter was solved."""
    told = frames["answers"]
    return _share(told, told["solved"])


@measure("Rating of the person", "share", "high", "amounts")
def person(frames: Frames) -> pd.DataFrame:
    """Mean rating of the person who served, from 0 (worst) to 100 %."""
    told = frames["answers"]
    return _share(told, told["person"])


@measure("Portal tasks failed", "share", "low")
def portal_failed(frames: Frames) -> pd.DataFrame:
    """Visits to the portal whose task failed."""
    told = frames["visits"]
    return _share(told, told["failed"])
