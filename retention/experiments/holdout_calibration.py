"""What each past list had said of the customers left alone, beside what became of them.

Only those held out measure a list's chances of leaving: who was contacted may have stayed for it.
A customer counts with the first list that assigned them, as everywhere in the comparison.
"""

from typing import Any, Final

import pandas as pd

from models.components.base import Floats
from retention.experiments import analysis
from retention.experiments.follow_up import MATURE, PENDING
from retention.experiments.report_data import PastList, RangeEstimate
from retention.ledgers.assignments import CONTACT, HOLDOUT
from retention.stats import bootstrap, two_sample
from retention.training import metrics

PAST_LISTS: Final = {
    "list_id": "str",
    "as_of": "datetime64[s]",
    "state": "str",
    "contact": "int64",
    "held_out": "int64",
    "known": "int64",
    "predicted_held_out": "float64",
    "left_held_out": "float64",
    "low": "float64",
    "high": "float64",
    "calibrated": "boolean",
    "order": "float64",
    "order_low": "float64",
    "order_high": "float64",
}
"""Columns of `past_lists`, and their types. state: waiting or ripe. contact, held_out: whom the
list assigned for the first time. known: of those held out, with a chance of leaving and an
outcome. predicted_held_out: their mean chance; left_held_out: the share that left, low and high
its 95 % interval. calibrated: whether the chance lies within. order: how often one who left had
the higher chance than one who stayed (ROC AUC), with its 95 % interval. The last two are null
where too few are known, all but the counts are where nobody is."""

_RESAMPLES, _SEED = 1000, 20260405


def past_lists(followed: pd.DataFrame, least: int = two_sample.MIN_ARM_SIZE) -> pd.DataFrame:
    """PAST_LISTS, one row a published list, the newest first; unique by list_id.

    followed: rows of `followed.FOLLOWED`; a list that assigned nobody new has none. least:
    customers held out with a known outcome, below which a list is not judged. The same rows give
    the same numbers.
    """
    alone = analysis.scored_holdout(analysis.analysis_set(followed))
    rows = [
        _of_list(str(name), mine, alone[alone["list_id"] == name], least)
        for name, mine in followed.groupby("list_id")
    ]
    found = pd.DataFrame(rows, columns=list(PAST_LISTS)).astype(PAST_LISTS)
    return found.sort_values(["as_of", "list_id"], ascending=False, ignore_index=True)


def past_lists_of_report(found: pd.DataFrame) -> tuple[PastList, ...]:
    """PAST_LISTS as the page of outcomes takes them."""
    return tuple(map(_told, found.to_dict(orient="records")))


def _told(row: dict[Any, Any]) -> PastList:
    return PastList(
        list_id=row["list_id"],
        as_of=row["as_of"].date(),
        is_mature=row["state"] == MATURE,
        contact=row["contact"],
        held_out=row["held_out"],
        n_known=row["known"],
        predicted=row["predicted_held_out"],
        observed=RangeEstimate(row["left_held_out"], row["low"], row["high"]),
        is_calibrated=None if pd.isna(row["calibrated"]) else bool(row["calibrated"]),
        auc=RangeEstimate(row["order"], row["order_low"], row["order_high"]),
    )


def _of_list(name: str, mine: pd.DataFrame, alone: pd.DataFrame, least: int) -> dict[str, Any]:
    """One row of PAST_LISTS, but for what nothing is known of."""
    row = {
        "list_id": name,
        "as_of": mine["as_of"].iloc[0],
        "state": PENDING if (mine["state"] == PENDING).any() else MATURE,
        "contact": int((mine["arm"] == CONTACT).sum()),
        "held_out": int((mine["arm"] == HOLDOUT).sum()),
        "known": len(alone),
    }
    return row | (_said_and_left(alone, least) | auc_with_interval(alone, least) if len(alone) else {})


def _said_and_left(alone: pd.DataFrame, least: int) -> dict[str, Any]:
    said = float(alone["churn_probability"].mean())
    left = analysis.wilson_estimate(float(alone["churned"].mean()), len(alone))
    return {
        "predicted_held_out": said,
        "left_held_out": left.value,
        "low": left.low,
        "high": left.high,
        "calibrated": left.low <= said <= left.high if len(alone) >= least else None,
    }


def holdout_auc(rows: pd.DataFrame, least: int) -> RangeEstimate | None:
    """The order over all lists together; rows of `measured.compared`. None of too few."""
    found = auc_with_interval(analysis.scored_holdout(rows), least)
    return RangeEstimate(*found.values()) if found else None


def auc_with_interval(alone: pd.DataFrame, least: int) -> dict[str, float]:
    """order, order_low, order_high of customers left alone, in this order; {} of too few.

    The order is only that among those chosen, who are all likely to leave: lower than that among
    all customers, and no fault of the model.
    """
    left = alone["churned"].to_numpy(dtype=float)
    if len(left) < least or min(left.sum(), (1 - left).sum()) < two_sample.MIN_EVENTS:
        return {}
    said = alone["churn_probability"].to_numpy(dtype=float)
    spread = bootstrap.bootstrap(_order, alone["customer_id"], [left, said], _RESAMPLES, _SEED)
    ends = spread["order"]
    return {**_order(left, said), "order_low": ends.low, "order_high": ends.high}


def _order(left: Floats, said: Floats) -> dict[str, float]:
    return {"order": metrics.roc_auc(left, said)}
