"""The state of each customer of a cohort: the numbers that lanes and plays read."""

from typing import Any, Final

import narwhals as nw
import pandas as pd

from features.engine import service_grains
from features.engine.base import CUSTOMER, DECIMALS, count, money, total, units
from retention.core.events import CALL_BACK, HANDOVER, HOLDOUT, OVERRIDE
from retention.core.params import ValueLabel
from retention.core.point_in_time import Frame
from retention.interactions import owed
from retention.interactions.frames import CohortRows, newest

YEAR: Final = 365
QUARTER, HALF_YEAR = 90, 182
NOT_REACHED: Final = ("not reached", "wrong person")
"""Topics of an outreach that did not reach the customer."""

INTERACTIONS: Final = ("purchase", "contact", "visit", "referral", "redemption")
"""Kinds of event by which a customer interacts with the company, beside answers to surveys."""

NUMBERS: Final = (
    "tenure_days",
    "open_cases",
    "oldest_open_days",
    "unsolved_cases",
    "unsolved_days",
    "faulty_order_days",
    "case_due_days",
    "billing_error_days",
    "broken_promise_days",
    "fixed_days",
    "last_outreach_days",
    "call_back_days",
    "override_days",
    "contacts_365d",
    "serving_cost_365d",
    "revenue_365d",
    "last_dealing_days",
    "failures_90d",
)
_COUNTS: Final = (
    "open_cases",
    "unsolved_cases",
    "contacts_365d",
    "serving_cost_365d",
    "revenue_365d",
    "failures_90d",
)


def customer_states(rows: CohortRows, value_label: ValueLabel) -> pd.DataFrame:
    """Index customer_id: NUMBERS, notice_age, ends_in, last_outreach, handed_to, causes,
    usual_channel.

    Days are counted back from the snapshot and null where there was nothing; counts and money
    of nothing are 0.
    """
    outreach, staff = rows.collect(_outreach(rows)), _staff_records(rows)
    last_outreach = _min_age(outreach)
    overcharges = rows.overcharges
    unsolved, faulty_orders = owed.unsolved_cases(rows), owed.faulty_orders(rows)
    unsolved = unsolved[rows.counts_as_owed(unsolved)]
    faulty_orders = faulty_orders[rows.counts_as_owed(faulty_orders)]
    owed_cases = pd.concat([rows.open_cases, unsolved])
    columns: dict[str, pd.Series[Any]] = {
        **_sums(rows, value_label),
        "open_cases": rows.open_cases.groupby("customer_id").size(),
        "oldest_open_days": rows.open_cases.groupby("customer_id")["age"].max(),
        "unsolved_cases": unsolved.groupby("customer_id").size(),
        "unsolved_days": _min_age(unsolved),
        "faulty_order_days": _min_age(faulty_orders),
        "case_due_days": _days_due(owed_cases).groupby(owed_cases["customer_id"]).max(),
        "billing_error_days": _min_age(overcharges[~overcharges["corrected"]]),
        "broken_promise_days": _min_age(rows.awaited, "due_age"),
        "fixed_days": _min_age(rows.put_right[rows.put_right["age"] <= YEAR]),
        "last_outreach_days": last_outreach,
        "call_back_days": _call_back_days(staff, last_outreach),
        "override_days": _min_age(staff[staff["kind"] == OVERRIDE]),
        "handed_to": _newest_of(HANDOVER, staff)["agent_id"],
        "last_outreach": newest(outreach, "event_id").set_index("customer_id")["treatment"],
        "notice_age": rows.notices.set_index("customer_id")["age"],
        "ends_in": rows.notices.set_index("customer_id")["ends_in"],
        "failures_90d": _recent(rows, QUARTER).groupby("customer_id").size(),
        "causes": _causes(_recent(rows, HALF_YEAR)),
        "usual_channel": _usual_channel(rows[service_grains.contacts]),
    }
    table = pd.DataFrame({name: column.reindex(rows.customers) for name, column in columns.items()})
    table = table.astype(dict.fromkeys((*NUMBERS, "notice_age", "ends_in"), float))
    return table.assign(**{name: table[name].fillna(0.0) for name in _COUNTS})


def _min_age(rows: pd.DataFrame, age: str = "age") -> "pd.Series[float]":
    return rows.groupby("customer_id")[age].min()


def _days_due(cases: pd.DataFrame) -> "pd.Series[float]":
    """Days since each case was to be answered, or ended, by the service level; negative: ahead."""
    end_due = cases["overdue_age"].astype(float).fillna(cases["end_due_age"])
    answer_due = cases["answer_due_age"].where(cases["answered_age"].isna())
    return pd.concat([end_due, answer_due.astype(float)], axis=1).max(axis=1)


def _sums(rows: CohortRows, value_label: ValueLabel) -> dict[str, "pd.Series[float]"]:
    """What is summed over all events of a customer, whatever their kind."""
    this_year = nw.col("age") <= YEAR
    earning = this_year & nw.col("kind").is_in(value_label.kinds)
    revenue = money(total("amount_units", earning))
    in_units = {f"{name}_units": units(name) for name in ("amount", "cost")}
    sums = (
        rows.past.all_events.with_columns(**in_units)
        .group_by("customer_id")
        .agg(
            first_age=nw.col("age").max(),
            contacts_365d=count(this_year & (nw.col("kind") == "contact")),
            serving_cost_365d=money(total("cost_units", this_year)),
            revenue_365d=(revenue * value_label.margin).round(DECIMALS),
            interaction_age=nw.when(nw.col("kind").is_in(INTERACTIONS)).then(nw.col("age")).min(),
        )
    )
    table = rows.collect(sums).set_index("customer_id")
    tenure = rows[CUSTOMER].set_index("customer_id")["tenure"].reindex(rows.customers)
    answers = rows[service_grains.answers]
    answered = _min_age(answers[answers["asked"] == 0])
    interacted = pd.concat([table.pop("interaction_age"), answered], axis=1).min(axis=1)
    tenure = tenure.fillna(table.pop("first_age").reindex(rows.customers))
    counts = {str(name): column for name, column in table.items()}
    return {"tenure_days": tenure, "last_dealing_days": interacted, **counts}


def _staff_records(rows: CohortRows) -> pd.DataFrame:
    """What staff recorded beside contacts; since: days since a day that was agreed, or until it."""
    since = rows.past.snapshot - nw.col("effective_day")
    records = rows.past.events(CALL_BACK, HANDOVER, OVERRIDE)
    return rows.collect(
        records.select("customer_id", "kind", "age", "event_id", "agent_id", since=since)
    )


def _newest_of(kind: str, staff: pd.DataFrame) -> pd.DataFrame:
    return newest(staff[staff["kind"] == kind], "event_id").set_index("customer_id")


def _call_back_days(staff: pd.DataFrame, last_outreach: "pd.Series[float]") -> "pd.Series[float]":
    """Days since the day for which a call was agreed, negative: ahead; null where it was made."""
    since = _newest_of(CALL_BACK, staff)["since"].astype(float)
    was_made = last_outreach.reindex(since.index) <= since
    return since[~was_made]


def _outreach(rows: CohortRows) -> Frame:
    """The outreach that reached its customer: not that to the held out, nor failed calls."""
    outreach = rows.past.events("outreach").select(
        "customer_id", "age", "event_id", "treatment", "topic"
    )
    reached = ~nw.col("topic").is_in(NOT_REACHED).fill_null(False)
    return outreach.filter((nw.col("treatment") != HOLDOUT).fill_null(True), reached)


def _recent(rows: CohortRows, days: int) -> pd.DataFrame:
    failures = rows[service_grains.failures]
    return failures[failures["age"] <= days]


def _causes(failures: pd.DataFrame) -> "pd.Series[str]":
    """Per customer the list of different causes, newest first, of one day by name."""
    ordered = failures.sort_values(["customer_id", "age", "cause"])
    once = ordered.drop_duplicates(["customer_id", "cause"])
    return once.groupby("customer_id")["cause"].agg(list)


def _usual_channel(contacts: pd.DataFrame) -> "pd.Series[str]":
    """The channel of most contacts, of equals the first by name."""
    used = contacts.groupby(["customer_id", "channel"]).size().rename("times").reset_index()
    order = ["customer_id", "times", "channel"]
    ordered = used.sort_values(order, ascending=[True, False, True])
    return ordered.drop_duplicates("customer_id").set_index("customer_id")["channel"]
