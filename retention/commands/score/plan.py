"""What a run will do: its stages, and what it can be expected to take."""

import datetime as dt
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from retention.commands.score import workspace
from retention.commands.score.workspace import Workplace
from retention.core.params import Params
from retention.core.storage import atomic
from retention.sources import reader
from retention.worklist import published

Stage = tuple[str, ...]
"""A module of pipeline/, and its arguments."""

REGISTRY: Final = "scheduled.registry"
EXTRACT: Final[Stage] = ("extract",)
LISTING: Final[tuple[Stage, ...]] = (
    ("customers",), ("events",), ("snapshots",), ("features",), ("interactions",), ("score",),
    ("guard",), ("at_risk",),
)  # fmt: skip
"""From the events to the list. Nothing of it is learnt: labels, training and reports stay out."""

PUBLISH: Final[Stage] = ("publish",)
PLACE: Final[Stage] = ("scheduled.placing",)
MB: Final = 1 << 20


def reading(chosen: Params) -> list[Stage]:
    """The stages that come before a day matters: is it the right champion, what is in the files."""
    registry = [(REGISTRY,)] if chosen.score.champion == "registry" else []
    tables = [EXTRACT] if workspace.tables(chosen) else []
    return [*registry, *tables, *(("ingest", source) for source in chosen.sources)]


def read_mb(chosen: Params) -> float:
    """How much the raw files hold, and what was copied of tables, in MB.

    BadInput where a file is missing.
    """
    named = chosen.raw_files().values()
    found = [path for one in named if not one.table for path in reader.paths(one.path)]
    copied = [Path(one.path) for one in named if one.table]
    return round(sum(workspace.size(path) for path in (*found, *copied)) / MB, 1)


def last(place: Workplace) -> dict[str, Any] | None:
    """The summary of the newest day that ended well."""
    kept = sorted(place.runs.glob("????-??-??.json"))
    return dict(atomic.read_json(kept[-1])) if kept else None


def told(
    chosen: Params, place: Workplace, lists: Path, days: Sequence[dt.date | None]
) -> Iterator[str]:
    """What a run would do and take, a line each. BadInput where a raw file is missing."""
    named = ", ".join(str(day or "the day after the last one known") for day in days)
    yield f"would score {named}"
    yield f"with {_champion(place)}"
    now = published.current(lists)
    yield f"and publish into {lists}, where the current list is {now.name if now else 'none yet'}"
    yield from _expected(read_mb(chosen), last(place))
    yield f"working in {place.work}; nothing was changed"


def _champion(place: Workplace) -> str:
    if not place.champion.is_file():
        return "no champion yet: it would be refused"
    manifest = atomic.read_json(place.champion)
    return f"{manifest['titles']['churn']}, learnt up to {manifest['trained_to']}"


def _expected(now: float, before: dict[str, Any] | None) -> Iterator[str]:
    """Rows and time grow with the files; memory is bounded by engine.memory."""
    yield f"from {now:,.1f} MB of raw files"
    if before is None:
        yield "rows, time and memory are not known before a first run"
        return
    more = now / before["read_mb"] if before["read_mb"] else 1.0
    yield (
        f"about {before['read'] * more:,.0f} rows, {before['seconds'] * more:,.0f} s, "
        f"{before['peak_mb']:,.0f} MB of memory and {before['disk_mb'] * more:,.0f} MB of disk, "
        f"by the run of {before['as_of']}"
    )
