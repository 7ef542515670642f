"""Check params.yaml: its keys, its paths, and what its labels need of the history."""

import datetime as dt
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

import yaml
from pydantic import ValidationError

from retention.cohort.calendar import Calendar, label_kinds, plan_calendar
from retention.commands.check.findings import (
    PARAMS,
    FindingGroup,
    count_of,
    date_text,
    nearest_text,
    similar_names,
)
from retention.core import events, point_in_time
from retention.core.documents.sources import EventsSummary
from retention.core.errors import BadInput, BadParams
from retention.core.params import EventMapping, Params, describe_error, load_params
from retention.core.params.old_keys import old_keys, with_new_keys

_STAND_INS: Final[dict[str, Any]] = {
    "time_zone": "UTC",
    "currency": "XXX",
    "labels": {"churn": {"rule": "silence"}},
}
"""Values for missing keys, so that the rest can be checked."""

_LATE_DAYS: Final = 7

_KeyPath = tuple[int | str, ...]


# Keys


def read_params(path: Path, group: FindingGroup) -> tuple[Params | None, set[str]]:
    """The params without their mistakes, and the top-level keys that have some.

    The params are None when too much is wrong.
    """
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError):
        raw = None
    doubled = set()
    for key in old_keys(raw):
        if key.is_doubled:
            group.error(key, PARAMS)
            doubled.add(key.place)
        else:
            group.doubt(key)
    try:
        return load_params(path), set()
    except BadParams as refusal:
        first = str(refusal)
    if isinstance(raw, dict):
        params, broken = _drop_broken_keys(with_new_keys(_without(raw, doubled)), group)
        return params, broken | {str(section) for section, *_ in doubled}
    group.error(first, PARAMS)
    return None, set()


def _drop_broken_keys(raw: dict[str, Any], group: FindingGroup) -> tuple[Params | None, set[str]]:
    """Report every wrong key and drop it, until the rest is valid."""
    broken: set[str] = set()
    for attempt in range(2 * len(Params.model_fields)):
        try:
            return Params.model_validate(raw), broken
        except ValidationError as error:
            problems = error.errors(include_context=False)
        for problem in problems:
            if not attempt or problem["type"] not in ("missing", "too_short"):
                group.error(describe_error(problem), PARAMS)
        paths = [problem["loc"] for problem in problems if problem["loc"]]
        broken |= {str(first) for first, *_ in paths}
        missing = {first for first, *rest in paths if not rest and first not in raw}
        raw = _without(raw, {_present_part(raw, path) for path in paths})
        raw |= {key: value for key, value in _STAND_INS.items() if key in missing}
    return None, broken


def _present_part(raw: Any, path: _KeyPath) -> _KeyPath:
    """The part of a path that exists: of a missing key, the mapping that lacks it."""
    steps: Collection[Any] = ()
    if isinstance(raw, dict):
        steps = raw
    elif isinstance(raw, list):
        steps = range(len(raw))
    if not path or path[0] not in steps:
        return ()
    return (path[0], *_present_part(raw[path[0]], path[1:]))


def _without(raw: Any, paths: set[_KeyPath], here: _KeyPath = ()) -> Any:
    """A copy without what lies at the paths."""
    if not isinstance(raw, (dict, list)):
        return raw
    steps = list(raw.items() if isinstance(raw, dict) else enumerate(raw))
    present = {
        step: _without(value, paths, (*here, step))
        for step, value in steps
        if (*here, step) not in paths
    }
    return present if isinstance(raw, dict) else list(present.values())


# Paths


def check_params(params: Params, group: FindingGroup) -> None:
    """Findings about paths that dvc repro would empty or not see, about targets; else a summary."""
    for key, raw_file in params.raw_files().items():
        if not raw_file.table:
            _check_path(params, key, raw_file.path, group)
    files = {"customers": params.customers, "scorecard.staff": params.scorecard.staff}
    for key, file in files.items():
        if file and not file.table and not _is_inside(file.path, "data/raw", "data/example"):
            group.doubt(
                f"{key}.path: {file.path} lies outside data/raw/ and data/example/, so"
                " dvc repro would not notice a change; move it to data/raw/"
            )
    _check_targets(params.scorecard.targets, group)
    if group.sound:
        as_of = params.as_of or "the day after the last known day of the label's kinds"
        group.ok(
            f"{params.company}, {count_of(len(params.sources), 'source')}, scored as of {as_of}"
        )


def _check_targets(targets: Collection[str], group: FindingGroup) -> None:
    """Errors for targets of unknown metrics."""
    if not targets:
        return
    # The metrics need pandas, which is slow to import.
    from retention.scorecard.metrics import METRICS

    for name in targets:
        if name not in METRICS:
            near = nearest_text(similar_names(name, METRICS) or sorted(METRICS))
            group.error(f"scorecard.targets.{name}: no such measure; {near}", PARAMS)


def _check_path(params: Params, key: str, path: str, group: FindingGroup) -> None:
    """Findings about raw data where stage `example` writes, which it empties without an example."""
    if params.example and not _is_inside(path, f"data/example/{params.example}"):
        group.doubt(
            f"example: {params.example} is written though {key} reads {path};"
            " for a company of your own write example: null"
        )
    elif not params.example and _is_inside(path, "data/example"):
        group.error(
            f"{key} reads {path}, but dvc repro empties data/example/ while example is null;"
            " move the file to data/raw/ and write its path there",
            PARAMS,
        )


def _is_inside(path: str, *folders: str) -> bool:
    return any(Path(path).is_relative_to(folder) for folder in folders)


# Labels


def check_labels(params: Params, group: FindingGroup) -> None:
    """Findings about kinds, columns and windows that the labels need."""
    mappings = [mapping for source in params.sources.values() for mapping in source.events]
    _check_kinds(params, list(dict.fromkeys(mapping.kind for mapping in mappings)), group)
    _check_contract_ids(params, mappings, group)
    _check_amounts(params, mappings, group)
    _check_windows(params, group)


def _check_kinds(params: Params, emitted: Sequence[str], group: FindingGroup) -> None:
    """Findings about kinds that a label reads and no mapping emits, or that no feature reads."""
    churn, value = params.labels.churn, params.labels.value
    key = "labels.churn.kinds" if churn.rule == "silence" else "labels.churn.rule: cancel"
    for kind in label_kinds(churn):
        if kind not in emitted:
            group.error(f"{key}: {_no_mapping(kind, emitted)}", PARAMS)
    for option, kinds in {"kinds": value.kinds, "cost_kinds": value.cost_kinds}.items():
        for kind in kinds:
            if kind not in (*emitted, "return"):
                group.doubt(f"labels.value.{option}: {_no_mapping(kind, emitted)}")
    for kind in emitted:
        close = similar_names(kind, events.KINDS)
        if kind not in events.KINDS and close:
            group.doubt(
                f"kind {kind!r} is one of your own; {nearest_text(close)}: is that meant? Of your"
                " own kinds nothing is known but their columns"
            )


def _no_mapping(kind: str, emitted: Sequence[str]) -> str:
    close = similar_names(kind, emitted)
    fix = nearest_text(close) if close else f"mappings emit {', '.join(emitted)}"
    return f"no mapping emits {kind!r}; {fix}; write one of these, or map {kind} in a source"


def _check_contract_ids(
    params: Params, mappings: Sequence[EventMapping], group: FindingGroup
) -> None:
    """Where no start and no cancel has one, the customer is the contract."""
    of_contracts = [mapping for mapping in mappings if mapping.kind in ("start", "cancel")]
    if params.labels.churn.rule != "cancel" or not any(m.contract_id for m in of_contracts):
        return
    for mapping in of_contracts:
        if not mapping.contract_id:
            group.error(
                f"labels.churn.rule: cancel: kind {mapping.kind} is mapped without contract_id,"
                " which others have, so it belongs to none of their contracts; map contract_id in"
                " all of them, or in none",
                PARAMS,
            )


def _check_amounts(params: Params, mappings: Sequence[EventMapping], group: FindingGroup) -> None:
    value = params.labels.value
    for column, kinds in {"amount": value.kinds, "cost": value.cost_kinds}.items():
        for kind in kinds:
            columns = [getattr(mapping, column) for mapping in mappings if mapping.kind == kind]
            if columns and not any(columns):
                group.doubt(
                    f"labels.value: {kind} is mapped without {column}, so it is worth"
                    f" nothing; map {column}"
                )


def _check_windows(params: Params, group: FindingGroup) -> None:
    longest = max(params.features.windows, default=0)
    horizons = {
        "churn": params.labels.churn.horizon_days,
        "value": params.labels.value.horizon_days,
    }
    for name, days in horizons.items():
        if days > longest:
            group.doubt(
                f"labels.{name}.horizon_days: {days}, but the longest of features.windows is"
                f" {longest}; add {days} to features.windows"
            )


# The calendar


def check_calendar(params: Params, history: EventsSummary, group: FindingGroup) -> None:
    """Findings about as_of and the snapshots, given the days that are known."""
    try:
        newest = plan_calendar(params.model_copy(update={"as_of": None}), history).as_of
        calendar = plan_calendar(params, history)
    except BadInput as refusal:
        if params.as_of is None:
            group.error(refusal)
        return
    if params.as_of is None:
        _check_last_day(params, newest - 1, group)
    kinds = label_kinds(params.labels.churn)
    first = min(history.kinds[kind].first_day for kind in kinds if kind in history.kinds)
    _check_as_of(params, calendar.as_of, first, newest, group)
    if first < calendar.as_of <= newest + _LATE_DAYS:
        _check_snapshots(params, calendar, first, group)


def _check_last_day(params: Params, last_day: int, group: FindingGroup) -> None:
    """A doubt when the day from which as_of follows is not over."""
    today = dt.datetime.now(ZoneInfo(params.time_zone)).date()
    if last_day < point_in_time.day_number(today):
        return
    kinds = ", ".join(label_kinds(params.labels.churn))
    group.doubt(
        f"as_of: null follows the last day on which the sources know of {kinds},"
        f" {date_text(last_day)}, which is not over on {today}: all days before it count as"
        " complete, and those without events as silence; mend a wrong date, map an end announced"
        " for later as kind: notice, or write as_of"
    )


def _check_as_of(params: Params, as_of: int, first: int, newest: int, group: FindingGroup) -> None:
    as_of_text, better = f'as_of: "{params.as_of}"', f'as_of: "{date_text(newest)}"'
    if as_of <= first:
        group.error(
            f"{as_of_text} lies before the first event, of {date_text(first)}; write {better}, or"
            " null",
            PARAMS,
        )
    elif as_of > newest + _LATE_DAYS:
        group.doubt(
            f"{as_of_text} lies {as_of - newest:,} days after the last day known,"
            f" {date_text(newest - 1)}, so the days between look silent; get newer data, or write"
            f" {better}"
        )
    elif newest - as_of > params.labels.churn.horizon_days:
        group.doubt(
            f"{as_of_text} leaves out {newest - as_of:,} days of later events; for the newest"
            f" list write {better}"
        )


def _check_snapshots(params: Params, calendar: Calendar, first: int, group: FindingGroup) -> None:
    if calendar.learning:
        days = f"{date_text(calendar.learning[0])} to {date_text(calendar.learning[-1])}"
        group.ok(f"{count_of(len(calendar.learning), 'snapshot')} to learn from, {days}")
        return
    need = params.labels.churn.active_days + point_in_time.label_delay_days(params.labels)
    group.doubt(
        f"labels: {calendar.as_of - first:,} days of history before as_of, but active_days and the"
        f" longest horizon need {need:,} before one label is mature: nothing can be learnt from who"
        " left; shorten labels.churn.active_days or horizon_days, or get an older history"
    )
