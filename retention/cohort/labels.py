"""Labels: whether the customers of a cohort churned, their value, and their experimental arm."""

import narwhals as nw
import pyarrow as pa

from retention.cohort.episodes import contract_chains
from retention.core import artefacts, point_in_time
from retention.core.events import (
    CONTACT,
    CONTACTED,
    CONTACTED_NOT_RANDOMISED,
    HELD_OUT,
    HOLDOUT,
    MONEY_UNITS,
)
from retention.core.params import ChurnLabel, LabelParams, ValueLabel
from retention.core.point_in_time import Frame, Window
from retention.ledgers import outcomes

SCHEMA = artefacts.LABELS.schema.append(pa.field("dropped", pa.string()))
"""The labels, and why a row is left out of them; null where it is not."""

ENDED_IN_GAP = "ended in the gap"
ENDED_EARLIER = "had ended before the snapshot, known only later"
NOT_BEGUN = "had not begun before the snapshot, known only later"


def churned_by_silence(cohort: Frame, history: Frame, window: Window, label: ChurnLabel) -> Frame:
    """Rule `silence`: churned when none of the label's kinds falls into the window."""
    returns = history.filter(
        nw.col("kind").is_in(label.kinds), window.contains(nw.col("occurred_day"))
    )
    returned = returns.group_by("customer_id").agg(back=nw.col("occurred_day").min())
    return cohort.join(returned, on="customer_id", how="left").select(
        "customer_id",
        churned=nw.col("back").is_null(),
        decided_day=nw.col("back").fill_null(window.end),
        dropped=nw.lit(None, nw.String()),
    )


def last_ends(history: Frame, snapshot: int) -> Frame:
    """The end of each customer's chain that was running at the snapshot, or of the last before it.

    Columns customer_id, ends_on. A chain that begins at the snapshot or later is a return.
    """
    begun = contract_chains(history).filter(nw.col("begins") < snapshot)
    return begun.group_by("customer_id").agg(ends_on=nw.col("ends_on").max())


def churned_by_cancellation(cohort: Frame, history: Frame, window: Window, snapshot: int) -> Frame:
    """Rule `cancel`: churned when the last live contract ends in the window.

    Customers whose last contract ends before the window opens, or turns out not to have begun at
    the snapshot, are dropped, with the reason.
    """
    joined = cohort.join(last_ends(history, snapshot), on="customer_id", how="left")
    day = nw.col("ends_on")
    # The cohort was taken from what was known at the snapshot, the label from what is known now.
    # Where the two disagree the customer was no subscriber at the snapshot, and there is nothing to
    # predict: an end before it, or no chain that had begun (null). An end in the gap comes too
    # early to be predicted. The first condition that holds is the reason.
    reason = (
        nw.when(day < snapshot)
        .then(nw.lit(ENDED_EARLIER))
        .when(day < window.start)
        .then(nw.lit(ENDED_IN_GAP))
        .when(day.is_null())
        .then(nw.lit(NOT_BEGUN))
    )
    left = window.contains(day)
    return joined.select(
        "customer_id",
        churned=left,
        decided_day=nw.when(left).then(day).otherwise(nw.lit(window.end)),
        dropped=reason,
    )


def value(history: Frame, window: Window, label: ValueLabel) -> Frame:
    """Net value per customer with events in the window: customer_id, value (money units).

    margin x amount of `kinds` - cost of `cost_kinds`, each event discounted by its day:
    (1 + annual_discount) ^ -(days since the window opened / 365). Sums are over integers.
    """
    money = history.filter(window.contains(nw.col("occurred_day")))
    return (
        money.with_columns(net=net_units(window.start, label))
        .group_by("customer_id")
        .agg(value=nw.col("net").sum())
    )


def net_units(start: int, label: ValueLabel) -> nw.Expr:
    """Net value of an event in money units, discounted to a day, as `value` sums it."""
    amount = nw.when(nw.col("kind").is_in(label.kinds)).then(_units("amount") * label.margin)
    cost = nw.when(nw.col("kind").is_in(label.cost_kinds)).then(_units("cost"))
    years = (nw.col("occurred_day") - start) / 365.0
    discount = nw.lit(1.0 + label.annual_discount) ** (-years)
    net = (amount.otherwise(0.0) - cost.otherwise(0.0)) * discount
    return net.round().cast(nw.Int64())


def _units(column: str) -> nw.Expr:
    return (nw.col(column) * MONEY_UNITS).cast(nw.Int64()).fill_null(0).cast(nw.Float64())


def arms(
    history: Frame,
    assignments: Frame | None,
    snapshot: int,
    window: Window,
    campaign_days: int = 0,
) -> Frame:
    """The arm of each customer who was contacted or randomised until the window's end.

    Columns customer_id, arm, campaign_arm, outreach_day; see LABELS. assignments: those of the
    published lists (columns of assignment_history.ASSIGNED), which last for `campaign_days`.

    Who was assigned before the snapshot, and still is on it, keeps that arm: who is contacted again
    is CONTACTED as randomised, as the held out of the same draw could not be. Of the others the
    first outreach decides, as later ones depend on who stayed; on one day a contact comes before a
    holdout. A contact that staff entered and that no assignment precedes (a fault put right, a
    notice answered) is CONTACTED_NOT_RANDOMISED: nobody was held out from it.
    """
    day = nw.col("occurred_day")
    outreach = history.filter(nw.col("kind") == "outreach").select(*_OUTREACH, "source")
    if assignments is None:
        return _first_outreach(outreach, snapshot, window).with_columns(
            campaign_arm=nw.lit(None, nw.String())
        )
    from_lists = assignments.select(*_OUTREACH, source=nw.lit("lists"))
    outreach = nw.concat([outreach, from_lists], how="vertical")
    first = _first_outreach(outreach, snapshot, window)
    is_on = (day < snapshot) & (day > snapshot - campaign_days)
    running = (
        assignments.filter(is_on)
        .with_columns(held=(nw.col("treatment") == HOLDOUT).cast(nw.Int64()))
        .group_by("customer_id")
        .agg(held=nw.col("held").max())
        .select(
            "customer_id",
            campaign_arm=nw.when(nw.col("held") == 1)
            .then(nw.lit(HOLDOUT))
            .otherwise(nw.lit(CONTACT)),
        )
    )
    both = first.join(running, on="customer_id", how="full", suffix="_running")
    keeps = (
        nw.when(nw.col("campaign_arm") == HOLDOUT)
        .then(nw.lit(HELD_OUT))
        .when((nw.col("campaign_arm") == CONTACT) & nw.col("arm").is_null())
        .then(nw.lit(None, nw.String()))
        .when(nw.col("campaign_arm") == CONTACT)
        .then(nw.lit(CONTACTED))
        .otherwise(nw.col("arm"))
    )
    return both.select(
        nw.coalesce("customer_id", "customer_id_running").alias("customer_id"),
        "campaign_arm",
        "outreach_day",
        arm=keeps,
    )


def _first_outreach(outreach: Frame, snapshot: int, window: Window) -> Frame:
    """customer_id, arm and outreach_day of the first outreach from the snapshot on."""
    day = nw.col("occurred_day")
    outreach = outreach.filter(day >= snapshot, day < window.end)
    held_out = nw.col("treatment").fill_null(CONTACTED) == HOLDOUT
    staff_entry = nw.when(nw.col("source") == outcomes.SOURCE).then(2).otherwise(0)
    arm_index = nw.when(held_out).then(1).otherwise(staff_entry)
    # One minimum gives the earliest day and, on that day, the first arm in the order of ARMS; the
    # remainder gives the arm back.
    first = (
        outreach.with_columns(order=day * len(ARMS) + arm_index)
        .group_by("customer_id")
        .agg(order=nw.col("order").min())
        .with_columns(arm_index=nw.col("order") % len(ARMS))
    )
    other = (
        nw.when(nw.col("arm_index") == 1)
        .then(nw.lit(HELD_OUT))
        .otherwise(nw.lit(CONTACTED_NOT_RANDOMISED))
    )
    arm = nw.when(nw.col("arm_index") == 0).then(nw.lit(CONTACTED)).otherwise(other)
    return first.select(
        "customer_id", arm=arm, outreach_day=(nw.col("order") - nw.col("arm_index")) // len(ARMS)
    )


_OUTREACH = ["customer_id", "occurred_day", "treatment"]
ARMS = (CONTACTED, HELD_OUT, CONTACTED_NOT_RANDOMISED)


def label_cohort(
    cohort: Frame,
    history: Frame,
    snapshot: int,
    label_params: LabelParams,
    assignments: Frame | None = None,
    campaign_days: int = 0,
) -> Frame:
    """The labels of the cohort (customer_id) of one mature snapshot, as SCHEMA.

    history: everything known before as_of. assignments, campaign_days: as `arms` takes them.
    """
    churn_days = point_in_time.churn_window(snapshot, label_params.churn)
    value_days = point_in_time.value_window(snapshot, label_params.churn, label_params.value)
    if label_params.churn.rule == "silence":
        outcome = churned_by_silence(cohort, history, churn_days, label_params.churn)
    else:
        outcome = churned_by_cancellation(cohort, history, churn_days, snapshot)
    values = value(history, value_days, label_params.value)
    arm = arms(history, assignments, snapshot, churn_days, campaign_days)
    outcome = outcome.join(arm, on="customer_id", how="left")
    return outcome.join(values, on="customer_id", how="left").select(
        "customer_id",
        nw.lit(point_in_time.date_of(snapshot), nw.Date()).alias("snapshot_on"),
        "churned",
        nw.col("value").fill_null(0) / MONEY_UNITS,
        "arm",
        "campaign_arm",
        (nw.col("outreach_day") - snapshot).cast(nw.Int32()).alias("outreach_after"),
        (nw.col("decided_day") - snapshot).cast(nw.Int32()).alias("decided_after"),
        "dropped",
    )
