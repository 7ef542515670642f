"""The rows of the list: what was decided of each customer, beside all that staff read of them."""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from retention.core.params import Params, Play
from retention.i18n.language import Language
from retention.policy import LISTED_LANES
from retention.worklist.model import (
    CONTACT_COLUMNS,
    MONEY_COLUMNS,
    REASONS,
    ROWS,
    round_money,
    risk_level,
    round_half_up,
)

MAX_REASONS: Final = len(REASONS)
THEME_OF_WHY: Final = {
    "open_case": "resolution",
    "billing_error": "billing",
    "broken_promise": "promises",
    "notice": "contracts",
}
"""The theme in which that happened which puts a customer into a lane, by the lane's why."""

ANSWERED_PLACE: Final = 1.5  # after the second of the model's reasons
SUMMARY_THEME: Final = "journey"  # what went wrong in all: each trouble has a theme of its own
SORT_KEYS: Final = ("net_gain", "expected_loss", "churn_probability")


@dataclass(frozen=True)
class CustomerTables:
    """What is known of the customers, each with a column customer_id: the stages' tables."""

    scores: pd.DataFrame
    purchase_rhythm: pd.DataFrame
    customer_state: pd.DataFrame
    reasons: pd.DataFrame
    recent_issues: pd.DataFrame
    contacts: pd.DataFrame


def rank_listed(decisions: pd.DataFrame, scores: pd.DataFrame, others: int | None) -> pd.DataFrame:
    """The listed customers in order: by lane, then ORDER downwards, then customer_id (UTF-8).

    decided: as `Decision.rows`. Of lanes other than contact the first `others`, or all.
    """
    listed = decisions[decisions["lane"].isin(LISTED_LANES)].merge(
        scores, on="customer_id", how="left"
    )
    listed = listed.assign(
        place=listed["lane"].map(LISTED_LANES.index),
        gain=listed["net_gain"].where(listed["lane"] == "contact", 0.0),
        id=listed["customer_id"].str.encode("utf-8"),
    )
    keys = ["place", "gain", *SORT_KEYS[1:], "id"]
    listed = listed.sort_values(keys, ascending=[True, False, False, False, True])
    if others is not None:
        listed = listed[
            (listed["lane"] == "contact") | (listed.groupby("lane").cumcount() < others)
        ]
    listed = listed.drop(columns=["place", "gain", "id"]).reset_index(drop=True)
    return listed.assign(rank=range(1, len(listed) + 1))


def list_rows(
    ranked: pd.DataFrame, tables: CustomerTables, params: Params, language: Language
) -> pa.Table:
    """ROWS of the listed customers (as `ranked` gives them, with `change`), list_id left empty."""
    joined = ranked
    for table in (tables.purchase_rhythm, tables.customer_state, tables.contacts):
        new_columns = [
            column for column in table if column == "customer_id" or column not in joined
        ]
        joined = joined.merge(table[new_columns], on="customer_id", how="left")
    plays = {play.name: play for play in params.policy.playbook}
    why = _reasons(ranked, tables, plays)
    reasons = {str(who): of_customer for who, of_customer in why.groupby("customer_id")}
    records: list[dict[str, Any]] = pa.Table.from_pandas(joined, preserve_index=False).to_pylist()
    records_of_list = [
        _row(row, reasons.get(row["customer_id"]), plays, params, language) for row in records
    ]
    return pa.Table.from_pylist(records_of_list, schema=ROWS)


def _reasons(ranked: pd.DataFrame, tables: CustomerTables, plays: dict[str, Play]) -> pd.DataFrame:
    """customer_id, theme, text: the reasons to read, a customer's in their order.

    Those to contact: the model's reasons, actionable ones first, with what happened and its date
    in place of a theme's first sentence; and third at the latest the trouble that the action
    answers. In the other lanes what happened comes first, for it is what has to be put right, and
    of it what the lane is about.
    """
    by_customer = ranked.set_index("customer_id")
    why = _model_reasons(
        tables.reasons[tables.reasons["customer_id"].isin(by_customer.index)], tables.recent_issues
    )
    issues = tables.recent_issues[tables.recent_issues["customer_id"].isin(by_customer.index)]
    whose = issues["customer_id"]
    contact = (whose.map(by_customer["lane"]) == "contact").to_numpy(dtype=bool)
    about_lane = (issues["theme"] == whose.map(by_customer["why"]).map(THEME_OF_WHY)).to_numpy(
        dtype=bool
    )
    relevant = np.logical_or(
        ~contact, _answered_by_play(issues, whose.map(by_customer["play"]), plays)
    )
    issues = issues.assign(
        place=np.where(contact, ANSWERED_PLACE, np.where(about_lane, -2.0, -1.0))
    )
    issues = issues[relevant & (contact | (issues["theme"] != SUMMARY_THEME).to_numpy(dtype=bool))]
    issues = issues.sort_values(["customer_id", "day", "theme"], ascending=[True, False, True])
    columns = ["customer_id", "theme", "text", "place"]
    every = pd.concat([why[columns], issues[columns]])
    every = every.sort_values(["customer_id", "place"], kind="stable")
    every = every.drop_duplicates(["customer_id", "text"])
    return every[every.groupby("customer_id").cumcount() < MAX_REASONS]


def _answered_by_play(
    issues: pd.DataFrame, play: "pd.Series[str]", plays: dict[str, Play]
) -> NDArray[np.bool_]:
    """Whether what happened is a trouble that the customer's play is for."""
    fits = [
        name in plays and cause in plays[name].when
        for name, cause in zip(play, issues["cause"], strict=True)
    ]
    return np.array(fits, dtype=bool)


def _model_reasons(why: pd.DataFrame, issues: pd.DataFrame) -> pd.DataFrame:
    """The model's reasons with `place`: actionable first, what happened told with its date.

    What went wrong in all is left out where it was one thing that its own theme tells.
    """
    keys = ["customer_id", "theme"]
    dated = why[keys].merge(issues[[*keys, "text"]], on=keys, how="left")["text"].to_numpy()
    dated_text = pd.notna(dated) & ~why.duplicated(keys).to_numpy()
    why = why.assign(text=why["text"].where(~dated_text, dated), told=dated_text)
    several = why["told"].groupby(why["customer_id"]).transform("any")
    why = why[(why["theme"] != SUMMARY_THEME) | why["told"] | ~several]
    why = why.sort_values(
        ["customer_id", "actionable", "rank"], ascending=[True, False, True], kind="stable"
    )
    return why.assign(place=why.groupby("customer_id").cumcount().astype(float))


def _row(
    row: dict[str, Any],
    why: pd.DataFrame | None,
    plays: dict[str, Play],
    params: Params,
    language: Language,
) -> dict[str, Any]:
    play, currency = plays.get(row["play"] or ""), params.currency
    next_play = plays.get(row["otherwise"] or "")
    figures = row | {"value_at_stake": row["expected_loss"], "budget": row["offer"] or None}
    cells = {name: row.get(name) for name in ROWS.names if name in row}
    cells |= {
        name: round_money(figures[name], currency)
        for name in MONEY_COLUMNS
        if figures[name] is not None
    }
    cells |= {name: _blank_to_null(row.get(name)) for name in CONTACT_COLUMNS}
    return cells | {
        "list_id": "",
        "risk": risk_level(row["churn_probability"]),
        "churn_probability": round(row["churn_probability"], 4),
        "days_since_dealing": row["last_dealing_days"],
        "silent_since": silence_text(*_silence(row, params), language),
        **_reason_columns(why),
        "action": play.action if play else None,
        "action_name": play.name if play else None,
        "wording": play.wording or None if play else None,
        "avoid": play.avoid or None if play else None,
        "otherwise": next_play.action if next_play else None,
    }


def _silence(row: dict[str, Any], params: Params) -> tuple[float | None, float | None]:
    """Since when a customer is silent, and their habit: subscribers need not buy to be heard of."""
    if params.labels.churn.rule == "cancel":
        return row["last_dealing_days"], None
    return row["days_since_purchase"], row["usual_gap_days"]


def _reason_columns(why: pd.DataFrame | None) -> dict[str, Any]:
    """The reasons in their columns, and the themes that they are about, each once."""
    if why is None:
        return {}
    texts = dict(zip(REASONS, why["text"], strict=False))
    return texts | {"themes": " ".join(dict.fromkeys(why["theme"]))}


def _blank_to_null(value: Any) -> Any:
    """Contact data, a blank being no data."""
    return value if value and value.strip() else None


def silence_text(days: float | None, gap: float | None, language: Language) -> str | None:
    """26 days, usually every 4: the silence beside the habit, both in days; null without one."""
    if days is None:
        return None
    silence = round_half_up(days)
    since = language.gettext("less than a day")
    if silence:
        since = language.ngettext("{n} day", "{n} days", silence)
    if gap is None:
        return since
    if round_half_up(gap) <= 1:
        return language.gettext("{since}, usually every day", since=since)
    return language.gettext(
        "{since}, usually every {gap}", since=since, gap=language.number(round_half_up(gap))
    )
