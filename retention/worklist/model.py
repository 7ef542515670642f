"""The at-risk list as a value: its columns, codes and words, and what every format shares."""

import datetime as dt
import hashlib
import math
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from retention.core import artefacts
from retention.core.documents.reports import ListGain
from retention.i18n.language import Language, gettext_noop, language, minor_digits
from retention.policy.selection import ShadowPrice

REASONS: Final = artefacts.REASON_COLUMNS

HEADINGS: Final[dict[str, str]] = {
    "list_id": gettext_noop("List"),
    "rank": gettext_noop("Rank"),
    "planned": gettext_noop("When"),
    "due_on": gettext_noop("Due"),
    "cost_of_delay": gettext_noop("Lost by waiting a week"),
    "lane": gettext_noop("What to do"),
    "why": gettext_noop("Why so"),
    "change": gettext_noop("Since the last list"),
    "customer_id": gettext_noop("Customer"),
    "name": gettext_noop("Name"),
    "language": gettext_noop("Speaks"),
    "owner": gettext_noop("Owner"),
    "covered_for": gettext_noop("Covers for"),
    "preferred_channel": gettext_noop("Prefers"),
    "channel": gettext_noop("Contact by"),
    "phone": gettext_noop("Phone"),
    "email": gettext_noop("E-mail"),
    "risk": gettext_noop("Risk"),
    "churn_probability": gettext_noop("Chance of leaving"),
    "value_at_stake": gettext_noop("Likely loss"),
    "net_gain": gettext_noop("Net gain expected"),
    "expected_value": gettext_noop("Expected value"),
    "value_low": gettext_noop("Value, low"),
    "value_high": gettext_noop("Value, high"),
    "last_purchase_on": gettext_noop("Last purchase"),
    "days_since_purchase": gettext_noop("Days since"),
    "days_since_dealing": gettext_noop("Days since last heard"),
    "usual_gap_days": gettext_noop("Usual gap (days)"),
    "silent_since": gettext_noop("Silent for"),
    "reason_1": gettext_noop("First reason"),
    "reason_2": gettext_noop("Second reason"),
    "reason_3": gettext_noop("Third reason"),
    "themes": gettext_noop("What about"),
    "last_said_on": gettext_noop("Last heard on"),
    "last_said": gettext_noop("What they last said"),
    "action": gettext_noop("Do first"),
    "action_name": gettext_noop("Action"),
    "budget": gettext_noop("May offer up to"),
    "approval": gettext_noop("Needs approval"),
    "wording": gettext_noop("Say"),
    "avoid": gettext_noop("Do not"),
    "otherwise": gettext_noop("Otherwise"),
}
"""The heading of every column of artefacts.AT_RISK where people read it."""

MONEY_COLUMNS: Final = (
    "cost_of_delay",
    "value_at_stake",
    "net_gain",
    "expected_value",
    "value_low",
    "value_high",
    "budget",
)
DAY_COLUMNS: Final = ("days_since_purchase", "days_since_dealing", "usual_gap_days")
CONTACT_COLUMNS: Final = ("name", "language", "preferred_channel", "email", "phone")

RISK_THRESHOLDS: Final = ((0.60, "very_high"), (0.30, "high"), (0.15, "raised"), (0.0, "low"))
"""(churn probability from which, risk): the first that is reached holds."""

RISK_WORDS: Final = {
    "very_high": gettext_noop("very high"),
    "high": gettext_noop("high"),
    "raised": gettext_noop("raised"),
    "low": gettext_noop("low"),
}

PLANNED: Final = {
    "today": gettext_noop("today"),
    "this_week": gettext_noop("this week"),
    "later": gettext_noop("later"),
}
"""When the owner gets to a customer, as many a day as the policy says."""

CHANGES: Final = {
    "new": gettext_noop("new"),
    "worse": gettext_noop("worse"),
    "better": gettext_noop("better"),
    "same": gettext_noop("no change"),
}
"""Compared with the last list: not on it, or how the churn probability moved since."""

LEFT_COHORT: Final = {
    "": {"left": gettext_noop("has left"), "unwatched": gettext_noop("no longer active")}
}
"""Beside LANES and LANE_REASONS: why a customer of the last list is not in the cohort now."""


@dataclass(frozen=True)
class Previous:
    """The list that was published before."""

    list_id: str
    as_of: dt.date
    stability: float | None  # Jaccard index of the customers to contact; None if there are none


@dataclass(frozen=True)
class Listing:
    """One list, ready to be written in any format."""

    list_id: str
    rows: pa.Table  # ROWS, in the order of rank
    company: str
    currency: str
    as_of: dt.date
    lanes: Mapping[str, Mapping[str, int]]  # customers of the cohort by lane and reason
    model: str
    target_description: str  # when a customer counts as churned, a sentence
    churn_description: str  # completes "customers who ..."
    value_days: int
    plays: Mapping[str, str]  # what to do, by the name of the play
    notes: tuple[str, ...] = ()  # sentences that the reader must see first
    evidence: tuple[str, ...] = ()  # sentences on what is known to work
    expected: ListGain | None = None  # of the contacts
    limits: tuple[ShadowPrice, ...] = ()
    greedy_loss: float = 0.0  # what greedy selection would have gained less, in the currency
    previous: Previous | None = None
    language: Language = field(default_factory=lambda: language("en"))
    dropped: pa.Table = field(default_factory=artefacts.DROPPED.schema.empty_table)
    timeline: pa.Table = field(default_factory=artefacts.TIMELINE.schema.empty_table)
    history: pa.Table = field(default_factory=artefacts.RISK_HISTORY.schema.empty_table)

    @property
    def cohort_size(self) -> int:
        """The customers of the cohort."""
        return sum(count for whys in self.lanes.values() for count in whys.values())

    @property
    def has_money(self) -> bool:
        """Whether it is known what is at stake with any row; true without a row."""
        return bool(self.rows["value_at_stake"].null_count < max(1, self.rows.num_rows))

    @property
    def value_at_stake(self) -> float:
        """The expected loss of the listed customers, in the currency."""
        return self._sum("value_at_stake")

    @property
    def net_gain(self) -> float:
        """The expected net gain of the contacts, in the currency."""
        to_contact = self.rows.filter(pc.equal(self.rows["lane"], "contact"))
        return self._sum("net_gain", to_contact)

    def _sum(self, column: str, rows: pa.Table | None = None) -> float:
        values = (self.rows if rows is None else rows)[column].drop_null().to_pylist()
        return round_money(math.fsum(values), self.currency)

    def for_owner(self, owner: str | None) -> "Listing":
        """The part of one owner; ranks stay as they are."""
        rows = self.rows.filter(_equals(self.rows["owner"], owner))
        ids = rows["customer_id"].combine_chunks()
        parts = {
            "timeline": self.timeline.filter(pc.is_in(self.timeline["customer_id"], ids)),
            "history": self.history.filter(pc.is_in(self.history["customer_id"], ids)),
            "dropped": self.dropped.filter(_equals(self.dropped["owner"], owner)),
        }
        return replace(self, rows=rows, **parts)

    def owners(self) -> list[str | None]:
        """The owners of listed customers by name; None last, for customers without one."""
        named = set(self.rows["owner"].to_pylist())
        return sorted(named, key=lambda owner: (owner is None, owner or ""))

    def lane_count(self, lane: str) -> int:
        """The customers of the cohort in a lane."""
        return sum(self.lanes.get(lane, {}).values())

    def summary(self) -> dict[str, Any]:
        """The list without its rows: the content of summary.json and of the manifest."""
        return {
            "as_of": self.as_of.isoformat(),
            "columns": artefacts.AT_RISK.names,
            "company": self.company,
            "counts": {"watched": self.cohort_size, "listed": self.rows.num_rows},
            "currency": self.currency,
            "definition": self.target_description,
            "evidence": list(self.evidence),
            "expected": self.expected and self.expected.model_dump(),
            "gain": self.net_gain,
            "greedy_loss": self.greedy_loss,
            "language": self.language.code,
            "lanes": {lane: dict(whys) for lane, whys in self.lanes.items()},
            "leaving": self.churn_description,
            "limits": [asdict(limit) for limit in self.limits],
            "list_id": self.list_id,
            "model": self.model,
            "notes": list(self.notes),
            "previous": self._previous(),
            "value_at_stake": self.value_at_stake,
            "value_days": self.value_days,
        }

    def _previous(self) -> dict[str, Any] | None:
        if self.previous is None:
            return None
        return asdict(self.previous) | {"as_of": self.previous.as_of.isoformat()}


def _equals(column: pa.ChunkedArray, value: str | None) -> pa.ChunkedArray:
    return pc.is_null(column) if value is None else pc.equal(column, value)


def slug(owner: str | None) -> str:
    """An owner as part of a file name: ASCII letters and digits, and a hash to make it unique."""
    if owner is None:
        return "nobody"
    plain = unicodedata.normalize("NFKD", owner).encode("ascii", "ignore").decode().lower()
    short = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:24]
    return f"{short or 'owner'}-{hashlib.sha256(owner.encode()).hexdigest()[:6]}"


def risk_level(probability: float) -> str:
    """The risk of a churn probability by RISK_THRESHOLDS: a key of RISK_WORDS."""
    return next(word for threshold, word in RISK_THRESHOLDS if probability >= threshold)


def round_money(amount: float, currency: str) -> float:
    """An amount rounded to the currency's smallest unit; never a negative zero."""
    return round(amount, minor_digits(currency)) + 0.0


def round_half_up(number: float) -> int:
    """The nearest whole number, halves upwards: 2.5 becomes 3."""
    return math.floor(number + 0.5)
