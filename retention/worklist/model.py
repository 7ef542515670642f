"""The at-risk list as people read it: its columns, its words, and all that every format shares."""

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

from retention.i18n.language import Language, language, gettext_noop, minor_digits
from retention.policy.selection import ShadowPrice

_TEXT, _NUMBER, _DATE, _FLAG = pa.string(), pa.float64(), pa.date32(), pa.bool_()

REASONS: Final = tuple(f"reason_{rank}" for rank in range(1, 7))

COLUMNS: Final[dict[str, tuple[pa.DataType, str]]] = {
    "list_id": (_TEXT, gettext_noop("List")),
    "rank": (pa.int32(), gettext_noop("Rank")),
    "lane": (_TEXT, gettext_noop("What to do")),
    "why": (_TEXT, gettext_noop("Why so")),
    "change": (_TEXT, gettext_noop("Since the last list")),
    "customer_id": (_TEXT, gettext_noop("Customer")),
    "name": (_TEXT, gettext_noop("Name")),
    "language": (_TEXT, gettext_noop("Speaks")),
    "owner": (_TEXT, gettext_noop("Owner")),
    "covered_for": (_TEXT, gettext_noop("Covers for")),
    "preferred_channel": (_TEXT, gettext_noop("Prefers")),
    "channel": (_TEXT, gettext_noop("Contact by")),
    "phone": (_TEXT, gettext_noop("Phone")),
    "email": (_TEXT, gettext_noop("E-mail")),
    "risk": (_TEXT, gettext_noop("Risk")),
    "churn_probability": (_NUMBER, gettext_noop("Chance of leaving")),
    "value_at_stake": (_NUMBER, gettext_noop("Value at stake")),
    "net_gain": (_NUMBER, gettext_noop("Net gain expected")),
    "expected_value": (_NUMBER, gettext_noop("Expected value")),
    "value_low": (_NUMBER, gettext_noop("Value, low")),
    "value_high": (_NUMBER, gettext_noop("Value, high")),
    "last_purchase_on": (_DATE, gettext_noop("Last purchase")),
    "days_since_purchase": (_NUMBER, gettext_noop("Days since")),
    "days_since_dealing": (_NUMBER, gettext_noop("Days since last heard")),
    "usual_gap_days": (_NUMBER, gettext_noop("Usual gap (days)")),
    "silent_since": (_TEXT, gettext_noop("Silent for")),
    "reason_1": (_TEXT, gettext_noop("First reason")),
    "reason_2": (_TEXT, gettext_noop("Second reason")),
    "reason_3": (_TEXT, gettext_noop("Third reason")),
    "reason_4": (_TEXT, gettext_noop("Fourth reason")),
    "reason_5": (_TEXT, gettext_noop("Fifth reason")),
    "reason_6": (_TEXT, gettext_noop("Sixth reason")),
    "themes": (_TEXT, gettext_noop("What about")),
    "last_said_on": (_DATE, gettext_noop("Last heard on")),
    "last_said": (_TEXT, gettext_noop("What they last said")),
    "action": (_TEXT, gettext_noop("Do first")),
    "action_name": (_TEXT, gettext_noop("Action")),
    "budget": (_NUMBER, gettext_noop("May offer up to")),
    "approval": (_FLAG, gettext_noop("Needs approval")),
    "wording": (_TEXT, gettext_noop("Say")),
    "avoid": (_TEXT, gettext_noop("Do not")),
    "otherwise": (_TEXT, gettext_noop("Otherwise")),
}
"""Every column of the list in order: its type, and its heading where people read it."""

ROWS: Final = pa.schema([(name, kind) for name, (kind, _) in COLUMNS.items()])
"""One row a listed customer, key customer_id. Money in the account currency, chances 0..1; lane,
why, change, risk, themes and action_name are codes; other texts stand in the list's language."""

DROPPED: Final = pa.schema(
    [
        ("customer_id", _TEXT),
        ("name", _TEXT),
        ("owner", _TEXT),
        ("lane", _TEXT),
        ("why", _TEXT),
    ]
)
"""One row a customer of the last list who is not on this one: the lane now, or left/unwatched."""

TIMELINE: Final = pa.schema(
    [
        ("customer_id", _TEXT),
        ("place", pa.int32()),
        ("day", _DATE),
        ("kind", _TEXT),
        ("text", _TEXT),
        ("tone", _TEXT),
    ]
)
"""What happened with a listed customer, newest first; tone: good, bad or plain."""

HISTORY: Final = pa.schema(
    [("customer_id", _TEXT), ("snapshot_on", _DATE), ("churn_probability", _NUMBER)]
)
"""The risk of a listed customer over the last snapshots, oldest first."""

HEADINGS: Final = {name: heading for name, (_, heading) in COLUMNS.items()}
MONEY_COLUMNS: Final = (
    "value_at_stake", "net_gain", "expected_value", "value_low", "value_high", "budget",
)  # fmt: skip
DAY_COLUMNS: Final = ("days_since_purchase", "days_since_dealing", "usual_gap_days")
CONTACT_COLUMNS: Final = ("name", "language", "preferred_channel", "email", "phone")

RISK_THRESHOLDS: Final = ((0.60, "very_high"), (0.30, "high"), (0.15, "raised"), (0.0, "low"))
"""The risk is that of the first chance of leaving which is reached."""

RISK_WORDS: Final = {
    "very_high": gettext_noop("very high"),
    "high": gettext_noop("high"),
    "raised": gettext_noop("raised"),
    "low": gettext_noop("low"),
}

CHANGES: Final = {
    "new": gettext_noop("new"),
    "worse": gettext_noop("worse"),
    "better": gettext_noop("better"),
    "same": gettext_noop("no change"),
}
"""Against the last list: not on it, or the chance of leaving has moved enough to say so or not."""

LEFT_COHORT: Final = {
    "": {"left": gettext_noop("has left"), "unwatched": gettext_noop("no longer watched")}
}
"""Beside LANES and WHYS: what became of a customer of the last list whom nobody watches now."""


@dataclass(frozen=True)
class Previous:
    """The list before, and how alike the two are (Jaccard of whom to contact; null: nobody)."""

    list_id: str
    as_of: dt.date
    stability: float | None


@dataclass(frozen=True)
class Listing:
    """One list, ready to be written in any format.

    `rows` has the schema ROWS, in rank order; `lanes` counts the watched customers by lane and why.
    `leaving` completes "customers who ..."; `definition` says what counts as having left;
    `notes` are plain sentences that the reader must see first; `evidence` says what is known of
    what works; `covers` maps an owner who is away to who covers.
    """

    list_id: str
    rows: pa.Table
    company: str
    currency: str
    as_of: dt.date
    lanes: Mapping[str, Mapping[str, int]]
    model: str
    target_description: str
    churn_description: str
    value_days: int
    plays: Mapping[str, str]
    notes: tuple[str, ...] = ()
    evidence: tuple[str, ...] = ()
    limits: tuple[ShadowPrice, ...] = ()
    greedy_loss: float = 0.0
    previous: Previous | None = None
    language: Language = field(default_factory=lambda: language("en"))
    dropped: pa.Table = field(default_factory=DROPPED.empty_table)
    timeline: pa.Table = field(default_factory=TIMELINE.empty_table)
    history: pa.Table = field(default_factory=HISTORY.empty_table)

    @property
    def watched(self) -> int:
        return sum(count for whys in self.lanes.values() for count in whys.values())

    @property
    def value_at_stake(self) -> float:
        """What the listed customers' leaving would cost in expectation, in the currency."""
        return self._sum("value_at_stake")

    @property
    def net_gain(self) -> float:
        """What contacting those to contact should bring in expectation, in the currency."""
        to_contact = self.rows.filter(pc.equal(self.rows["lane"], "contact"))
        return self._sum("net_gain", to_contact)

    def _sum(self, column: str, rows: pa.Table | None = None) -> float:
        values = (self.rows if rows is None else rows)[column].drop_null().to_pylist()
        return round_money(math.fsum(values), self.currency)

    def for_owner(self, owner: str | None) -> "Listing":
        """The part of one owner, ranks kept."""
        rows = self.rows.filter(_equals(self.rows["owner"], owner))
        ids = rows["customer_id"].combine_chunks()
        parts = {
            "timeline": self.timeline.filter(pc.is_in(self.timeline["customer_id"], ids)),
            "history": self.history.filter(pc.is_in(self.history["customer_id"], ids)),
            "dropped": self.dropped.filter(_equals(self.dropped["owner"], owner)),
        }
        return replace(self, rows=rows, **parts)

    def owners(self) -> list[str | None]:
        """Everyone who owns a listed customer, by name; None last, for those without an owner."""
        named = set(self.rows["owner"].to_pylist())
        return sorted(named, key=lambda owner: (owner is None, owner or ""))

    def lane_count(self, lane: str) -> int:
        """How many watched customers are in a lane."""
        return sum(self.lanes.get(lane, {}).values())

    def summary(self) -> dict[str, Any]:
        """All but the rows, as summary.json and the manifest keep it."""
        return {
            "as_of": self.as_of.isoformat(),
            "columns": list(COLUMNS),
            "company": self.company,
            "counts": {"watched": self.watched, "listed": self.rows.num_rows},
            "currency": self.currency,
            "definition": self.target_description,
            "evidence": list(self.evidence),
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
    """An owner in a file's name: ASCII letters and digits, and a hash so that no two are alike."""
    if owner is None:
        return "nobody"
    plain = unicodedata.normalize("NFKD", owner).encode("ascii", "ignore").decode().lower()
    short = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:24]
    return f"{short or 'owner'}-{hashlib.sha256(owner.encode()).hexdigest()[:6]}"


def risk_level(probability: float) -> str:
    """The risk that a chance of leaving is, by RISKS: a key of RISK_WORDS."""
    return next(word for threshold, word in RISK_THRESHOLDS if probability >= threshold)


def round_money(amount: float, currency: str) -> float:
    """An amount rounded to the currency's smallest unit; never a negative zero."""
    return round(amount, minor_digits(currency)) + 0.0


def round_half_up(number: float) -> int:
    """The nearest whole number, halves upwards: 2.5 days are read as 3."""
    return math.floor(number + 0.5)
