"""After how many days customers left, and what they brought, as far as it is known.

The clock starts when the churn window opens. A customer of the rule `cancel` has left within h days
when the contract chain that ran at the snapshot ended on one of them. One of the rule `silence` has
left within h days when a silence as long as the label's horizon is complete by then, counted from
the opening on. So both have left within the label's horizon exactly when they churned, and who has
left within h has left within any longer time. Who bought again after such a silence has come back.
"""

import narwhals as nw

from retention.cohort.labels import last_ends, net_units
from retention.core import point_in_time
from retention.core.events import MONEY_UNITS
from retention.core.params import ChurnLabel, LabelParams
from retention.core.point_in_time import Frame


def durations(
    cohort: Frame, history: Frame, snapshot: int, churn: ChurnLabel, followed: int
) -> Frame:
    """customer_id, snapshot_on, left_after, followed; see DURATIONS.

    cohort: customer_id. history: everything known before as_of. followed: days that are read.
    Customers whose contract ended before the window opens, or had not begun, are left out.
    """
    opens = snapshot + churn.gap_days
    if churn.rule == "cancel":
        left = _by_cancellation(cohort, history, snapshot, opens)
    else:
        left = _by_silence(cohort, history, opens, churn, followed)
    is_known = nw.col("left_after") <= followed
    return left.select(
        "customer_id",
        nw.lit(point_in_time.date_of(snapshot), nw.Date()).alias("snapshot_on"),
        nw.when(is_known).then(nw.col("left_after")).cast(nw.Int32()).alias("left_after"),
        nw.lit(followed, nw.Int32()).alias("followed"),
    )


def _by_cancellation(cohort: Frame, history: Frame, snapshot: int, opens: int) -> Frame:
    ends = last_ends(history, snapshot).filter(nw.col("ends_on") >= opens)
    joined = cohort.select("customer_id").join(ends, on="customer_id", how="inner")
    return joined.select("customer_id", left_after=nw.col("ends_on") - opens + 1)


def _by_silence(
    cohort: Frame, history: Frame, opens: int, churn: ChurnLabel, followed: int
) -> Frame:
    """The first day by which `horizon_days` without an event of the label's kinds are complete."""
    day = nw.col("occurred_day")
    back = history.filter(
        nw.col("kind").is_in(churn.kinds), day >= opens, day < opens + followed
    ).select("customer_id", day=nw.col("occurred_day").cast(nw.Int64()))
    customers = cohort.select("customer_id")
    opening = customers.with_columns(day=nw.lit(opens - 1, nw.Int64()))
    back = back.join(customers, on="customer_id", how="inner")
    days = nw.concat([opening, back], how="vertical").unique(subset=["customer_id", "day"])
    following = nw.col("day").shift(-1).over("customer_id", order_by="day")
    is_silent = nw.col("following").is_null() | (
        nw.col("following") - nw.col("day") > churn.horizon_days
    )
    complete = nw.col("day") - (opens - 1) + churn.horizon_days
    return (
        days.with_columns(following=following)
        .filter(is_silent)
        .with_columns(complete=complete)
        .group_by("customer_id")
        .agg(left_after=nw.col("complete").min())
    )


def later_values(
    cohort: Frame, history: Frame, snapshot: int, labels: LabelParams, followed: int
) -> Frame:
    """customer_id, snapshot_on, window, value; see LATER_VALUES. followed: as of `durations`."""
    opens, length = snapshot + labels.churn.gap_days, labels.value.horizon_days
    windows = followed // length
    day = nw.col("occurred_day")
    money = history.filter(day >= opens + length, day < opens + windows * length)
    return (
        money.join(cohort.select("customer_id"), on="customer_id", how="inner")
        .with_columns(
            net=net_units(opens, labels.value),
            window=((nw.col("occurred_day") - opens) // length + 1).cast(nw.Int32()),
        )
        .group_by("customer_id", "window")
        .agg(net=nw.col("net").sum())
        .filter(nw.col("net") != 0)
        .select(
            "customer_id",
            nw.lit(point_in_time.date_of(snapshot), nw.Date()).alias("snapshot_on"),
            "window",
            value=nw.col("net") / MONEY_UNITS,
        )
    )
