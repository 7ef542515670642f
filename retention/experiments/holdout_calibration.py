"""Calibration of each past list, on the customers whom it held out.

Only held-out customers measure a list's churn probabilities, as contacted ones may have stayed
because of the contact. A customer counts with the first list that assigned them, as everywhere in
the analysis.
"""

from typing import Any, Final

import pandas as pd

from models.components.base import Floats
from retention.experiments import analysis
from retention.experiments.follow_up import MATURE, PENDING
from retention.experiments.incremental import Estimate
from retention.experiments.report_data import PastList
from retention.ledgers.assignments import CONTACT, HOLDOUT
from retention.stats import bootstrap, two_sample
from retention.training import metrics

PAST_LISTS: Final = {
    "list_id": "str",
    "as_of": "datetime64[s]",
    "state": "str",  # PENDING or MATURE
    "contact": "int64",  # customers whom it was the first to assign to contact
    "held_out": "int64",  # customers whom it was the first to hold out
    "known": "int64",  # of those held out, with a churn probability and an outcome
    "predicted_held_out": "float64",  # their mean churn probability; null where nobody is known
    "left_held_out": "float64",  # their churn rate, with low and high; null likewise
    "low": "float64",
    "high": "float64",
    "calibrated": "boolean",  # whether low <= predicted <= high; null where too few are known
    "order": "float64",  # ROC AUC among them, with its interval; null likewise
    "order_low": "float64",
    "order_high": "float64",
}
"""Columns of `past_lists`, and their types. Intervals are of 95 %."""

_RESAMPLES, _SEED = 1000, 20260405


def past_lists(
    follow_up: pd.DataFrame, min_held_out: int = two_sample.MIN_ARM_SIZE
) -> pd.DataFrame:
    """Judge every published list by the customers it held out.

    Parameters
    ----------
    follow_up : DataFrame
        FOLLOW_UP.
    min_held_out : int
        Held-out customers with a known outcome below which a list is not judged.

    Returns
    -------
    DataFrame
        PAST_LISTS, one row per list_id, newest first. A list that assigned nobody for the first
        time has no row.
    """
    holdout = analysis.scored_holdout(analysis.analysis_set(follow_up))
    rows = [
        _past_list(str(list_id), assigned, holdout[holdout["list_id"] == list_id], min_held_out)
        for list_id, assigned in follow_up.groupby("list_id")
    ]
    lists = pd.DataFrame(rows, columns=list(PAST_LISTS)).astype(PAST_LISTS)
    return lists.sort_values(["as_of", "list_id"], ascending=False, ignore_index=True)


def for_report(lists: pd.DataFrame) -> tuple[PastList, ...]:
    """Turn past lists into content of the outcomes page.

    Parameters
    ----------
    lists : DataFrame
        PAST_LISTS.

    Returns
    -------
    tuple of PastList
        In the order of the rows.
    """
    return tuple(
        PastList(
            list_id=row["list_id"],
            as_of=row["as_of"].date(),
            is_mature=row["state"] == MATURE,
            contact=row["contact"],
            held_out=row["held_out"],
            n_known=row["known"],
            predicted=row["predicted_held_out"],
            observed=Estimate(row["left_held_out"], row["low"], row["high"]),
            is_calibrated=None if pd.isna(row["calibrated"]) else bool(row["calibrated"]),
            auc=Estimate(row["order"], row["order_low"], row["order_high"]),
        )
        for row in lists.to_dict(orient="records")
    )


def _past_list(
    list_id: str, assigned: pd.DataFrame, holdout: pd.DataFrame, min_held_out: int
) -> dict[str, Any]:
    """One row of PAST_LISTS; what needs outcomes is left out where there are none."""
    row = {
        "list_id": list_id,
        "as_of": assigned["as_of"].iloc[0],
        "state": PENDING if (assigned["state"] == PENDING).any() else MATURE,
        "contact": int((assigned["arm"] == CONTACT).sum()),
        "held_out": int((assigned["arm"] == HOLDOUT).sum()),
        "known": len(holdout),
    }
    if holdout.empty:
        return row
    return row | _calibration(holdout, min_held_out) | _auc(holdout, min_held_out)


def _calibration(holdout: pd.DataFrame, min_held_out: int) -> dict[str, Any]:
    predicted = float(holdout["churn_probability"].mean())
    observed = analysis.wilson_estimate(float(holdout["churned"].mean()), len(holdout))
    is_calibrated = observed.low <= predicted <= observed.high
    return {
        "predicted_held_out": predicted,
        "left_held_out": observed.value,
        "low": observed.low,
        "high": observed.high,
        "calibrated": is_calibrated if len(holdout) >= min_held_out else None,
    }


def holdout_auc(rows: pd.DataFrame, min_held_out: int) -> Estimate | None:
    """ROC AUC of the churn probability among held-out customers of all lists together.

    All on a list are likely to churn, so it is lower than the AUC among all customers.

    Parameters
    ----------
    rows : DataFrame
        The analysis set.
    min_held_out : int
        Customers below which nothing is said.

    Returns
    -------
    Estimate or None
        None where there are too few customers, churners or stayers.
    """
    auc = _auc(analysis.scored_holdout(rows), min_held_out)
    return Estimate(*auc.values()) if auc else None


def _auc(holdout: pd.DataFrame, min_held_out: int) -> dict[str, float]:
    """order, order_low, order_high, in this order; {} where there are too few."""
    churned = holdout["churned"].to_numpy(dtype=float)
    n_rarer = min(churned.sum(), (1 - churned).sum())
    if len(churned) < min_held_out or n_rarer < two_sample.MIN_EVENTS:
        return {}
    predicted = holdout["churn_probability"].to_numpy(dtype=float)
    arrays = [churned, predicted]
    interval = bootstrap.bootstrap(_order, holdout["customer_id"], arrays, _RESAMPLES, _SEED)[
        "order"
    ]
    return _order(churned, predicted) | {"order_low": interval.low, "order_high": interval.high}


def _order(churned: Floats, predicted: Floats) -> dict[str, float]:
    return {"order": metrics.roc_auc(churned, predicted)}
