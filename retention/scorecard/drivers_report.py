"""Why customers leave: losses by documented cause, as the page tells them."""

from collections.abc import Hashable
from typing import Any

import numpy as np
import pandas as pd

from retention.core.params import ChurnLabel
from retention.core.point_in_time import date_of
from retention.scorecard import (
    churn_by_cause,
    churn_drivers,
    purchases_at_risk,
    tenure_spells,
)
from retention.scorecard.frames import Frames
from retention.scorecard.report_data import CauseReport, ChurnDrivers
from retention.stats.intervals import UNKNOWN

PERIOD_DAYS = 28  # in which the season and a contract customer's tenure count as one
TITLES = {
    "late": "delivered late",
    "not_right_first_time": "not right the first time",
    "overcharged": "charged above the agreed price",
    "price_rise": "price raised",
    "payment_failed": "payment refused",
    "not_addressed": "concern not addressed",
    "unprofessional": "unprofessional service",
    "impersonal": "treated as a number",
    "poor_result": "poor result",
    "treated_badly": "treated badly",
}
NOT_CAUSES = (
    "These are associations, not causes: customers with a trouble are compared with customers "
    "alike in tenure, season, renewal and acquisition who had none, and something else may set "
    "them apart. Only an experiment can say what mending a trouble would save, and mending one "
    "saves fewer than its excess, for some would have left over another or anyway."
)
RECORDED_ONLY = (
    "Only what is on record is counted: who left over a trouble that nobody complained of or wrote"
    " down is among the losses without one, so that a trouble of which few complain is worth more"
    " than its row."
)


def drivers_report(
    tenure: pd.DataFrame,
    frames: Frames,
    channel: "pd.Series[str]",
    churn: ChurnLabel,
    as_of: int,
) -> ChurnDrivers:
    """Losses by first documented cause; tenure: as `tenure_spells` makes it."""
    # A source may record a case whose cause is "unknown": that documents no cause.
    failures = frames["failures"][frames["failures"]["cause"] != UNKNOWN]
    if churn.rule == "silence":
        rows, failures = _rows_of_shop(tenure, failures, frames, channel, churn, as_of)
    else:
        rows, failures = _rows_of_contracts(tenure, failures, channel, as_of)
    if not rows["left"].any():
        return ChurnDrivers(sentences=("Nobody has left on record.",))
    leavers = rows[rows["left"]]
    rows = rows.assign(cause=pd.Series(index=rows.index, dtype="str"), value=0.0)
    rows.loc[rows["left"], "cause"] = churn_by_cause.first_causes(leavers, failures)
    rows.loc[rows["left"], "value"] = tenure_spells.yearly_value(leavers, frames["money"])
    indicators = churn_by_cause.cause_indicators(rows, failures)
    return _report(churn_drivers.losses_by_cause(rows, indicators), tenure)


def _rows_of_contracts(
    tenure: pd.DataFrame, failures: pd.DataFrame, channel: "pd.Series[str]", as_of: int
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Time at risk, and the failures, each from the day after it happened."""
    failures = failures.assign(exposed=failures["day"] + 1)
    periods = churn_by_cause.periods_at_risk(tenure, as_of, PERIOD_DAYS)
    periods = periods.assign(stratum=churn_by_cause.strata(periods, channel, PERIOD_DAYS))
    return churn_by_cause.split_by_exposure(periods, failures), failures


def _rows_of_shop(
    tenure: pd.DataFrame,
    failures: pd.DataFrame,
    frames: Frames,
    channel: "pd.Series[str]",
    churn: ChurnLabel,
    as_of: int,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Purchases at risk, and the failures, each from the purchase after which it came."""
    days = frames["activity"]
    decided_before = as_of - tenure_spells.silence_days(churn)
    rows = purchases_at_risk.purchases_at_risk(tenure, days, decided_before)
    rows = rows.assign(time=1, stratum=purchases_at_risk.strata(rows, days, channel))
    return rows, purchases_at_risk.with_purchase(failures, days, frames["orders"])


def _report(table: pd.DataFrame, tenure: pd.DataFrame) -> ChurnDrivers:
    causes = table[table["cause"] != UNKNOWN].to_dict("records")
    unknown = table[table["cause"] == UNKNOWN].iloc[0]
    lost = int(table["lost"].sum())
    since = date_of(tenure_spells.observed_from(tenure))
    return ChurnDrivers(
        causes=tuple(_cause_report(row) for row in causes),
        unknown_lost=int(unknown["lost"]),
        unknown_value=float(unknown["value_lost"]),
        lost=lost,
        since=since,
        sentences=(
            f"{lost:,} customers left since {since:%-d %B %Y};"
            f" for {int(unknown['lost']):,} of them nothing was documented in the"
            f" {churn_by_cause.LOOKBACK_DAYS} days before."
            " Value is what they brought net in a year.",
            NOT_CAUSES,
            RECORDED_ONLY,
        ),
    )


def _cause_report(row: dict[Hashable, Any]) -> CauseReport:
    cause = str(row["cause"])
    return CauseReport(
        cause=cause,
        title=TITLES.get(cause, cause.replace("_", " ")),
        lost=int(row["lost"]),
        value=row["value_lost"],
        lost_with_cause=int(row["met"]),
        excess=row["excess"],
        low=_none_if_nan(row["low"]),
        high=_none_if_nan(row["high"]),
        excess_value=row["excess_value"],
        verdict=row["verdict"],
    )


def _none_if_nan(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
