"""The events of a company's own kind as rows, each compared with the others of its customer."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import narwhals as nw

from features.engine.base import Grain, Past, grain
from retention.core.params import Params
from retention.core.point_in_time import Frame

TEXTS: Final = ("channel", "topic", "cause", "treatment")
IDS: Final = ("case_id", "order_id")
THINGS: Final = ("item_id", "agent_id")
FINE: Final = 10**6  # ratings and quantities are summed in whole parts of this
_ORDER: Final = ("occurred_minute", "event_id")
_NUMBERS: Final = {
    "amount_units": "amount",
    "rating_parts": "rating",
    "good": "resolved",
    "ahead": "effective_at",
}
"""The columns of numbers of which the customer's last is told, by what they are made from."""


@dataclass(frozen=True)
class OwnKind:
    """A kind that no theme names, with the event columns that some mapping of it fills."""

    name: str
    columns: frozenset[str]
    shared: frozenset[str] = frozenset()  # of IDS: those that another kind has too
    windows: tuple[int, ...] = ()  # of params
    # it states no promise, but another kind with an id of `shared` does
    has_linked_promise: bool = False

    @property
    def subject(self) -> str:
        """The kind as people read it."""
        return self.name.replace("_", " ")

    @property
    def is_promised(self) -> bool:
        """Whether it is known by when it was due."""
        return self.has_linked_promise or "promised_at" in self.columns

    def having(self, names: Iterable[str]) -> list[str]:
        """Those columns of some that the kind has."""
        return [name for name in names if name in self.columns]


def every_column(name: str, windows: Iterable[int]) -> OwnKind:
    """A kind that has all columns of which features can be made: for documents and catalogues."""
    numbers = {*_NUMBERS.values(), "quoted_amount", "quantity", "cost", "promised_at"}
    return OwnKind(
        name, frozenset({*TEXTS, *THINGS, *IDS, *numbers}), frozenset(IDS), tuple(windows)
    )


def own_kinds_of(params: Params) -> list[OwnKind]:
    """The kinds of params that no theme of features names, by name.

    What states no promise itself has that of the others with its id, as the order of a delivery.
    """
    columns: dict[str, set[str]] = {}
    for source in params.sources.values():
        for mapping in source.events:
            columns.setdefault(mapping.kind, set()).update(mapping.columns())
    kinds, windows = [], tuple(params.features.windows)
    for name in params.own_kinds():
        others = [columns[other] for other in columns if other != name]
        shared = {each for each in IDS if each in columns[name] and any(each in o for o in others)}
        promised = any("promised_at" in other and shared & other for other in others)
        linked = promised and "promised_at" not in columns[name]
        kind = OwnKind(name, frozenset(columns[name]), frozenset(shared), windows, linked)
        kinds.append(kind)
    return kinds


def rows_of(kind: OwnKind) -> Grain:
    """One row an event of a kind: customer_id, event_id, age, the columns mapped, and of those

    gap : days since the customer's event before; for a thing or text c, c_before: the same of the
        one before with the same value
    last_c : the value where it is the customer's newest known one, else null
    times_c, most_c : of a text, how many events have this value, and the most that have one
    id_took, id_open : of a shared id, days since the first event of any kind with it, and 1 where
        none followed, else 0
    """

    def rows(past: Past) -> Frame:
        plain = _columns_of_one_row(past, kind)
        frame = past.events(kind.name).select(
            "customer_id",
            "event_id",
            "age",
            "occurred_minute",
            "occurred_day",
            "promised_day",
            **plain,
        )
        for name in sorted(kind.shared):
            frame = _with_links(past, frame, name)
        promises = [nw.col("promised_day")]
        if kind.has_linked_promise:
            promises = [nw.col(f"{name}_promised") for name in sorted(kind.shared)]
        if kind.is_promised:
            late_days = nw.col("occurred_day") - nw.coalesce(*promises)
            frame = frame.with_columns(late_days=late_days)
        return _with_order(frame, kind)

    rows.__name__ = f"events of {kind.name}"
    return grain(kind.name)(rows)


def _columns_of_one_row(past: Past, kind: OwnKind) -> dict[str, nw.Expr]:
    columns = {name: nw.col(name) for name in kind.having((*TEXTS, *IDS, *THINGS))}
    columns |= {
        f"{name}_units": nw.col(f"{name}_units") for name in kind.having(("amount", "cost"))
    }
    if len(kind.having(("amount", "quoted_amount"))) == 2:
        columns["over_units"] = nw.col("amount_units") - nw.col("quoted_amount_units")
    for name in kind.having(("quantity", "rating")):
        columns[f"{name}_parts"] = (nw.col(name) * FINE).round().cast(nw.Int64())
    if "resolved" in kind.columns:
        columns["good"] = nw.when(nw.col("resolved")).then(1).when(~nw.col("resolved")).then(0)
    if "effective_at" in kind.columns:
        columns["ahead"] = nw.col("effective_day") - past.snapshot
    return columns


def _links(name: str) -> Grain:
    """One row a customer and id: the age of the first event with it, the newest, its promise."""

    def rows(past: Past) -> Frame:
        with_id = past.all_events.filter(~nw.col(name).is_null())
        return with_id.group_by("customer_id", name).agg(
            nw.col("age").max().alias(f"{name}_began"),
            nw.col("occurred_minute").max().alias(f"{name}_newest"),
            nw.col("promised_day").max().alias(f"{name}_promised"),
        )

    rows.__name__ = f"events by {name}"
    return Grain(rows.__name__, (), rows)


_LINKS: Final = {name: _links(name) for name in IDS}


def _with_links(past: Past, frame: Frame, name: str) -> Frame:
    joined = frame.join(past[_LINKS[name]], on=["customer_id", name], how="left")
    is_followed = nw.col(f"{name}_newest") > nw.col("occurred_minute")
    is_open = nw.when(is_followed).then(0).when(~is_followed).then(1)
    took = nw.col(f"{name}_began") - nw.col("age")
    return joined.with_columns(is_open.alias(f"{name}_open"), took.alias(f"{name}_took")).drop(
        f"{name}_began", f"{name}_newest"
    )


def _with_order(frame: Frame, kind: OwnKind) -> Frame:
    """The rows with what the customer's other events of the kind make of them."""
    texts, numbers = kind.having(TEXTS), [n for n in _NUMBERS if _NUMBERS[n] in kind.columns]
    numbers += ["late_days"] if kind.is_promised else []
    age, minute = nw.col("age"), nw.col("occurred_minute")
    first = {"gap": age.shift(1).over("customer_id", order_by=_ORDER) - age}
    second: dict[str, nw.Expr] = {}
    for name in kind.having((*TEXTS, *THINGS, *IDS)):
        before = age.shift(1).over("customer_id", name, order_by=_ORDER)
        first[f"{name}_before"] = nw.when(~nw.col(name).is_null()).then(before - age)
    for name in texts:
        is_known = nw.when(~nw.col(name).is_null()).then(1).otherwise(0)
        first[f"times_{name}"] = is_known.sum().over("customer_id", name)
        second[f"most_{name}"] = nw.col(f"times_{name}").max().over("customer_id")
    for name in (*texts, *numbers):
        known_minute = nw.when(~nw.col(name).is_null()).then(minute)
        first[f"newest_{name}"] = known_minute.max().over("customer_id")
        is_newest = minute == nw.col(f"newest_{name}")
        second[f"last_{name}"] = nw.when(is_newest).then(nw.col(name))
    frame = frame.with_columns(**first)
    return frame.with_columns(**second) if second else frame
