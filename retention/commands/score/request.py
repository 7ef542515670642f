"""What a run is asked for: its days, its stages, its plan, and whether the data is fresh enough."""

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

from retention.commands.score import log, workspace
from retention.commands.score.log import Format
from retention.commands.score.workspace import Workspace
from retention.core.errors import BadInput, BadParams, Guarded
from retention.core.params import GuardParams, Params
from retention.core.storage import atomic
from retention.monitoring.finding import OK, REFUSED, level_of
from retention.monitoring.freshness import silence_limits
from retention.monitoring.rhythm import Rhythm
from retention.sources import reader
from retention.worklist import published

Stage = tuple[str, ...]
"""A module of pipeline/ or a function of `stages`, and its arguments."""

EXTRACT: Final[Stage] = ("extract",)
CHECK_REGISTRY: Final[Stage] = ("check_registry",)
LIST_STAGES: Final[tuple[Stage, ...]] = (
    ("customers",),
    ("events",),
    ("snapshots",),
    ("features",),
    ("interactions",),
    ("score",),
    ("guard",),
    ("at_risk",),
)
"""From the events to the list, without labels, training and reports."""

PUBLISH: Final[Stage] = ("publish",)
PUBLISH_BACKFILL: Final[Stage] = ("publish_backfill",)
REPORTS: Final[Stage] = ("reports",)
"""The pages on service and outcomes, of a list that is now the current one."""

MB: Final = 1 << 20
_ONE_DAY: Final = dt.timedelta(days=1)


@dataclass(frozen=True)
class ScoreRequest:
    """What the command line asks for."""

    days: Sequence[dt.date | None]  # in order; None is the day of params.yaml
    publish_to: Path | None = None  # None is publish.folder
    log_format: Format = "text"
    is_backfill: bool = False  # a list older than the current one is published beside it
    is_dry_run: bool = False


def days_to_score(
    as_of: dt.date | None, first: dt.date | None, last: dt.date | None
) -> Sequence[dt.date | None]:
    """The days of `--as-of`, or of `--from` and `--to`; BadParams for another combination."""
    if first is None and last is None:
        return [as_of]
    if as_of is not None:
        raise BadParams("--as-of is one day, --from and --to are several: give one or the other")
    if first is None or last is None:
        raise BadParams("--from and --to: give both, as --from 2026-11-20 --to 2026-11-22")
    if last < first:
        raise BadParams(f"--to {last} lies before --from {first}")
    return [first + i * _ONE_DAY for i in range((last - first).days + 1)]


def input_stages(params: Params) -> list[Stage]:
    """The stages that do not depend on the day: is it the right champion, what do files hold."""
    registry = [CHECK_REGISTRY] if params.score.champion == "registry" else []
    tables = [EXTRACT] if workspace.reads_tables(params) else []
    return [*registry, *tables, *(("ingest", source) for source in params.sources)]


# The plan


def plan_lines(
    params: Params, space: Workspace, lists: Path, days: Sequence[dt.date | None]
) -> Iterator[str]:
    """What a run would do and take, a line each; BadInput where a raw file is missing."""
    days_text = ", ".join(str(day or "the day after the last one known") for day in days)
    yield f"would score {days_text}"
    yield f"with {_champion_text(space)}"
    current = published.current(lists)
    name = current.name if current else "none yet"
    yield f"and publish into {lists}, where the current list is {name}"
    yield from _expected_cost(input_mb(params), _last_summary(space))
    yield f"working in {space.work}; nothing was changed"


def input_mb(params: Params) -> float:
    """The size of the raw files and copies of tables, in MB; BadInput where one is missing."""
    raw_files = params.raw_files().values()
    paths = [path for file in raw_files if not file.table for path in reader.paths(file.path)]
    copies = [Path(file.path) for file in raw_files if file.table]
    return round(sum(workspace.size(path) for path in (*paths, *copies)) / MB, 1)


def _last_summary(space: Workspace) -> dict[str, Any] | None:
    """The summary of the newest day that ended well."""
    paths = sorted(space.runs.glob("????-??-??.json"))
    return dict(atomic.read_json(paths[-1])) if paths else None


def _champion_text(space: Workspace) -> str:
    from retention.serving import champion  # with the model libraries, which a plan alone needs

    now = champion.current(space.champion.parent)
    return now.manifest.description if now else "no champion yet: it would be refused"


def _expected_cost(raw_mb: float, before: dict[str, Any] | None) -> Iterator[str]:
    """Rows and time grow with the files; memory is bounded by engine.memory."""
    yield f"from {raw_mb:,.1f} MB of raw files"
    if before is None:
        yield "rows, time and memory are not known before a first run"
        return
    growth = raw_mb / before["read_mb"] if before["read_mb"] else 1.0
    yield (
        f"about {before['read'] * growth:,.0f} rows, {before['seconds'] * growth:,.0f} s, "
        f"{before['peak_mb']:,.0f} MB of memory and {before['disk_mb'] * growth:,.0f} MB of disk, "
        f"by the run of {before['as_of']}"
    )


# Freshness


def today(time_zone: str) -> dt.date:
    """The present day in the company's time zone."""
    return dt.datetime.now(ZoneInfo(time_zone)).date()


def check_freshness(
    as_of: dt.date, present_day: dt.date, guard_params: GuardParams, of_label: Rhythm
) -> None:
    """Compare the day after the last one of the data with the present day, as guard freshness does.

    of_label: the rhythm of all sources of the label together.

    Only for a day that follows from the data: guard freshness cannot see that all sources have
    ended, and this is the one place where a day is compared with the clock. Errors: BadInput where
    the data ends in the future; Guarded where it ends too long ago and no override of that day
    allows it. A warning and an override are logged.
    """
    age, last_day = (present_day - as_of).days, as_of - _ONE_DAY
    if as_of > present_day + _ONE_DAY:  # rows of today lead to a list of tomorrow
        raise BadInput(
            f"the data ends in the future: its last day is {last_day}, and today is {present_day}; "
            "mend the dates, or this machine's clock, or give the day with --as-of"
        )
    warn, refuse = silence_limits(of_label, guard_params)
    level = level_of(age, warn, refuse)
    text = f"guard freshness: the data ends on {last_day}, {age} days before today, {present_day}"
    is_overridden = guard_params.override_on == as_of
    reason = guard_params.override.get("freshness") if is_overridden else None
    if level == REFUSED and reason is None:
        limit = guard_params.stale_refuse_days
        own = "" if refuse == limit else f"; the data's own rhythm allows {refuse}"
        raise Guarded(
            f"{text} (guard.stale_refuse_days: {limit}{own}). Nothing is published: "
            "deliver newer files; to go on all the same set guard.override: "
            f'{{freshness: "why, by whom"}} and guard.override_on: "{as_of}"'
        )
    if level == REFUSED:
        log.event("override", f"guard freshness is set aside: {reason}")
    if level != OK:
        log.event("stale", text)
