"""`retention why`: one customer as known at a snapshot, from the data behind the newest list."""

import datetime as dt
import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
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

from features import of_company
from features.engine.base import Feature
from features.engine.table import feature_schema, features_at
from retention.cohort import calendar, eligibility
from retention.commands.score import workspace
from retention.core import artefacts, engine, events, feature_table, point_in_time
from retention.core.artefacts.modelling import LIFETIME_COLUMNS, SCORE_COLUMNS
from retention.core.documents.modelling import CandidateManifest
from retention.core.errors import BadInput, BadParams, Guarded
from retention.core.params import EngineParams, Params, load_params
from retention.i18n.language import language
from retention.ledgers import erasures, runs
from retention.policy.lanes import LANE_REASONS, LANES, LISTED_LANES
from retention.serving import target
from retention.worklist import published, to_csv

MAX_EVENTS: Final = 30
"""How many of the events used are listed, and how many of those held back."""

_ORDER: Final = ("occurred_at", "event_id", "known_at")
_DETAILS: Final = tuple(
    name
    for name in events.MAPPABLE
    if name not in ("kind", "customer_id", "occurred_at", "known_at")
)

Event = dict[str, Any]


@dataclass(frozen=True)
class HeldBackEvent:
    """An event that is not known at the snapshot, and why."""

    event: Event
    reason: str


@dataclass(frozen=True)
class CustomerHistory:
    """A customer at a snapshot."""

    customer_id: str
    as_of: dt.date
    used: list[Event]  # newest first
    held_back: list[HeldBackEvent]
    in_cohort: bool
    features: pa.Table  # one row of artefacts.FEATURES
    root: Path  # of the data, as `known_data` finds it


@dataclass(frozen=True)
class ScoreExplanation:
    """The champion's score of a customer and its reasons, or why there are none."""

    lines: list[str]
    reasons: list[str] | None = None


@dataclass(frozen=True)
class KnownData:
    """Where the data lies that `why` speaks of, and the day before which it ends."""

    root: Path
    day: dt.date


def known_data(params: Params) -> KnownData:
    """The data of the last `make repro`, or of the newest list of `retention score` where later.

    Errors: BadInput without events.
    """
    newest = Path(params.score.folder) / workspace.NEWEST
    nightly = None
    if artefacts.LIST_SUMMARY.under(newest).path.is_file():
        of_list = artefacts.LIST_SUMMARY.under(newest).read()
        if of_list.company == params.company:
            nightly = KnownData(newest, of_list.as_of)
    if not artefacts.EVENTS.path.is_file():
        if nightly is None:
            raise BadInput(f"{artefacts.EVENTS}: not there yet; run make repro first")
        return nightly
    planned = calendar.plan_calendar(params, artefacts.EVENTS_SUMMARY.read()).as_of
    own = KnownData(Path(), point_in_time.date_of(planned))
    if nightly is None or nightly.day < own.day:
        return own
    return nightly if nightly.day > own.day or _is_of_other_data(_newest_list(params)) else own


def customer_history(params: Params, customer_id: str, as_of: dt.date | None) -> CustomerHistory:
    """The customer as known at the start of a day, by default that of the list.

    Errors: BadInput without events; BadParams for a customer who is unknown or was erased.
    """
    if erasures.read().erased_among([customer_id]):
        raise BadParams(f"customer {customer_id!r} was erased, as ledgers/erased says")
    source = known_data(params)
    summary = artefacts.EVENTS_SUMMARY.under(source.root).read()
    day = point_in_time.day_number(as_of or source.day)
    with engine.open_engine(EngineParams(memory=params.engine.memory)) as opened:
        events_known = artefacts.EVENTS.under(source.root)
        own_events = opened.scan(events_known).filter(nw.col("customer_id") == customer_id)
        all_events = opened.collect(own_events, sort=_ORDER)
        if not len(all_events):
            _require_customer(customer_id, newer_data(params, as_of), source.root)
        past = point_in_time.as_known_at(opened.load(all_events), day, summary.versioned)
        used = opened.collect(past, sort=_ORDER).to_pylist()[::-1]
        cohort = eligibility.cohort(past, day, params.labels.churn)
        in_cohort = len(opened.collect(cohort, sort=["customer_id"])) > 0
        row = _features_at(params, opened, customer_id, day, source.root)
    held_back = _held_back(all_events.to_pylist()[::-1], used, day)
    on = point_in_time.date_of(day)
    return CustomerHistory(customer_id, on, used, held_back, in_cohort, row, source.root)


def newer_data(params: Params, as_of: dt.date | None) -> str:
    """A sentence where more is known of the day than the data has, of which `why` speaks; or ''.

    `retention score` keeps the data of the newest list that it published from this folder.
    """
    source = known_data(params)
    data_day = source.day
    if as_of is not None and as_of < data_day:
        return ""
    newest, advice = _newest_list(params), "is missing here; run make repro first"
    ends = f"{artefacts.EVENTS.under(source.root)} ends before {data_day}"
    if newest["as_of"] > str(data_day) and as_of != data_day:
        list_day = newest["as_of"]
        return f"{ends}, the newest list is of {list_day}: what was learnt in between {advice}"
    if as_of is not None and as_of > data_day:
        return f"{ends}: what was learnt since then {advice}"
    is_own = source.root == Path()
    if is_own and newest["as_of"] == str(data_day) and _is_of_other_data(newest):
        return (
            f"the newest list is of {data_day} too, and was made from other files or by another"
            " champion; run make repro first"
        )
    return ""


def _newest_list(params: Params) -> dict[str, Any]:
    """The company's newest published list: its record in ledgers/runs, or its manifest.

    Its as_of is blank where there is no list.
    """
    current = published.current(Path(params.publish.folder))
    manifests = [] if current is None else [published.read_manifest(current)]
    lists: list[dict[str, Any]] = [
        *(manifest.as_json() for manifest in manifests if manifest.company == params.company),
        *(run.as_json() for run in runs.read(runs.FOLDER, params.company)),
    ]
    # Of two of one day the last: runs are in the order in which they were published.
    return max(reversed(lists), key=lambda each: str(each["as_of"]), default={"as_of": ""})


def _is_of_other_data(newest: dict[str, Any]) -> bool:
    """Whether a run's measurements are not those of data/guard; False where either has none."""
    if not artefacts.GUARD_SUMMARY.path.is_file() or not newest.keys() >= set(runs.IDENTITY_KEYS):
        return False
    own_run = artefacts.GUARD_SUMMARY.read().run.as_json()
    return any(newest[key] != own_run[key] for key in runs.IDENTITY_KEYS)


def _require_customer(customer_id: str, newer: str, root: Path) -> None:
    """BadParams, with the nearest ids, for an id that neither events nor customers have."""
    paths = [
        str(artefact.under(root))
        for artefact in (artefacts.EVENTS, artefacts.CUSTOMERS)
        if artefact.under(root).path.is_file()
    ]
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
    nearest = ", ".join(near_id for (near_id,) in near)
    unknown = f"no customer has the id {customer_id!r}; nearest: {nearest}; ids are exact"
    raise BadParams(f"{unknown}; {newer}" if newer else unknown)


def _held_back(all_events: Sequence[Event], used: Sequence[Event], day: int) -> list[HeldBackEvent]:
    """The events that are not used, in their order, each with the reason."""
    used_versions = {(event["event_id"], event["known_at"]) for event in used}
    newest = {event["event_id"]: event for event in used}
    return [
        HeldBackEvent(event, _reason_held_back(event, newest.get(event["event_id"]), day))
        for event in all_events
        if (event["event_id"], event["known_at"]) not in used_versions
    ]


def _reason_held_back(event: Event, newer: Event | None, day: int) -> str:
    if event["known_day"] < day and newer:
        return f"replaced by the version known on {point_in_time.date_of(newer['known_day'])}"
    if event["occurred_day"] >= day:
        return "had not happened yet"
    return f"late: not known before {point_in_time.date_of(event['known_day'])}"


def _features_at(
    params: Params, opened: engine.Engine, customer_id: str, day: int, root: Path
) -> pa.Table:
    """The customer's row of features, computed now: data/features may be of earlier events."""
    events_known, customers = artefacts.EVENTS.under(root), artefacts.CUSTOMERS.under(root)
    versioned = artefacts.EVENTS_SUMMARY.under(root).read().versioned
    declared = of_company(params)
    cohort = opened.load(pa.table({"customer_id": [customer_id]}))
    people = opened.scan(customers) if customers.path.is_file() else _no_customers(opened)
    row = features_at(opened, opened.scan(events_known), people, cohort, day, declared, versioned)
    return row.cast(feature_schema(declared))


def _no_customers(opened: engine.Engine) -> point_in_time.Frame:
    return opened.load(artefacts.CUSTOMERS.schema.empty_table())


def explain_score(params: Params, history: CustomerHistory) -> ScoreExplanation:
    """The champion's score and reasons, or why it has none."""
    from retention.serving import champion, explanations, scoring

    if not history.in_cohort:
        return ScoreExplanation(
            [f"none: not in the cohort of {history.as_of} ({_not_in_cohort_text(params)})"]
        )
    try:
        current = scoring.require_champion(params, history.features)
        scorer = champion.load(current)
        lifetime = champion.lifetime(current)
        table = scoring.score_cohort(scorer, history.features, history.as_of, lifetime)
        scored = table.to_pylist()[0]
    except Guarded as refusal:
        return ScoreExplanation([f"none: {refusal}"])
    lines = _score_lines(scored, params, current.manifest)
    if lifetime:
        lines += _lifetime_lines(scored, params.currency, lifetime.horizon_days)
    cohort_features, compared_on = _comparison_features(params, history)
    if cohort_features is None:
        return ScoreExplanation(
            [*lines, f"no reasons: {artefacts.FEATURES} is not there to compare with"]
        )
    rows = feature_table.matrix(history.features)
    declared = of_company(params)
    medians = feature_table.matrix(cohort_features).select_dtypes("number").median()
    parts, text_language = scorer.contributions(rows), language(params.at_risk.language)
    explained = explanations.reasons(
        parts, rows, medians, declared, params.currency, text_language, history.as_of
    )
    if compared_on != history.as_of:
        lines.append(
            f"the reasons compare with the cohort of {compared_on}, the nearest snapshot in"
            " data/features"
        )
    return ScoreExplanation(lines, explained["text"].dropna().to_list())


def lane_lines(customer_id: str, as_of: dt.date, root: Path = Path()) -> list[str]:
    """The customer's lane in data/at_risk and why, or [] where that is of another day.

    root: of the data, as `known_data` finds it.
    """
    of_cohort, of_list = artefacts.LANES.under(root), artefacts.LIST_SUMMARY.under(root)
    is_there = of_cohort.path.is_file() and of_list.path.is_file()
    if not is_there or of_list.read().as_of != as_of:
        return []
    lanes = of_cohort.read(filters=pc.field("customer_id") == customer_id).to_pylist()
    if not lanes:
        return ["not listed: not in the cohort"]
    lane, why = lanes[0]["lane"], lanes[0]["why"]
    words = f"lane {LANES[lane]}: {LANE_REASONS[lane][why]}"
    if lane not in LISTED_LANES:
        return [f"not listed; {words}"]
    path = _list_path(root, as_of)
    if path is None:
        return [words]
    list_rows = to_csv.read(path).filter(pc.field("customer_id") == customer_id)
    if not len(list_rows):
        return [f"not listed: beyond at_risk.others; {words}"]
    return [f"rank {list_rows['rank'][0].as_py()}; {words}"]


def _list_path(root: Path, as_of: dt.date) -> Path | None:
    """The list of a day: that of data/at_risk, or the published one; None where it is elsewhere."""
    if root == Path():
        return artefacts.AT_RISK.path
    current = published.current(Path(load_params().publish.folder))
    if current is None or published.read_manifest(current).as_of != as_of:
        return None
    return current / artefacts.AT_RISK.path.name


def _not_in_cohort_text(params: Params) -> str:
    churn = params.labels.churn
    if churn.rule == "cancel":
        return "no running contract then"
    return f"no {' or '.join(churn.kinds)} in the {churn.active_days} days before"


def _score_lines(scored: dict[str, Any], params: Params, manifest: CandidateManifest) -> list[str]:
    from retention.worklist.model import RISK_WORDS, risk_level

    money = {
        key: f"{amount:,.2f} {params.currency}"
        for key, amount in scored.items()
        if key in _MONEY and amount is not None
    }
    interval = (
        f", four times out of five between {money['value_low']} and {money['value_high']}"
        if "value_low" in money
        else ""
    )
    p, days = scored["churn_probability"], params.labels.value.horizon_days
    return [
        f"churn probability {p:.1%}, {RISK_WORDS[risk_level(p)]} risk;"
        f" {target.target_description(params.labels)}",
        f"expected loss {money['expected_loss']}: worth {money['value_if_kept']} in {days} days if"
        f" kept, {money['value_if_lost']} if lost",
        f"expected value {money['expected_value']}{interval}",
        f"model: {manifest.description}",
    ]


def _lifetime_lines(scored: dict[str, Any], currency: str, days: int) -> list[str]:
    """When the customer leaves, and what they are worth over so many days."""
    names = [column.name for column in LIFETIME_COLUMNS if column.name.startswith("leave_within_")]
    chances = [
        f"{scored[name]:.1%} within {name.rpartition('_')[2]} days"
        for name in names
        if scored[name] is not None
    ]
    interval = (
        f", four times out of five between {scored['lifetime_low']:,.2f} and"
        f" {scored['lifetime_high']:,.2f} {currency}"
        if scored["lifetime_low"] is not None
        else ""
    )
    return [
        f"has left: {', '.join(chances)}; after {scored['expected_days']:.0f} days on average",
        f"worth {scored['lifetime_value']:,.2f} {currency} in {days} days{interval}; leaving costs"
        f" {scored['lifetime_loss']:,.2f} {currency} of it",
    ]


_MONEY: Final = {column.name for column in SCORE_COLUMNS} - {"churn_probability"}


def _comparison_features(
    params: Params, history: CustomerHistory
) -> tuple[pa.Table | None, dt.date]:
    """The features of the cohort on the day, or on the nearest one in data/features; that day."""
    cohorts, as_of = artefacts.FEATURES.under(history.root), history.as_of
    path = cohorts.path
    schema = feature_schema(of_company(params))
    if not path.is_file() or not pq.read_schema(path).equals(schema):
        return None, as_of
    days = cohorts.read(columns=["snapshot_on"])["snapshot_on"].unique().to_pylist()
    if not days:
        return None, as_of
    day = min(days, key=lambda snapshot_on: (abs((snapshot_on - as_of).days), snapshot_on))
    return cohorts.read(filters=pc.field("snapshot_on") == day), day


# Printing


def print_customer(customer_id: str, as_of: dt.date | None, console: Console) -> None:
    """The command: print a customer's reasons, lane and score, then the events and features."""
    params = load_params()
    history = customer_history(params, customer_id, as_of)
    _print_heading(
        console, f"Customer {customer_id} at the start of {history.as_of} ({params.time_zone})"
    )
    newer = newer_data(params, as_of)
    if newer:
        _print_lines(console, [f"note: {newer}"])
    explanation = explain_score(params, history)
    if explanation.reasons is not None:
        _print_heading(console, "Reasons for the risk")
        _print_lines(
            console, explanation.reasons or ["nothing stands out against the rest of the cohort"]
        )
    lane = lane_lines(customer_id, history.as_of, history.root)
    if lane:
        _print_heading(console, f"On the list of {history.as_of}")
        _print_lines(console, lane)
    _print_heading(console, "Score")
    _print_lines(console, explanation.lines)
    _print_events(console, history, ZoneInfo(params.time_zone))
    _print_features(console, history.features, params)


def _print_heading(console: Console, text: str) -> None:
    console.print(Text(text, style="bold"), soft_wrap=True)


def _print_lines(console: Console, lines: Sequence[str]) -> None:
    for line in lines:
        console.print(Text(f"  {line}"), soft_wrap=True)


def _count_text(kinds: Iterator[str]) -> str:
    counts = sorted(Counter(kinds).items(), key=lambda count: (-count[1], count[0]))
    return ", ".join(f"{n_events:,} {kind}" for kind, n_events in counts) or "none"


def _print_events(console: Console, history: CustomerHistory, zone: ZoneInfo) -> None:
    shown = f"; the latest {MAX_EVENTS}:" if len(history.used) > MAX_EVENTS else ""
    _print_heading(
        console, f"Events used: {_count_text(event['kind'] for event in history.used)}{shown}"
    )
    _print_grid(console, [_event_cells(event, zone) for event in history.used[:MAX_EVENTS]])
    held = history.held_back
    reasons = _count_text(event.reason.split(":")[0].split(" by ")[0] for event in held)
    more = f"; the latest {MAX_EVENTS}:" if len(held) > MAX_EVENTS else ""
    _print_heading(console, f"Held back, because not known before {history.as_of}: {reasons}{more}")
    _print_grid(
        console, [[event.reason, *_event_cells(event.event, zone)] for event in held[:MAX_EVENTS]]
    )


def _event_cells(event: Event, zone: ZoneInfo) -> list[str]:
    """The cells of an event: when, what, and its other columns."""
    known_text = (
        ""
        if event["known_day"] == event["occurred_day"]
        else f"known {_time(event, 'known', zone)}"
    )
    details = [
        f"{name.removesuffix('_id')} {_value_text(event[name], zone)}"
        for name in _DETAILS
        if event[name] is not None
    ]
    return [
        _time(event, "occurred", zone),
        event["kind"],
        ", ".join(filter(None, [known_text, *details])),
    ]


def _time(event: Event, clock: str, zone: ZoneInfo) -> str:
    return _value_text(event[f"{clock}_at"], zone)


def _value_text(value: Any, zone: ZoneInfo) -> str:
    if isinstance(value, dt.datetime):
        local = value.astimezone(zone)
        return f"{local:%Y-%m-%d}" if local.time() == dt.time() else f"{local:%Y-%m-%d %H:%M}"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value) if isinstance(value, str) else _number_text(float(value))


def _number_text(value: float) -> str:
    """At most four decimals, without trailing zeros."""
    text = f"{value:,.4f}"
    return text.rstrip("0").rstrip(".")


def _print_features(console: Console, row: pa.Table, params: Params) -> None:
    values, declared = row.to_pylist()[0], of_company(params)
    _print_heading(console, "Features, by theme")
    for theme, theme_features in groupby(declared, key=lambda feature: feature.theme):
        console.print(Text(f"  {theme}", style="italic"))
        _print_grid(
            console,
            [
                [
                    f"  {feature.name}",
                    _feature_value(values[feature.name]),
                    _unit_text(feature, params.currency),
                    feature.meaning,
                ]
                for feature in theme_features
            ],
        )


def _feature_value(value: Any) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "not known"
    return value if isinstance(value, str) else _number_text(value)


def _unit_text(feature: Feature, currency: str) -> str:
    return "" if feature.unit == "category" else feature.unit.replace("currency", currency)


def _print_grid(console: Console, cells: Sequence[Sequence[str]]) -> None:
    """Rows in aligned columns: wrapped on a terminal, else one line event."""
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
