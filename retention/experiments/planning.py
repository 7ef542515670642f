"""How many customers it takes to show what is hoped for, and when there will be as many."""

from typing import Final

import numpy as np
import pandas as pd

from retention.core.params import Outcomes
from retention.experiments.analysis import drawn
from retention.experiments.report_data import Hope, Plan
from retention.ledgers.assignments import CONTACT
from retention.stats import power, sequential
from retention.stats.power import Arms

HOPES: Final = (0.1, 0.2, 0.3, 0.5)
"""Shares of those who would leave that contacts may keep, beside the one hoped for."""

RECENT: Final = 182  # days whose lists say at which pace customers enter
MONTH: Final = 365.25 / 12


def plan(
    found: pd.DataFrame, has: Arms, believed: float, held_out: float, today: pd.Timestamp,
    rules: Outcomes,
) -> Plan | None:  # fmt: skip
    """The calculator; None where nobody is held out or nobody is thought to leave.

    found: rows of `followed.FOLLOWED`. believed: the rate of leaving where nothing is assigned
    yet. Rate and share held out are those of the first list, fixed before any outcome was seen:
    an interval that may be read at every list is planned for one size only once.
    """
    mine = drawn(found)
    first = mine[mine["as_of"] == mine["as_of"].min()]
    rate = float(first["churn_probability"].mean()) if len(first) else believed
    share = 1 - float(first["propensity"].mean()) if len(first) else held_out
    if not (0 < rate < 1 and 0 < share < 1):
        return None
    pace, times = a_month(mine, today), sequential.factor(1.0)

    def needed(kept: float) -> Arms:
        return power.size(rate, (1 - kept) * rate, share, times, rules.power)

    hopes = sorted({*HOPES, rules.hoped})
    smallest = power.smallest_effect(rate, has, times, rules.power)
    return Plan(
        rate=rate,
        held_out=share,
        power=rules.power,
        hoped=rules.hoped,
        planned=needed(rules.hoped),
        has=has,
        a_month=pace,
        smallest=smallest / rate,
        hopes=tuple(
            Hope(kept, needed(kept), power.months(needed(kept), has, pace)) for kept in hopes
        ),
    )


def a_month(mine: pd.DataFrame, today: pd.Timestamp) -> Arms:
    """Customers whom lists of the last half year assigned for the first time, by month."""
    ago = (today - mine["as_of"]).dt.days
    recent = mine[ago <= RECENT]
    span = float(np.clip(ago.max() if len(ago) else 0.0, MONTH, RECENT)) / MONTH
    treated = int((recent["arm"] == CONTACT).sum())
    return Arms(treated / span, (len(recent) - treated) / span)
