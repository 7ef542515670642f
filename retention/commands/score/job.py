"""`retention score`: one day or several in order, from the raw files to the published list."""

import datetime as dt
import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from logging.handlers import MemoryHandler
from pathlib import Path
from typing import Any, Final

from retention.commands.score import log, process, report, request, workspace
from retention.commands.score.log import Format
from retention.commands.score.process import Failed
from retention.commands.score.report import Summary
from retention.commands.score.request import ScoreRequest, Stage
from retention.commands.score.workspace import Workspace
from retention.core import artefacts, errors
from retention.core.params import Params, load_params
from retention.core.storage import atomic
from retention.worklist import published

PUBLISHED, PLACED, UNCHANGED = "published", "placed", "unchanged"
"""State of a list: it is the current one; it is beside newer ones; it was published before."""

_PAGES: Final = (
    artefacts.GUARD_PAGE,
    artefacts.SCORECARD_PAGE,
    artefacts.SCORECARD_TABLE,
    artefacts.OUTCOMES_PAGE,
    artefacts.OUTCOMES_TABLE,
)
"""Kept in the folder of runs, over those of the last run."""

_STATES: Final = {2: "refused", 3: "refused", 4: "refused", 5: "busy"}


def score(score_request: ScoreRequest, today: Callable[[str], dt.date] = request.today) -> int:
    """Score the days of a request until one is refused; the exit code.

    A refusal is the last line on stderr, the summary of each day a line on stdout. today: the
    present day of a time zone.
    """
    log_format = score_request.log_format
    records, summary = log.start(log_format), Summary()
    try:
        params = load_params()
        space = Workspace(Path().resolve(), Path(params.score.folder).resolve())
        lists = (score_request.publish_to or Path(params.publish.folder)).resolve()
        if score_request.is_dry_run:
            _print_plan(params, space, lists, score_request)
            return 0
        with space.held(lambda text: log.event("lock", text)):
            run = ScoringRun(
                params, space, lists, log_format, records, score_request.is_backfill, today
            )
            return next((code for code in map(run.score_day, score_request.days) if code), 0)
    except (errors.Refusal, errors.Stopped, OSError) as error:
        _log_refusal(summary, error)
    _print(log.summary(asdict(summary), log_format))
    return summary.exit


@dataclass(frozen=True)
class ScoringRun:
    """What all days of a run share."""

    params: Params
    space: Workspace
    lists: Path  # the folder to publish into
    log_format: Format
    records: MemoryHandler
    is_backfill: bool
    today: Callable[[str], dt.date]

    def score_day(self, day: dt.date | None) -> int:
        """Score a day and write its log, whatever happens; the exit code."""
        summary, start = Summary(as_of=str(day) if day else None), time.perf_counter()
        try:
            self._score(day, summary)
        except (errors.Refusal, errors.Stopped, OSError) as error:
            _log_refusal(summary, error)
        except Exception as error:
            process.write_traceback(self.space.runs)
            _log_refusal(summary, Failed(type(error).__name__))
        finally:
            summary.seconds = round(time.perf_counter() - start, 1)
            self._write_results(summary)
        _print(log.summary(asdict(summary), self.log_format))
        return summary.exit

    def _score(self, day: dt.date | None, summary: Summary) -> None:
        if not self.space.champion.is_file():
            raise errors.Guarded("champion/ holds no champion; run make repro to train one")
        summary.read_mb = request.input_mb(self.params)
        earlier, current = published.published_lists(self.lists), published.current(self.lists)
        self.space.prepare(self.params)
        # A backfill reads rows of later days too: they are no mistakes, and the cut at the
        # snapshot leaves them out.
        as_of = day or self.params.as_of
        self.space.configure(self._changes(None if self.is_backfill else as_of))
        for words in request.input_stages(self.params):
            self._run_stage(words, summary)
        self.space.configure(self._changes(as_of))
        for words in (*request.LIST_STAGES, self._publish_stage(day, current)):
            self._run_stage(words, summary)
            if words[0] == "snapshots" and as_of is None:
                self._check_freshness(summary)
        summary.list = report.run_id(self.space.work)
        summary.state, summary.exit = _state(earlier, current, self.lists, summary.list), 0
        if summary.state == PUBLISHED:
            self._make_reports(summary)
        log.event(summary.state, f"{summary.state} {self.lists / summary.list}")
        if current and current.name > summary.list and summary.state == PUBLISHED:
            log.event("override", "publish.allow_older let an older list become the current")

    def _run_stage(self, words: Stage, summary: Summary) -> None:
        work = self.space.work
        usage = process.run(words, work, self.space.root)
        counts = report.stage_counts(work, words)
        summary.add(words[0], counts)
        summary.peak_mb = max(summary.peak_mb, usage.peak_mb)
        summary.disk_mb = max(summary.disk_mb, round(workspace.size(work) / request.MB, 1))
        if words[0] == "snapshots":
            summary.as_of = report.scored_day(work)
        if words[0] == "guard":
            for guard, reason in report.overrides(work).items():
                log.event("override", f"guard {guard} is set aside: {reason}")
        name = " ".join(words)
        figures = {"seconds": usage.seconds, "peak_mb": usage.peak_mb, **counts}
        log.event("stage", f"{name}: {log.figures_text(figures)}", {"stage": name, **figures})

    def _make_reports(self, summary: Summary) -> None:
        """Make the pages that go with a new list; the list stands without them."""
        try:
            self._run_stage(request.REPORTS, summary)
        except errors.Refusal as error:
            log.event("said", f"no new pages on service and outcomes: {error}")

    def _check_freshness(self, summary: Summary) -> None:
        """Refuse a day that nobody named, if the data that led to it ends long ago."""
        as_of = dt.date.fromisoformat(str(summary.as_of))
        present_day = self.today(self.params.time_zone)
        of_label = report.label_rhythm(self.space.work, self.params, as_of)
        request.check_freshness(as_of, present_day, self.params.guard, of_label)

    def _changes(self, as_of: dt.date | None) -> dict[str, Any]:
        """The changes to params.yaml for the stages of the run."""
        return {
            "as_of": as_of and str(as_of),
            "snapshots": {"most": min(self.params.snapshots.most, workspace.EARLIER_DAYS)},
            "publish": {"folder": str(self.lists)},
            **workspace.absolute_paths(self.params, self.space.root),
        }

    def _publish_stage(self, day: dt.date | None, current: Path | None) -> Stage:
        """The stage that publishes; for an older day of a backfill the current list stays."""
        if not (self.is_backfill and day and current):
            return request.PUBLISH
        manifest = published.read_manifest(current)
        is_older = manifest.company == self.params.company and manifest.as_of > day
        return request.PUBLISH_BACKFILL if is_older else request.PUBLISH

    def _write_results(self, summary: Summary) -> None:
        """Keep the log and the pages that were made; after a good end also the summaries."""
        for page in _PAGES:
            self.space.keep(page)
        if not summary.exit:
            self.space.keep(artefacts.EVENTS_SUMMARY, workspace.LAST_EVENTS_SUMMARY)
        if summary.state == PUBLISHED:
            self.space.keep_newest()
        self.space.clear()
        day = summary.as_of or "undated"
        last_line = json.dumps({"event": "summary", **asdict(summary)}, ensure_ascii=False)
        atomic.write_text(self.space.log_of(day), f"{log.take_lines(self.records)}{last_line}\n")
        if not summary.exit:
            atomic.write_json(self.space.summary_of(day), asdict(summary))
        self.space.remove_old_days(self.params.score.keep)


def _state(earlier: list[Path], before: Path | None, lists: Path, name: str) -> str:
    current = published.current(lists)
    if current == lists / name:
        return UNCHANGED if current == before else PUBLISHED
    return UNCHANGED if lists / name in earlier else PLACED


def _log_refusal(summary: Summary, error: BaseException) -> None:
    """Log why a run ends without a list, as its last line, and set its exit code."""
    summary.exit = getattr(error, "code", errors.Refusal.code)
    summary.state = _STATES.get(summary.exit, "failed")
    text = str(error)
    if isinstance(error, OSError):
        text = f"{error.filename or 'the disk'}: {error.strerror or type(error).__name__}"
    name = "failed" if isinstance(error, Failed) else "refused"
    log.event(name, " ".join(text.split()), {"exit": summary.exit}, prefix=f"{name}: ")


def _print(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _print_plan(params: Params, space: Workspace, lists: Path, score_request: ScoreRequest) -> None:
    lines: Sequence[str] = list(request.plan_lines(params, space, lists, score_request.days))
    if score_request.log_format == "json":
        lines = [json.dumps({"plan": lines})]
    for line in lines:
        _print(line)
