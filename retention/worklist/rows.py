"""The rows of the list: what was decided of each customer, beside all that staff read of them."""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from retention.core.params import Params, Play
from retention.i18n.language import Language
from retention.policy import LISTED
from retention.worklist.model import CONTACT, MONEY, REASONS, ROWS, cents, risk_of, whole

MOST_REASONS: Final = len(REASONS)
ABOUT: Final = {
    "open_case": "resolution",
    "billing_error": "billing",
    "broken_promise": "promises",
    "notice": "contracts",
}
"""The theme in which that happened which puts a customer into a lane, by the lane's why."""

ANSWERED: Final = 1.5  # after the second of the model's reasons
SUMMED_UP: Final = "journey"  # what went wrong in all: each trouble has a theme of its own
ORDER: Final = ("net_gain", "expected_loss", "churn_probability")


@dataclass(frozen=True)
class Told:
    """What is known of the customers, each with a column customer_id: the stages' tables."""

    scores: pd.DataFrame
    habits: pd.DataFrame
    standing: pd.DataFrame
    reasons: pd.DataFrame
    happenings: pd.DataFrame
    contacts: pd.DataFrame


def ranked(decided: pd.DataFrame, scores: pd.DataFrame, others: int | None) -> pd.DataFrame:
    """The listed customers in order: by lane, then ORDER downwards, then customer_id (UTF-8).

    decided: as `Decision.rows`. Of lanes other than contact the first `others`, or all.
    """
    rows = decided[decided["lane"].isin(LISTED)].merge(scores, on="customer_id", how="left")
    rows = rows.assign(
        place=rows["lane"].map(LISTED.index),
        gain=rows["net_gain"].where(rows["lane"] == "contact", 0.0),
        id=rows["customer_id"].str.encode("utf-8"),
    )
    keys = ["place", "gain", *ORDER[1:], "id"]
    rows = rows.sort_values(keys, ascending=[True, False, False, False, True])
    if others is not None:
        rows = rows[(rows["lane"] == "contact") | (rows.groupby("lane").cumcount() < others)]
    rows = rows.drop(columns=["place", "gain", "id"]).reset_index(drop=True)
    return rows.assign(rank=range(1, len(rows) + 1))


def rows(listed: pd.DataFrame, told: Told, config: Params, says: Language) -> pa.Table:
    """ROWS of the listed customers (as `ranked` gives them, with `change`), list_id left empty."""
    joined = listed
    for table in (told.habits, told.standing, told.contacts):
        fresh = [one for one in table if one == "customer_id" or one not in joined]
        joined = joined.merge(table[fresh], on="customer_id", how="left")
    plays = {play.name: play for play in config.policy.playbook}
    why = _reasons(listed, told, plays)
    reasons = {str(who): mine for who, mine in why.groupby("customer_id")}
    records: list[dict[str, Any]] = pa.Table.from_pandas(joined, preserve_index=False).to_pylist()
    made = [_row(row, reasons.get(row["customer_id"]), plays, config, says) for row in records]
    return pa.Table.from_pylist(made, schema=ROWS)


def _reasons(listed: pd.DataFrame, told: Told, plays: dict[str, Play]) -> pd.DataFrame:
    """customer_id, theme, text: the reasons to read, a customer's in their order.

    Those to contact: the model's reasons, actionable ones first, with what happened and its date
    in place of a theme's first sentence; and third at the latest the trouble that the action
    answers. In the other lanes what happened comes first, for it is what has to be put right, and
    of it what the lane is about.
    """
    of = listed.set_index("customer_id")
    why = _model_reasons(told.reasons[told.reasons["customer_id"].isin(of.index)], told.happenings)
    facts = told.happenings[told.happenings["customer_id"].isin(of.index)]
    whose = facts["customer_id"]
    contact = (whose.map(of["lane"]) == "contact").to_numpy(dtype=bool)
    apt = (facts["theme"] == whose.map(of["why"]).map(ABOUT)).to_numpy(dtype=bool)
    kept = np.logical_or(~contact, _answered(facts, whose.map(of["play"]), plays))
    facts = facts.assign(place=np.where(contact, ANSWERED, np.where(apt, -2.0, -1.0)))
    facts = facts[kept & (contact | (facts["theme"] != SUMMED_UP).to_numpy(dtype=bool))]
    facts = facts.sort_values(["customer_id", "day", "theme"], ascending=[True, False, True])
    columns = ["customer_id", "theme", "text", "place"]
    every = pd.concat([why[columns], facts[columns]])
    every = every.sort_values(["customer_id", "place"], kind="stable")
    every = every.drop_duplicates(["customer_id", "text"])
    return every[every.groupby("customer_id").cumcount() < MOST_REASONS]


def _answered(
    facts: pd.DataFrame, play: "pd.Series[str]", plays: dict[str, Play]
) -> NDArray[np.bool_]:
    """Whether what happened is a trouble that the customer's play is for."""
    fits = [
        name in plays and cause in plays[name].when
        for name, cause in zip(play, facts["cause"], strict=True)
    ]
    return np.array(fits, dtype=bool)


def _model_reasons(why: pd.DataFrame, facts: pd.DataFrame) -> pd.DataFrame:
    """The model's reasons with `place`: actionable first, what happened told with its date.

    What went wrong in all is left out where it was one thing that its own theme tells.
    """
    keys = ["customer_id", "theme"]
    dated = why[keys].merge(facts[[*keys, "text"]], on=keys, how="left")["text"].to_numpy()
    told = pd.notna(dated) & ~why.duplicated(keys).to_numpy()
    why = why.assign(text=why["text"].where(~told, dated), told=told)
    several = why["told"].groupby(why["customer_id"]).transform("any")
    why = why[(why["theme"] != SUMMED_UP) | why["told"] | ~several]
    why = why.sort_values(
        ["customer_id", "actionable", "rank"], ascending=[True, False, True], kind="stable"
    )
    return why.assign(place=why.groupby("customer_id").cumcount().astype(float))


def _row(
    row: dict[str, Any],
    why: pd.DataFrame | None,
    plays: dict[str, Play],
    config: Params,
    says: Language,
) -> dict[str, Any]:
    play, currency = plays.get(row["play"] or ""), config.currency
    next_play = plays.get(row["otherwise"] or "")
    figures = row | {"value_at_stake": row["expected_loss"], "budget": row["offer"] or None}
    made = {name: row.get(name) for name in ROWS.names if name in row}
    made |= {name: cents(figures[name], currency) for name in MONEY if figures[name] is not None}
    made |= {name: _filled(row.get(name)) for name in CONTACT}
    return made | {
        "list_id": "",
        "risk": risk_of(row["churn_probability"]),
        "churn_probability": round(row["churn_probability"], 4),
        "days_since_dealing": row["last_dealing_days"],
        "silent_since": silent_words(*_silence(row, config), says),
        **_said(why),
        "action": play.does if play else None,
        "action_name": play.name if play else None,
        "wording": play.wording or None if play else None,
        "avoid": play.avoid or None if play else None,
        "otherwise": next_play.does if next_play else None,
    }


def _silence(row: dict[str, Any], config: Params) -> tuple[float | None, float | None]:
    """Since when a customer is silent, and their habit: subscribers need not buy to be heard of."""
    if config.labels.churn.rule == "cancel":
        return row["last_dealing_days"], None
    return row["days_since_purchase"], row["usual_gap_days"]


def _said(why: pd.DataFrame | None) -> dict[str, Any]:
    """The reasons in their columns, and the themes that they are about, each once."""
    if why is None:
        return {}
    texts = dict(zip(REASONS, why["text"], strict=False))
    return texts | {"themes": " ".join(dict.fromkeys(why["theme"]))}


def _filled(value: Any) -> Any:
    """Contact data, a blank being no data."""
    return value if value and value.strip() else None


def silent_words(days: float | None, gap: float | None, says: Language) -> str | None:
    """26 days, usually every 4: the silence beside the habit, both in days; null without one."""
    if days is None:
        return None
    silence = whole(days)
    since = says.gettext("less than a day")
    if silence:
        since = says.ngettext("{n} day", "{n} days", silence)
    if gap is None:
        return since
    if whole(gap) <= 1:
        return says.gettext("{since}, usually every day", since=since)
    return says.gettext("{since}, usually every {gap}", since=since, gap=says.number(whole(gap)))
