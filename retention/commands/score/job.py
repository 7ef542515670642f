"""`retention score`: a day, or several in their order, from the raw files to the published list."""

import datetime as dt
import json
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from logging.handlers import MemoryHandler
from pathlib import Path
from typing import Any, Final

from retention.commands.score import counts, fresh, log, plan, process, stage, workspace
from retention.commands.score.asked import Asked
from retention.commands.score.log import Format, summary
from retention.commands.score.process import Failed
from retention.commands.score.workspace import Workplace
from retention.core import artefacts, errors
from retention.core.params import Params, load_params
from retention.core.storage import atomic
from retention.worklist import published

PUBLISHED, PLACED, UNCHANGED = "published", "placed", "unchanged"
"""How a list ended: staff read it now; it stands beside newer ones; it stood there before."""

_STATES: Final = {2: "refused", 3: "refused", 4: "refused", 5: "busy"}


@dataclass
class Summary:
    """A run's end in figures. read, rejected: raw rows; disk_mb: of the work folder at its most."""

    as_of: str | None = None
    state: str = "failed"
    exit: int = 1
    watched: int | None = None
    listed: int | None = None
    read: int = 0
    rejected: int = 0
    list: str | None = None
    seconds: float = 0.0
    peak_mb: float = 0.0
    disk_mb: float = 0.0
    read_mb: float = 0.0

    def count(self, words: Sequence[str], counted: Mapping[str, int]) -> None:
        """Add what a stage counted."""
        self.read += counted.get("read", 0)
        self.rejected += counted.get("rejected", 0)
        if words[0] == "at_risk":
            self.watched, self.listed = counted["watched"], counted["listed"]


def score(asked: Asked, today: Callable[[str], dt.date] = fresh.today) -> int:
    """Score every day asked for, until one is refused; the exit code.

    A refusal is the last line on stderr, a summary of each day a line on stdout. today: the day
    that it is in a time zone.
    """
    records, begun = log.start(asked.form), Summary()
    try:
        chosen = load_params()
        place = Workplace(Path().resolve(), Path(chosen.score.folder).resolve())
        lists = (asked.to or Path(chosen.publish.folder)).resolve()
        if asked.dry:
            _say(list(plan.told(chosen, place, lists, asked.days)), asked.form)
            return 0
        with place.held(lambda text: log.event("lock", text)):
            run = Run(chosen, place, lists, asked.form, records, asked.backfill, today)
            return next((code for code in map(run.over, asked.days) if code), 0)
    except (errors.Refusal, errors.Stopped, OSError) as error:
        _ended(begun, error)
    _out(summary(asdict(begun), asked.form))
    return begun.exit


@dataclass(frozen=True)
class Run:
    """What all days of a run share. lists: the folder to publish into."""

    chosen: Params
    place: Workplace
    lists: Path
    form: Format
    records: MemoryHandler
    backfill: bool
    today: Callable[[str], dt.date]

    def over(self, day: dt.date | None) -> int:
        """Score a day and keep its log, whatever comes of it; the exit code."""
        told, started = Summary(as_of=str(day) if day else None), time.perf_counter()
        try:
            self._score(day, told)
        except (errors.Refusal, errors.Stopped, OSError) as error:
            _ended(told, error)
        except Exception as error:
            stage.keep(self.place.runs)
            _ended(told, Failed(type(error).__name__))
        finally:
            told.seconds = round(time.perf_counter() - started, 1)
            self._keep(told)
        _out(summary(asdict(told), self.form))
        return told.exit

    def _score(self, day: dt.date | None, told: Summary) -> None:
        if not self.place.champion.is_file():
            raise errors.Guarded("champion/ holds no champion; run make repro to train one")
        told.read_mb = plan.read_mb(self.chosen)
        before = published.published_lists(self.lists), published.current(self.lists)
        self.place.prepare(self.chosen)
        # Rows of later days are no mistakes where a day is scored after its time; the cut of the
        # past leaves them out.
        as_of = day or self.chosen.as_of
        self.place.configure(self._changes(None if self.backfill else as_of))
        for words in plan.reading(self.chosen):
            self._stage(words, told)
        self.place.configure(self._changes(as_of))
        for words in (*plan.LISTING, self._placing(day, before[1])):
            self._stage(words, told)
            if words[0] == "snapshots" and as_of is None:
                self._hold_against_today(told)
        told.list = _name(self.place.work)
        told.state, told.exit = _state(before, self.lists, told.list), 0
        log.event(told.state, f"{told.state} {self.lists / told.list}")
        if before[1] and before[1].name > told.list and told.state == PUBLISHED:
            log.event("override", "publish.allow_older let an older list become the current")

    def _stage(self, words: Sequence[str], told: Summary) -> None:
        place = self.place
        ran = process.run(words, place.work, place.root)
        counted = counts.counts(place.work, words)
        told.count(words, counted)
        told.peak_mb = max(told.peak_mb, ran.peak)
        told.disk_mb = max(told.disk_mb, round(workspace.size(place.work) / plan.MB, 1))
        if words[0] == "snapshots":
            told.as_of = counts.as_of(place.work)
        if words[0] == "guard":
            for guard, why in counts.overridden(place.work).items():
                log.event("override", f"guard {guard} is set aside: {why}")
        name, figures = " ".join(words), {"seconds": ran.seconds, "peak_mb": ran.peak, **counted}
        log.event("stage", f"{name}: {log.figures_text(figures)}", {"stage": name, **figures})

    def _hold_against_today(self, told: Summary) -> None:
        """Refuse a day that nobody named, if the data that led to it ends long ago."""
        ends = dt.date.fromisoformat(str(told.as_of))
        fresh.check(ends, self.today(self.chosen.time_zone), self.chosen.guard)

    def _changes(self, as_of: dt.date | None) -> dict[str, Any]:
        """What is other in params.yaml as the stages of the run read it."""
        return {
            "as_of": as_of and str(as_of),
            "snapshots": {"most": min(self.chosen.snapshots.most, workspace.EARLIER)},
            "publish": {"folder": str(self.lists)},
            **workspace.moved(self.chosen, self.place.root),
        }

    def _placing(self, day: dt.date | None, now: Path | None) -> plan.Stage:
        """The stage that publishes: of an older day in a backfill, the one that moves nothing."""
        if not (self.backfill and day and now):
            return plan.PUBLISH
        manifest = atomic.read_json(now / published.MANIFEST)
        older = manifest["company"] == self.chosen.company and manifest["as_of"] > str(day)
        return plan.PLACE if older else plan.PUBLISH

    def _keep(self, told: Summary) -> None:
        """What stays: the log, the guards' page; if it ended well, what it knew and its summary."""
        self.place.keep(artefacts.GUARD_PAGE)
        if not told.exit:
            self.place.keep(artefacts.EVENTS_SUMMARY, workspace.KNOWN)
        self.place.clear()
        day = told.as_of or "undated"
        end = json.dumps({"event": "summary", **asdict(told)}, ensure_ascii=False)
        atomic.write_text(self.place.log_of(day), f"{log.take_lines(self.records)}{end}\n")
        if not told.exit:
            atomic.write_json(self.place.summary_of(day), asdict(told))
        self.place.forget(self.chosen.score.keep)


def _name(work: Path) -> str:
    """The id under which the list of a work folder is published."""
    folder = work / artefacts.AT_RISK.path.parent
    return published.run_id(published.build_manifest(folder, counts.summary_of_list(work)))


def _state(before: tuple[list[Path], Path | None], lists: Path, name: str) -> str:
    stood, now = before[0], published.current(lists)
    if now == lists / name:
        return UNCHANGED if now == before[1] else PUBLISHED
    return UNCHANGED if lists / name in stood else PLACED


def _ended(told: Summary, error: BaseException) -> None:
    """Tell why a run ends without a list, as its last line, and its exit code."""
    told.exit = getattr(error, "code", errors.Refusal.code)
    told.state = _STATES.get(told.exit, "failed")
    words = str(error)
    if isinstance(error, OSError):
        words = f"{error.filename or 'the disk'}: {error.strerror or type(error).__name__}"
    name, words = "failed" if isinstance(error, Failed) else "refused", " ".join(words.split())
    log.event(name, words, {"exit": told.exit}, prefix=f"{name}: ")


def _out(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _say(lines: Sequence[str], form: Format) -> None:
    for line in [json.dumps({"plan": lines})] if form == "json" else lines:
        _out(line)
