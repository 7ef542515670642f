"""The rows of the list: what was decided of each customer, beside all that staff read of them."""

from dataclasses import dataclass
from typing import Any, Final

import pandas as pd
import pyarrow as pa

from pipeline.language import Language
from pipeline.listing import CONTACT, MONEY, REASONS, ROWS, cents, risk_of, whole
from pipeline.params import Params, Play
from pipeline.policy import LISTED

MOST_REASONS: Final = len(REASONS)
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


def ranked(decided: pd.DataFrame, scores: pd.DataFrame, others: int) -> pd.DataFrame:
    """The listed customers in order: by lane, then ORDER downwards, then customer_id (UTF-8).

    decided: as `Decision.rows`. Of lanes other than contact the first `others`.
    """
    rows = decided[decided["lane"].isin(LISTED)].merge(scores, on="customer_id", how="left")
    rows = rows.assign(
        place=rows["lane"].map(LISTED.index),
        gain=rows["net_gain"].where(rows["lane"] == "contact", 0.0),
        id=rows["customer_id"].str.encode("utf-8"),
    )
    keys = ["place", "gain", *ORDER[1:], "id"]
    rows = rows.sort_values(keys, ascending=[True, False, False, False, True])
    shown = (rows["lane"] == "contact") | (rows.groupby("lane").cumcount() < others)
    rows = rows[shown].drop(columns=["place", "gain", "id"]).reset_index(drop=True)
    return rows.assign(rank=range(1, len(rows) + 1))


def rows(listed: pd.DataFrame, told: Told, config: Params, says: Language) -> pa.Table:
    """ROWS of the listed customers (as `ranked` gives them, with `change`), list_id left empty."""
    joined = listed
    for table in (_silence(told, config), told.standing, told.contacts):
        fresh = [one for one in table if one == "customer_id" or one not in joined]
        joined = joined.merge(table[fresh], on="customer_id", how="left")
    reasons = {str(who): mine for who, mine in _reasons(listed, told).groupby("customer_id")}
    plays = {play.name: play for play in config.policy.playbook}
    records: list[dict[str, Any]] = pa.Table.from_pandas(joined, preserve_index=False).to_pylist()
    made = [
        _row(row, reasons.get(row["customer_id"]), plays, config.currency, says) for row in records
    ]
    return pa.Table.from_pylist(made, schema=ROWS)


def _silence(told: Told, config: Params) -> pd.DataFrame:
    """The habits; of subscribers, who need not buy, since when nothing was heard of them."""
    if config.labels.churn.rule == "silence":
        return told.habits
    heard = told.standing.set_index("customer_id")["last_dealing_days"]
    silent = told.habits["customer_id"].map(heard)
    return told.habits.assign(days_since_purchase=silent, usual_gap_days=None)


def _reasons(listed: pd.DataFrame, told: Told) -> pd.DataFrame:
    """customer_id, theme, text: the reasons to read, a customer's in their order.

    Actionable ones come first. The model says which theme raises the risk; what happened in that
    theme, with its date, is said in place of its first sentence. In lanes other than contact all
    that happened is said as well, for it is what has to be put right.
    """
    ids, lanes = set(listed["customer_id"]), listed.set_index("customer_id")["lane"]
    why = told.reasons[told.reasons["customer_id"].isin(ids)].copy()
    facts = told.happenings[told.happenings["customer_id"].isin(ids)]
    keys = ["customer_id", "theme"]
    first = ~why.duplicated(keys)
    dated = why[keys].merge(facts[[*keys, "text"]], on=keys, how="left")["text"].to_numpy()
    why["text"] = why["text"].where(~(first & pd.notna(dated)), dated)
    why = why.sort_values(
        ["customer_id", "actionable", "rank"], ascending=[True, False, True], kind="stable"
    )
    listed_whole = facts["customer_id"].map(lanes) != "contact"
    work = facts[listed_whole & (facts["theme"] != SUMMED_UP)]
    work = work.sort_values(["customer_id", "day", "theme"], ascending=[True, False, True])
    every = pd.concat([why[[*keys, "text"]], work[[*keys, "text"]]])
    every = every.drop_duplicates(["customer_id", "text"])
    return every[every.groupby("customer_id").cumcount() < MOST_REASONS]


def _row(
    row: dict[str, Any],
    why: pd.DataFrame | None,
    plays: dict[str, Play],
    currency: str,
    says: Language,
) -> dict[str, Any]:
    play = plays.get(row["play"] or "")
    next_play = plays.get(row["otherwise"] or "")
    figures = row | {"value_at_stake": row["expected_loss"], "budget": row["offer"] or None}
    made = {name: row.get(name) for name in ROWS.names if name in row}
    made |= {name: cents(figures[name], currency) for name in MONEY if figures[name] is not None}
    made |= {name: _filled(row.get(name)) for name in CONTACT}
    return made | {
        "list_id": "",
        "risk": risk_of(row["churn_probability"]),
        "churn_probability": round(row["churn_probability"], 4),
        "silent_since": silent_words(row["days_since_purchase"], row["usual_gap_days"], says),
        **_said(why),
        "action": play.does if play else None,
        "action_name": play.name if play else None,
        "wording": play.wording or None if play else None,
        "avoid": play.avoid or None if play else None,
        "otherwise": next_play.does if next_play else None,
    }


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
