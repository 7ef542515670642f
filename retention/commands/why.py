"""`retention why`: one customer as a snapshot sees them, from data/events alone."""

import datetime as dt
import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Final
from zoneinfo import ZoneInfo

import duckdb
import narwhals as nw
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from rich.console import Console
from rich.table import Table
from rich.text import Text

import features as themes
from features.engine import table as features
from features.engine.base import Feature
from retention.cohort import calendar, eligibility
from retention.core import artefacts, engine, events, feature_table, point_in_time
from retention.core.errors import BadInput, BadParams, Guarded
from retention.core.params import EngineParams, Params, load_params
from retention.core.storage import atomic
from retention.i18n.language import language
from retention.serving import target

LATEST: Final = 30
"""How many events are listed, and how many of those held back."""

_ORDER: Final = ("occurred_at", "event_id", "known_at")
_DETAILS: Final = tuple(
    name
    for name in events.MAPPABLE
    if name not in ("kind", "customer_id", "occurred_at", "known_at")
)

Event = dict[str, Any]


@dataclass(frozen=True)
class HeldBack:
    """An event that the snapshot may not see, and why."""

    event: Event
    why: str


@dataclass(frozen=True)
class Seen:
    """A customer at a snapshot: events newest first; the features as one row of their table."""

    customer_id: str
    as_of: dt.date
    used: list[Event]
    held_back: list[HeldBack]
    watched: bool
    features: pa.Table


@dataclass(frozen=True)
class Said:
    """What the champion says of a customer, or why it says nothing."""

    lines: list[str]
    reasons: list[str] | None = None


def seen(chosen: Params, customer_id: str, as_of: dt.date | None) -> Seen:
    """The customer as known at the start of a day, by default that of the list.

    BadInput: no events yet. BadParams: no such customer.
    """
    if not artefacts.EVENTS.path.is_file():
        raise BadInput(f"{artefacts.EVENTS}: not there yet; run make repro first")
    summary = atomic.read_json(artefacts.EVENTS_SUMMARY)
    day = (
        point_in_time.day_number(as_of) if as_of else calendar.plan_calendar(chosen, summary).as_of
    )
    with engine.open_engine(EngineParams(memory=chosen.engine.memory)) as opened:
        mine = opened.scan(artefacts.EVENTS).filter(nw.col("customer_id") == customer_id)
        every = opened.collect(mine, sort=_ORDER)
        if not len(every):
            _require_known(customer_id)
        past = point_in_time.as_known_at(opened.load(every), day, summary["versioned"])
        used = opened.collect(past, sort=_ORDER).to_pylist()[::-1]
        watched = eligibility.cohort(past, day, chosen.labels.churn)
        is_watched = len(opened.collect(watched, sort=["customer_id"])) > 0
        row = _features(chosen, opened, customer_id, day, summary["versioned"])
    held = _held_back(every.to_pylist()[::-1], used, day)
    return Seen(customer_id, point_in_time.date_of(day), used, held, is_watched, row)


def _require_known(customer_id: str) -> None:
    """BadParams, with the nearest ids, for one that neither events nor customers have."""
    paths = [str(one.path) for one in (artefacts.EVENTS, artefacts.CUSTOMERS) if one.path.is_file()]
    ids = f"select distinct customer_id from read_parquet({paths}, union_by_name = true)"
    with duckdb.connect() as connection:
        if connection.execute(f"{ids} where customer_id = ?", [customer_id]).fetchall():
            return
        near = connection.execute(
            f"""select customer_id from ({ids}) order by
                lower(trim(customer_id)) = lower(trim($1)) desc,
                jaro_winkler_similarity(lower(customer_id), lower($1)) desc,
                levenshtein(customer_id, $1), customer_id limit 3""",
            [customer_id],
        ).fetchall()
    nearest = ", ".join(one for (one,) in near)
    raise BadParams(f"no customer has the id {customer_id!r}; nearest: {nearest}; ids are exact")


def _held_back(every: Sequence[Event], used: Sequence[Event], day: int) -> list[HeldBack]:
    """The events that are not used, in their order, each with the reason."""
    kept = {(one["event_id"], one["known_at"]) for one in used}
    newest = {one["event_id"]: one for one in used}
    return [
        HeldBack(one, _why_held(one, newest.get(one["event_id"]), day))
        for one in every
        if (one["event_id"], one["known_at"]) not in kept
    ]


def _why_held(one: Event, newer: Event | None, day: int) -> str:
    if one["known_day"] < day and newer:
        return f"replaced by the version known on {point_in_time.date_of(newer['known_day'])}"
    if one["occurred_day"] >= day:
        return "had not happened yet"
    return f"late: not known before {point_in_time.date_of(one['known_day'])}"


def _features(
    chosen: Params, opened: engine.Engine, customer_id: str, day: int, versioned: bool
) -> pa.Table:
    """The customer's row of data/features, or the same computed now."""
    declared = themes.discover(chosen.features.windows)
    wanted = features.feature_schema(declared)
    stored = _stored(customer_id, point_in_time.date_of(day), wanted)
    if stored is not None:
        return stored
    cohort = opened.load(pa.table({"customer_id": [customer_id]}))
    people = (
        opened.scan(artefacts.CUSTOMERS) if artefacts.CUSTOMERS.path.is_file() else _nobody(opened)
    )
    made = features.features_at(
        opened, opened.scan(artefacts.EVENTS), people, cohort, day, declared, versioned
    )
    return made.cast(wanted)


def _nobody(opened: engine.Engine) -> point_in_time.Frame:
    return opened.load(artefacts.CUSTOMERS.schema.empty_table())


def _stored(customer_id: str, as_of: dt.date, wanted: pa.Schema) -> pa.Table | None:
    path = artefacts.FEATURES.path
    if not path.is_file() or not pq.read_schema(path).equals(wanted):
        return None
    mine = (pc.field("customer_id") == customer_id) & (pc.field("snapshot_on") == as_of)
    found = artefacts.FEATURES.read(filters=mine)
    return found if len(found) else None


def said(chosen: Params, one: Seen) -> Said:
    """The champion's score and reasons; the reason there are none where it cannot give them."""
    from retention.serving import champion, scoring

    if not one.watched:
        return Said([f"none: not watched on {one.as_of} ({_rule(chosen)})"])
    try:
        now = scoring.require_champion(chosen, one.features)
        scorer = champion.load(now)
        scored = scoring.score_cohort(scorer, one.features, one.as_of).to_pylist()[0]
    except Guarded as refusal:
        return Said([f"none: {refusal}"])
    lines = _worth(scored, chosen, now.manifest)
    others, when = _others(chosen, one.as_of)
    if others is None:
        return Said([*lines, f"no reasons: {artefacts.FEATURES} is not there to compare with"])
    from retention.serving import explanations as reasons

    rows = feature_table.matrix(one.features)
    declared = themes.discover(chosen.features.windows)
    middle = feature_table.matrix(others).select_dtypes("number").median()
    parts, told_in = scorer.contributions(rows), language(chosen.at_risk.language)
    given = reasons.reasons(parts, rows, middle, declared, chosen.currency, told_in)
    if when != one.as_of:
        lines.append(f"the reasons compare with those watched on {when}, the nearest day at hand")
    return Said(lines, given["text"].to_list())


def _rule(chosen: Params) -> str:
    churn = chosen.labels.churn
    if churn.rule == "cancel":
        return "no running contract then"
    return f"no {' or '.join(churn.kinds)} in the {churn.active_days} days before"


def _worth(scored: dict[str, Any], chosen: Params, manifest: dict[str, Any]) -> list[str]:
    from retention.worklist.model import RISK_WORDS, risk_level

    money = {key: f"{scored[key]:,.2f} {chosen.currency}" for key in scored if key in _MONEY}
    p, days = scored["churn_probability"], chosen.labels.value.horizon_days
    return [
        f"probability to be lost {p:.1%}, {RISK_WORDS[risk_level(p)]} risk;"
        f" {target.target_description(chosen.labels)}",
        f"expected loss {money['expected_loss']}: worth {money['value_if_kept']} in {days} days if"
        f" kept, {money['value_if_lost']} if lost",
        f"expected value {money['expected_value']}, four times out of five between"
        f" {money['value_low']} and {money['value_high']}",
        f"model: {manifest['titles']['churn']}, learnt up to {manifest['trained_to']}",
    ]


_MONEY: Final = (
    "expected_value", "value_low", "value_high", "value_if_kept", "value_if_lost", "expected_loss",
)  # fmt: skip


def _others(chosen: Params, as_of: dt.date) -> tuple[pa.Table | None, dt.date]:
    """Those watched on a day, or on the nearest day of data/features, and that day."""
    path = artefacts.FEATURES.path
    wanted = features.feature_schema(themes.discover(chosen.features.windows))
    if not path.is_file() or not pq.read_schema(path).equals(wanted):
        return None, as_of
    days = artefacts.FEATURES.read(columns=["snapshot_on"])["snapshot_on"].unique().to_pylist()
    if not days:
        return None, as_of
    day = min(days, key=lambda one: (abs((one - as_of).days), one))
    return artefacts.FEATURES.read(filters=pc.field("snapshot_on") == day), day


# What is shown


def tell(customer_id: str, as_of: dt.date | None, console: Console) -> None:
    """Print a customer's story."""
    chosen = load_params()
    one = seen(chosen, customer_id, as_of)
    _head(console, f"Customer {customer_id} at the start of {one.as_of} ({chosen.time_zone})")
    _print_events(console, one, ZoneInfo(chosen.time_zone))
    _print_features(console, one.features, chosen)
    told = said(chosen, one)
    _head(console, "Score")
    _lines(console, told.lines)
    if told.reasons is not None:
        _head(console, "Reasons for the risk")
        _lines(console, told.reasons or ["nothing stands out against the others watched"])


def _head(console: Console, text: str) -> None:
    console.print(Text(text, style="bold"), soft_wrap=True)


def _lines(console: Console, lines: Sequence[str]) -> None:
    for line in lines:
        console.print(Text(f"  {line}"), soft_wrap=True)


def _counted(kinds: Iterator[str]) -> str:
    counts = sorted(Counter(kinds).items(), key=lambda one: (-one[1], one[0]))
    return ", ".join(f"{many:,} {kind}" for kind, many in counts) or "none"


def _print_events(console: Console, one: Seen, zone: ZoneInfo) -> None:
    shown = f"; the latest {LATEST}:" if len(one.used) > LATEST else ""
    _head(console, f"Events used: {_counted(each['kind'] for each in one.used)}{shown}")
    _grid(console, [_event(each, zone) for each in one.used[:LATEST]])
    held = one.held_back
    reasons = _counted(each.why.split(":")[0].split(" by ")[0] for each in held)
    more = f"; the latest {LATEST}:" if len(held) > LATEST else ""
    _head(console, f"Held back, because not known before {one.as_of}: {reasons}{more}")
    _grid(console, [[each.why, *_event(each.event, zone)] for each in held[:LATEST]])


def _event(one: Event, zone: ZoneInfo) -> list[str]:
    """When, what, and all else that the event says."""
    known = "" if one["known_day"] == one["occurred_day"] else f"known {_time(one, 'known', zone)}"
    details = [
        f"{name.removesuffix('_id')} {_plain(one[name], zone)}"
        for name in _DETAILS
        if one[name] is not None
    ]
    return [_time(one, "occurred", zone), one["kind"], ", ".join(filter(None, [known, *details]))]


def _time(one: Event, clock: str, zone: ZoneInfo) -> str:
    return _plain(one[f"{clock}_at"], zone)


def _plain(value: Any, zone: ZoneInfo) -> str:
    if isinstance(value, dt.datetime):
        local = value.astimezone(zone)
        return f"{local:%Y-%m-%d}" if local.time() == dt.time() else f"{local:%Y-%m-%d %H:%M}"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value) if isinstance(value, str) else _number(float(value))


def _number(value: float) -> str:
    """At most four decimals, without zeros that say nothing."""
    text = f"{value:,.4f}"
    return text.rstrip("0").rstrip(".")


def _print_features(console: Console, row: pa.Table, chosen: Params) -> None:
    values, declared = row.to_pylist()[0], themes.discover(chosen.features.windows)
    _head(console, "Features, by theme")
    for theme, mine in groupby(declared, key=lambda one: one.theme):
        console.print(Text(f"  {theme}", style="italic"))
        _grid(
            console,
            [
                [f"  {_value(values[one.name])}", _unit(one, chosen.currency), one.meaning]
                for one in mine
            ],
        )


def _value(value: Any) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "not known"
    return value if isinstance(value, str) else _number(value)


def _unit(one: Feature, currency: str) -> str:
    return "" if one.unit == "category" else one.unit.replace("currency", currency)


def _grid(console: Console, cells: Sequence[Sequence[str]]) -> None:
    """Rows in aligned columns: wrapped on a terminal, else one line each."""
    if not cells:
        return
    if console.is_terminal:
        grid = Table.grid(padding=(0, 2, 0, 0))
        for row in cells:
            grid.add_row(Text("  "), *(Text(cell) for cell in row))
        console.print(grid)
        return
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for row in cells:
        line = "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True))
        console.print(Text(f"  {line}".rstrip()), soft_wrap=True)
