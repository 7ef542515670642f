"""The rows of the list: the decision on each customer beside all that staff read about them."""

import datetime as dt
from dataclasses import dataclass
from typing import Any, Final

import pandas as pd
import pyarrow as pa

from retention.core import artefacts
from retention.core.params import Params, Play
from retention.i18n.language import Language
from retention.policy import queue
from retention.policy.lanes import LISTED_LANES, WEEK, has_money
from retention.serving.sentences import SILENT_FROM
from retention.worklist.model import (
    CONTACT_COLUMNS,
    MONEY_COLUMNS,
    REASONS,
    risk_level,
    round_half_up,
    round_money,
)
from retention.worklist.reasons import chosen_reasons, model_reasons
from retention.worklist.what_to_say import Event, what_to_say

THEME_OF_WHY: Final = {
    "open_case": "resolution",
    "unsolved_case": "solutions",
    "faulty_order": "promises",
    "billing_error": "billing",
    "broken_promise": "promises",
    "notice": "contracts",
    "just_fixed": "put_right",
}
"""The theme of the issue that puts a customer into a lane, by the reason of the lane."""


_OF_THE_HISTORY: Final = ("expected_loss", "expected_value", "value_low", "value_high")
"""Amounts that are only known where the history has money."""


@dataclass(frozen=True)
class CustomerTables:
    """The tables that the list joins, each with a column customer_id."""

    scores: pd.DataFrame  # scores and uplift, one row a customer of the cohort
    purchase_rhythm: pd.DataFrame  # one row a customer
    customer_state: pd.DataFrame  # one row a customer
    reasons: pd.DataFrame  # REASONS
    recent_issues: pd.DataFrame  # RECENT_ISSUES
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
    selected_reasons = chosen_reasons(
        model_reasons(tables.reasons, tables.recent_issues),
        tables.recent_issues,
        ranked.set_index("customer_id"),
        plays,
        THEME_OF_WHY,
    )
    reasons = dict(list(selected_reasons.groupby("customer_id")))
    records: list[dict[str, Any]] = pa.Table.from_pandas(joined, preserve_index=False).to_pylist()
    rows = [_row(row, reasons.get(row["customer_id"]), plays, params, language) for row in records]
    return pa.Table.from_pylist(rows, schema=artefacts.AT_RISK.schema)


def _row(
    row: dict[str, Any],
    why: pd.DataFrame | None,
    plays: dict[str, Play],
    params: Params,
    language: Language,
) -> dict[str, Any]:
    """One row of ROWS. why: the customer's reasons, None without any."""
    amounts = row | {"value_at_stake": row["expected_loss"], "budget": row["offer"] or None}
    play, alternative = plays.get(row["play"] or ""), plays.get(row["otherwise"] or "")
    silent_since = language.date(row["last_purchase_on"], short=True) if _is_silent(row) else None
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
        **what_to_say(
            row["lane"],
            play,
            _event(row["lane"], why, play, language),
            silent_since,
            language,
        ),
        "otherwise": alternative.action if alternative else None,
    }


def _rounded(amount: float | None, currency: str) -> float | None:
    return None if amount is None else round_money(amount, currency)


def _event(lane: str, why: pd.DataFrame | None, play: Play | None, language: Language) -> Event:
    """What to speak of: the issue among the reasons that the play answers, else the first.

    To contact, only if it is the first reason, for else the matter is another one.
    """
    if why is None:
        return Event()
    issues = why[why["kind"].notna()]
    answered = issues[issues["cause"].isin(play.when if play else ())]
    if lane == "contact" and not len(answered) and pd.isna(why["kind"].iloc[0]):
        return Event()
    for issue in pd.concat([answered, issues]).head(1).to_dict("records"):
        things = [issue[name] for name in ("case_id", "order_id") if pd.notna(issue[name])]
        day = language.date(issue["day"], short=True)
        return Event(issue["kind"], day, things[0] if things else None)
    return Event()


def _is_silent(row: dict[str, Any]) -> bool:
    """Whether the customer has bought nothing for clearly longer than usual, and for a week."""
    days, gap = row["days_since_purchase"], row["usual_gap_days"]
    return days is not None and gap is not None and days > max(SILENT_FROM * gap, WEEK)


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
    """The days of silence, None without: `26 days, usually comes every 4 days`."""
    if days is None:
        return None
    silence = round_half_up(days)
    since = language.gettext("less than a day")
    if silence:
        since = language.ngettext("{n} day", "{n} days", silence)
    if gap is None:
        return since
    if round_half_up(gap) <= 1:
        return language.gettext("{since}, usually comes every day", since=since)
    return language.gettext(
        "{since}, usually comes every {gap} days",
        since=since,
        gap=language.number(round_half_up(gap)),
    )
