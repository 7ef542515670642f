"""What became of everybody assigned, whether or not anybody reached them."""

from collections.abc import Sequence
from typing import Any, Final

import narwhals as nw
import numpy as np
import pandas as pd
import pyarrow as pa

from retention.cohort import labels
from retention.core import point_in_time
from retention.core.engine import Engine
from retention.core.events import HOLDOUT
from retention.core.params import LabelParams
from retention.ledgers import outcomes
from retention.ledgers.assignments import CONTACT, OF_CUSTOMER, OF_LIST
from retention.ledgers.outcomes import OutcomeRecord

PENDING, MATURE = "waiting", "ripe"
LABELLED: Final = {"churned": "boolean", "value": "float64", "dropped": "str"}
CONTACTED: Final = {"contacted": "bool", "reached": "bool"}
FOLLOW_UP: Final = (
    *OF_LIST, *OF_CUSTOMER, "ripe_on", "state", *LABELLED, *CONTACTED, "worked", "spent",
)  # fmt: skip
"""Columns of `followed`. ripe_on: the day on which the outcome is known. state: waiting, ripe, or
why the label leaves them out. contacted: an outreach happened before the outcome's window ended;
reached: staff say so. worked: staff gave an answer about this list's entry. spent: what the
contact cost, in money."""


def campaign_assignments(everything: pd.DataFrame, company: str, name: str, as_of: int) -> pd.DataFrame:
    """A campaign's assignments up to a day, a customer once: as the first list assigned them."""
    by_then = everything["as_of"] <= pd.Timestamp(point_in_time.date_of(as_of))
    mine = (everything["company"] == company) & (everything["campaign"] == name)
    return everything[by_then & mine].drop_duplicates("customer_id", ignore_index=True)


def follow_up(
    entered: pd.DataFrame,
    history: point_in_time.Frame,
    facts: Sequence[OutcomeRecord],
    as_of: int,
    rules: LabelParams,
    open_engine: Engine,
) -> pd.DataFrame:
    """FOLLOWED of every row of `campaign`, in its order.

    history: all events known before as_of. facts: every answer of staff.
    """
    found = entered.assign(day=_days(entered["as_of"]))
    found["ripe_on"] = found["day"] + point_in_time.label_delay_days(rules)
    ripe = found[found["ripe_on"] <= as_of]
    found = found.join(_labelled(ripe, history, rules, open_engine), on="customer_id")
    found = found.join(_contacted(found, history, rules, open_engine), on="customer_id")
    found = found.astype(LABELLED).fillna(dict.fromkeys(CONTACTED, False)).astype(CONTACTED)
    found["state"] = np.where(found["ripe_on"] <= as_of, MATURE, PENDING)
    found["state"] = found["state"].where(found["dropped"].isna(), found["dropped"])
    found["ripe_on"] = pd.to_datetime(found["ripe_on"], unit="D").astype("datetime64[s]")
    answers = _answers(found, facts)
    return found.join(answers)[list(FOLLOW_UP)]


def _days(dates: "pd.Series[Any]") -> "pd.Series[int]":
    """Days since 1970-01-01."""
    return (dates - pd.Timestamp(0)) // pd.Timedelta(days=1)


def _labelled(
    ripe: pd.DataFrame, history: point_in_time.Frame, rules: LabelParams, open_engine: Engine
) -> pd.DataFrame:
    """churned, value, dropped by customer: the label of the day on which each was assigned."""
    parts = [labels.SCHEMA.empty_table()]
    for day, theirs in ripe.groupby("day"):
        snapshot = int(str(day))
        cohort = open_engine.load(pa.table({"customer_id": theirs["customer_id"].tolist()}))
        frame = labels.label_cohort(cohort, history, snapshot, rules)
        parts.append(open_engine.collect(frame, sort=["customer_id"]).cast(labels.SCHEMA))
    table: pd.DataFrame = pa.concat_tables(parts).to_pandas()
    found: pd.DataFrame = table.set_index("customer_id")[list(LABELLED)]
    return found


def _contacted(
    found: pd.DataFrame, history: point_in_time.Frame, rules: LabelParams, open_engine: Engine
) -> pd.DataFrame:
    """contacted, reached by customer: outreach from the day assigned until the windows end."""
    out = history.filter(nw.col("kind") == outcomes.CONTACT)
    wanted = ["customer_id", "occurred_day", "source", "topic", "treatment"]
    told = open_engine.collect(out.select(wanted), sort=wanted).to_pandas()
    both = told.merge(found[["customer_id", "day"]], on="customer_id")
    length = point_in_time.label_delay_days(rules) - rules.churn.settle_days
    since = both["occurred_day"] - both["day"]
    both = both[(since >= 0) & (since < length) & (both["treatment"] != HOLDOUT)]
    reached = (both["source"] == outcomes.SOURCE) & (both["topic"] == outcomes.CONTACT_RESULTS[0])
    both = both.assign(contacted=True, reached=reached)
    found_by: pd.DataFrame = both.groupby("customer_id")[list(CONTACTED)].any()
    return found_by


def _answers(found: pd.DataFrame, facts: Sequence[OutcomeRecord]) -> pd.DataFrame:
    """worked, spent, by the rows of `found`.

    An answer says whether there was a contact, and may say what was given; without one the play's
    expected cost counts. Nothing is spent on those who are held out.
    """
    said = {fact.key: fact.staff_answer for fact in outcomes.latest(facts)}
    keys = zip(found["list_id"], found["customer_id"], strict=True)
    answers = [said.get(key) for key in keys]
    tried = [one is None or one.result in outcomes.CONTACT_RESULTS for one in answers]
    given = [None if one is None or one.offer_cost is None else one.offer_cost for one in answers]
    offer = pd.Series(given, found.index, dtype="float64").fillna(found["offer"]).fillna(0.0)
    spent = (found["cost"].fillna(0.0) + offer).where(found["arm"] == CONTACT, 0.0)
    worked = pd.Series([one is not None for one in answers], found.index, dtype=bool)
    made = pd.Series(tried, found.index, dtype=bool)
    return pd.DataFrame({"worked": worked, "spent": spent.where(made, 0.0)})
