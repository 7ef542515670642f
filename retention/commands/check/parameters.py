"""params.yaml: its keys, its paths, and what its labels ask of the history."""

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import yaml
from pydantic import ValidationError

from retention.cohort import calendar
from retention.commands.check.findings import PARAMS, Group, alike, date, many, nearest
from retention.core import events, point_in_time
from retention.core.errors import BadInput, BadParams
from retention.core.params import EventMapping, Params, describe_error, load_params

_STAND_INS: Final[dict[str, Any]] = {
    "time_zone": "UTC",
    "currency": "XXX",
    "labels": {"churn": {"rule": "silence"}},
}
"""What a missing key is taken for, so that the rest can be looked at."""

_LATE_DAYS: Final = 7

_Place = tuple[int | str, ...]


# Keys


def read(path: Path, group: Group) -> tuple[Params | None, set[str]]:
    """The params as if mended, and the top-level keys that were not sound; None when hopeless."""
    try:
        return load_params(path), set()
    except BadParams as refusal:
        first = str(refusal)
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError):
        raw = None
    if isinstance(raw, dict):
        return _mended(raw, group)
    group.error(first, PARAMS)
    return None, set()


def _mended(raw: dict[str, Any], group: Group) -> tuple[Params | None, set[str]]:
    """Report every wrong key, and drop it until the rest is sound."""
    broken: set[str] = set()
    for again in range(2 * len(Params.model_fields)):
        try:
            return Params.model_validate(raw), broken
        except ValidationError as error:
            found = error.errors(include_context=False)
        for one in found:
            if not again or one["type"] not in ("missing", "too_short"):
                group.error(describe_error(one), PARAMS)
        wrong = [one["loc"] for one in found if one["loc"]]
        broken |= {str(first) for first, *_ in wrong}
        missing = {first for first, *rest in wrong if not rest and first not in raw}
        raw = _without(raw, {_there(raw, one) for one in wrong})
        raw |= {key: value for key, value in _STAND_INS.items() if key in missing}
    return None, broken


def _there(raw: Any, place: _Place) -> _Place:
    """As much of a place as there is: where a key is missing, what misses it."""
    steps: Collection[Any] = ()
    if isinstance(raw, dict):
        steps = raw
    elif isinstance(raw, list):
        steps = range(len(raw))
    if not place or place[0] not in steps:
        return ()
    return (place[0], *_there(raw[place[0]], place[1:]))


def _without(raw: Any, places: set[_Place], here: _Place = ()) -> Any:
    """A copy without what lies at the places."""
    if not isinstance(raw, (dict, list)):
        return raw
    steps = list(raw.items() if isinstance(raw, dict) else enumerate(raw))
    kept = {
        step: _without(value, places, (*here, step))
        for step, value in steps
        if (*here, step) not in places
    }
    return kept if isinstance(raw, dict) else list(kept.values())


# Paths


def describe(rules: Params, group: Group) -> None:
    """Whether dvc repro leaves the files alone and sees their changes; then what the company is."""
    for key, path in _paths(rules):
        _look_at_path(rules, key, path, group)
    for key, file in {
        "customers": rules.customers,
        "scorecard.staff": rules.scorecard.staff,
    }.items():
        if file and not file.table and not _inside(file.path, "data/raw", "data/example"):
            group.doubt(
                f"{key}.path: {file.path} lies outside data/raw/ and data/example/, so"
                " dvc repro would not notice a change; move it to data/raw/"
            )
    _targets(rules.scorecard.targets, group)
    if group.sound:
        when = rules.as_of or "the day after the last known day"
        group.ok(f"{rules.company}, {many(len(rules.sources), 'source')}, scored as of {when}")


def _paths(rules: Params) -> Iterator[tuple[str, str]]:
    for key, file in rules.raw_files().items():
        if not file.table:
            yield key, file.path


def _targets(targets: Collection[str], group: Group) -> None:
    """Targets for what is no measure; the measures are looked up only where there are targets."""
    if not targets:
        return
    from retention.scorecard.metrics import MEASURES

    for name in targets:
        if name not in MEASURES:
            near = nearest(alike(name, MEASURES) or sorted(MEASURES))
            group.error(f"scorecard.targets.{name}: no such measure; {near}", PARAMS)


def _look_at_path(rules: Params, key: str, path: str, group: Group) -> None:
    """The stage `example` writes data/example/ anew, and empties it for a company of your own."""
    if rules.example and not _inside(path, f"data/example/{rules.example}"):
        group.doubt(
            f"example: {rules.example} is written though {key} reads {path};"
            " for a company of your own write example: null"
        )
    elif not rules.example and _inside(path, "data/example"):
        group.error(
            f"{key} reads {path}, but dvc repro empties data/example/ while example is null;"
            " move the file to data/raw/ and write its path there",
            PARAMS,
        )


def _inside(path: str, *folders: str) -> bool:
    return any(Path(path).is_relative_to(folder) for folder in folders)


# Labels


def look_at_labels(rules: Params, group: Group) -> None:
    """Kinds, columns and windows that the labels need."""
    mappings = [one for source in rules.sources.values() for one in source.events]
    _kinds(rules, list(dict.fromkeys(one.kind for one in mappings)), group)
    _contracts(rules, mappings, group)
    _money(rules, mappings, group)
    _windows(rules, group)


def _kinds(rules: Params, emitted: Sequence[str], group: Group) -> None:
    """Kinds that a label reads and no mapping emits."""
    churn, value = rules.labels.churn, rules.labels.value
    key = "labels.churn.kinds" if churn.rule == "silence" else "labels.churn.rule: cancel"
    for kind in calendar.label_kinds(churn):
        if kind not in emitted:
            group.error(f"{key}: {_no_mapping(kind, emitted)}", PARAMS)
    for option, kinds in {"kinds": value.kinds, "cost_kinds": value.cost_kinds}.items():
        for kind in kinds:
            if kind not in (*emitted, "return"):
                group.doubt(f"labels.value.{option}: {_no_mapping(kind, emitted)}")
    for kind in emitted:
        close = alike(kind, events.KINDS)
        if kind not in events.KINDS and close:
            group.doubt(f"kind {kind!r} is none that features read; {nearest(close)}; is it meant?")


def _no_mapping(kind: str, emitted: Sequence[str]) -> str:
    close = alike(kind, emitted)
    fix = nearest(close) if close else f"mappings emit {', '.join(emitted)}"
    return f"no mapping emits {kind!r}; {fix}; write one of these, or map {kind} in a source"


def _contracts(rules: Params, mappings: Sequence[EventMapping], group: Group) -> None:
    for one in mappings if rules.labels.churn.rule == "cancel" else ():
        if one.kind in ("start", "cancel") and not one.contract_id:
            group.error(
                f"labels.churn.rule: cancel: kind {one.kind} is mapped without contract_id, so it"
                " ends no contract; map contract_id",
                PARAMS,
            )


def _money(rules: Params, mappings: Sequence[EventMapping], group: Group) -> None:
    value = rules.labels.value
    for column, kinds in {"amount": value.kinds, "cost": value.cost_kinds}.items():
        for kind in kinds:
            mine = [getattr(one, column) for one in mappings if one.kind == kind]
            if mine and not any(mine):
                group.doubt(f"labels.value: {kind} is mapped without {column}, so it is worth"
                            f" nothing; map {column}")  # fmt: skip


def _windows(rules: Params, group: Group) -> None:
    longest = max(rules.features.windows, default=0)
    horizons = {"churn": rules.labels.churn.horizon_days, "value": rules.labels.value.horizon_days}
    for name, days in horizons.items():
        if days > longest:
            group.doubt(
                f"labels.{name}.horizon_days: {days}, but the longest of features.windows is"
                f" {longest}; add {days} to features.windows"
            )


# The calendar


def look_at_calendar(rules: Params, history: dict[str, Any], group: Group) -> None:
    """as_of and the horizon beside the days that are known."""
    try:
        when = calendar.plan(rules, history)
        newest = calendar.plan(rules.model_copy(update={"as_of": None}), history).as_of
    except BadInput:
        return
    kinds = calendar.label_kinds(rules.labels.churn)
    first = min(history["kinds"][one]["first_day"] for one in kinds if one in history["kinds"])
    _as_of(rules, when.as_of, first, newest, group)
    if first < when.as_of <= newest + _LATE_DAYS:
        _snapshots(rules, when, first, group)


def _as_of(rules: Params, as_of: int, first: int, newest: int, group: Group) -> None:
    said, better = f'as_of: "{rules.as_of}"', f'as_of: "{date(newest)}"'
    if as_of <= first:
        group.error(f"{said} lies before the first event, of {date(first)}; write {better}, or"
                    " null", PARAMS)  # fmt: skip
    elif as_of > newest + _LATE_DAYS:
        group.doubt(
            f"{said} lies {as_of - newest:,} days after the last day known, {date(newest - 1)}, so"
            f" the days between look silent; get newer data, or write {better}"
        )
    elif newest - as_of > rules.labels.churn.horizon_days:
        group.doubt(f"{said} leaves out {newest - as_of:,} days of later events; for the newest"
                    f" list write {better}")  # fmt: skip


def _snapshots(rules: Params, when: calendar.Calendar, first: int, group: Group) -> None:
    if when.learning:
        days = f"{date(when.learning[0])} to {date(when.learning[-1])}"
        group.ok(f"{many(len(when.learning), 'snapshot')} to learn from, {days}")
        return
    need = rules.labels.churn.active_days + point_in_time.ripening(rules.labels)
    group.error(
        f"labels: {when.as_of - first:,} days of history before as_of, but active_days and the"
        f" longest horizon need {need:,} before one label is ripe; shorten"
        " labels.churn.active_days or horizon_days, or get an older history",
        PARAMS,
    )
