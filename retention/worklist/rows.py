"""The rows of the list: the decision on each customer beside all that staff read about them."""

import datetime as dt
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from retention.core import artefacts
from retention.core.params import Params, Play
from retention.i18n.language import Language
from retention.policy import queue
from retention.policy.lanes import LISTED_LANES, has_money
from retention.worklist.model import (
    CONTACT_COLUMNS,
    MONEY_COLUMNS,
    REASONS,
    risk_level,
    round_half_up,
    round_money,
)

THEME_OF_WHY: Final = {
    "open_case": "resolution",
    "unsolved_case": "solutions",
    "faulty_order": "promises",
    "billing_error": "billing",
    "broken_promise": "promises",
    "notice": "contracts",
}
"""The theme of the issue that puts a customer into a lane, by the reason of the lane."""

ANSWERED_PLACE: Final = 1.5  # of an issue that the play answers: after the second model reason
SUMMARY_THEME: Final = "journey"  # counts all issues; each of them has a theme of its own as well


_OF_THE_HISTORY: Final = ("expected_loss", "expected_value", "value_low", "value_high")
"""Amounts that are only known where the history has money."""


@dataclass(frozen=True)
class CustomerTables:
    """The tables that the list joins, each with a column customer_id."""

    scores: pd.DataFrame  # scores and uplift, one row a customer of the cohort
    purchase_rhythm: pd.DataFrame  # one row a customer
    customer_state: pd.DataFrame  # one row a customer
    reasons: pd.DataFrame  # one row a reason: rank, theme, text, actionable
    recent_issues: pd.DataFrame  # one row an issue: theme, cause, day, text
    contacts: pd.DataFrame  # one row a customer


def rank_listed(
    decisions: pd.DataFrame, scores: pd.DataFrame, params: Params, as_of: dt.date
) -> pd.DataFrame:
    """The listed customers with their rank, and when their owner works them.

    The order, whatever the lane: what waiting costs; then who is due first; then expected loss and
    churn probability, both downwards; then customer_id (UTF-8).

    decisions: as Decision.rows. Of lanes other than contact the first `at_risk.others` are listed.
    """
    rows = decisions[decisions["lane"].isin(LISTED_LANES)]
    rows = rows.merge(scores, on="customer_id", how="left")
    rows = rows.assign(id=rows["customer_id"].str.encode("utf-8"))
    keys = ["urgency", "due_on", "expected_loss", "churn_probability", "id"]
    rows = rows.sort_values(keys, ascending=[False, True, False, False, True])
    if params.at_risk.others is not None:
        position = rows.groupby("lane").cumcount()
        rows = rows[(rows["lane"] == "contact") | (position < params.at_risk.others)]
    rows = rows.drop(columns=["id", "urgency"]).reset_index(drop=True)
    planned = queue.plan(rows, params.policy, params.at_risk, as_of)
    return rows.assign(rank=range(1, len(rows) + 1), planned=planned)


def list_rows(
    ranked: pd.DataFrame, tables: CustomerTables, params: Params, language: Language
) -> pa.Table:
    """AT_RISK of the listed customers, with list_id left empty.

    ranked: as rank_listed returns it, with a column change. Without money in the history no amount
    is known: 0.00 would read as if nothing were at stake.
    """
    joined = ranked
    if not has_money(tables.scores):
        joined = joined.assign(**dict.fromkeys(_OF_THE_HISTORY, None))
    for table in (tables.purchase_rhythm, tables.customer_state, tables.contacts):
        columns = [name for name in table if name == "customer_id" or name not in joined]
        joined = joined.merge(table[columns], on="customer_id", how="left")
    plays = {play.name: play for play in params.policy.playbook}
    reasons = dict(list(_reasons(ranked, tables, plays).groupby("customer_id")))
    records: list[dict[str, Any]] = pa.Table.from_pandas(joined, preserve_index=False).to_pylist()
    rows = [_row(row, reasons.get(row["customer_id"]), plays, params, language) for row in records]
    return pa.Table.from_pylist(rows, schema=artefacts.AT_RISK.schema)


def _reasons(ranked: pd.DataFrame, tables: CustomerTables, plays: dict[str, Play]) -> pd.DataFrame:
    """customer_id, theme, text: the reasons that staff read, in their order.

    Lane contact: the reasons of the model, actionable ones first, with the dated text of a recent
    issue in place of the first text of its theme; at the third place at the latest the issue that
    the play answers. Other lanes: the recent issues come first, for they have to be resolved, and
    of these the one that the lane is about.
    """
    customers = ranked.set_index("customer_id")
    is_listed = tables.reasons["customer_id"].isin(customers.index)
    why = _model_reasons(tables.reasons[is_listed], tables.recent_issues)
    issues = tables.recent_issues[tables.recent_issues["customer_id"].isin(customers.index)]
    ids = issues["customer_id"]
    contact = (ids.map(customers["lane"]) == "contact").to_numpy(dtype=bool)
    lane_theme = ids.map(customers["why"]).map(THEME_OF_WHY)
    about_lane = (issues["theme"] == lane_theme).to_numpy(dtype=bool)
    summary = (issues["theme"] == SUMMARY_THEME).to_numpy(dtype=bool)
    answered = _answered_by_play(issues, ids.map(customers["play"]), plays)
    # The model's reasons have the places 0, 1, 2, ...: below 0 an issue stands before all of them.
    place = np.where(contact, ANSWERED_PLACE, np.where(about_lane, -2.0, -1.0))
    issues = issues.assign(place=place)[np.where(contact, answered, ~summary)]
    issues = issues.sort_values(["customer_id", "day", "theme"], ascending=[True, False, True])
    columns = ["customer_id", "theme", "text", "place"]
    reasons = pd.concat([why[columns], issues[columns]])
    reasons = reasons.sort_values(["customer_id", "place"], kind="stable")
    reasons = reasons.drop_duplicates(["customer_id", "text"])
    return reasons[reasons.groupby("customer_id").cumcount() < len(REASONS)]


def _answered_by_play(
    issues: pd.DataFrame, play: "pd.Series[str]", plays: dict[str, Play]
) -> NDArray[np.bool_]:
    """Whether the cause of an issue is among those that the customer's play answers."""
    fits = [
        name in plays and cause in plays[name].when
        for name, cause in zip(play, issues["cause"], strict=True)
    ]
    return np.array(fits, dtype=bool)


def _model_reasons(why: pd.DataFrame, issues: pd.DataFrame) -> pd.DataFrame:
    """The reasons of the model with their `place`, actionable ones first.

    The first reason of a theme takes the dated text of the recent issue of that theme, if there is
    one. The summary of all issues is left out where it has none but another theme has.
    """
    keys = ["customer_id", "theme"]
    dated_text = why[keys].merge(issues[[*keys, "text"]], on=keys, how="left")["text"].to_numpy()
    dated = pd.notna(dated_text) & ~why.duplicated(keys).to_numpy()
    why = why.assign(text=why["text"].where(~dated, dated_text), dated=dated)
    any_dated = why["dated"].groupby(why["customer_id"]).transform("any")
    why = why[(why["theme"] != SUMMARY_THEME) | why["dated"] | ~any_dated]
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
    """One row of ROWS. why: the customer's reasons, None without any."""
    amounts = row | {"value_at_stake": row["expected_loss"], "budget": row["offer"] or None}
    alternative = plays.get(row["otherwise"] or "")
    return {
        **{name: row[name] for name in artefacts.AT_RISK.names if name in row},
        **{name: _rounded(amounts[name], params.currency) for name in MONEY_COLUMNS},
        **{name: _blank_to_null(row.get(name)) for name in CONTACT_COLUMNS},
        "list_id": "",
        "risk": risk_level(row["churn_probability"]),
        "churn_probability": round(row["churn_probability"], 4),
        "days_since_dealing": row["last_dealing_days"],
        "silent_since": silence_text(*_silence(row, params), language),
        **_reason_columns(why),
        **_play_columns(plays.get(row["play"] or "")),
        "otherwise": alternative.action if alternative else None,
    }


def _rounded(amount: float | None, currency: str) -> float | None:
    return None if amount is None else round_money(amount, currency)


def _play_columns(play: Play | None) -> dict[str, str | None]:
    if play is None:
        return dict.fromkeys(("action", "action_name", "wording", "avoid"))
    return {
        "action": play.action,
        "action_name": play.name,
        "wording": play.wording or None,
        "avoid": play.avoid or None,
    }


def _silence(row: dict[str, Any], params: Params) -> tuple[float | None, float | None]:
    """Days of silence and the usual gap. Subscribers need not buy: for them any contact counts."""
    if params.labels.churn.rule == "cancel":
        return row["last_dealing_days"], None
    return row["days_since_purchase"], row["usual_gap_days"]


def _reason_columns(why: pd.DataFrame | None) -> dict[str, Any]:
    """The texts of the reasons in their columns, and their themes, each once."""
    if why is None:
        return {}
    texts = dict(zip(REASONS, why["text"], strict=False))
    return texts | {"themes": " ".join(dict.fromkeys(why["theme"]))}


def _blank_to_null(value: Any) -> Any:
    """Contact data; a blank counts as none."""
    return value if value and value.strip() else None


def silence_text(days: float | None, gap: float | None, language: Language) -> str | None:
    """The days of silence beside the usual gap: `26 days, usually every 4`; None without days."""
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
