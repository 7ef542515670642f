"""Rows, rejects and columns of a run compared with the runs before."""

import datetime as dt
import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from retention.core.params import GuardParams
from retention.ledgers.runs import Run
from retention.monitoring.finding import OK, REFUSED, WARNED, Finding, format_limits, level_of
from retention.monitoring.own_past import largest_fall, widened

MIN_ROWS_TO_REFUSE: Final = 30
"""With fewer rows in the last run a drop may be chance, and only warns."""

MIN_DROP: Final = 0.1
"""The share of a source's rows that may be missing after any number of runs."""

DROP_OF_ONE_RUN: Final = 0.4
"""What may be missing beyond the largest fall so far, divided by the number of runs compared: a
file of which half is missing is refused from the second comparison on, however much it grew."""

MIN_REJECT_LIMIT: Final = 0.001
"""The share of rejects up to which there is no warning, whatever the last run had."""

_NO_EARLIER_RUN: Final = "There is no earlier run of this company to compare with."
_CUSTOMERS: Final = "customers file"
_COHORT: Final = "active customers"


def row_count(
    run: Run, earlier: Sequence[Run], guard_params: GuardParams, own_cohorts: Mapping[str, int]
) -> list[Finding]:
    """Rows of every source and of the customers file, and the cohort, against the last run.

    A drop refuses. That holds for customers too: a missing row may be one that objects to contact.
    earlier: the runs before, oldest first. own_cohorts: customers of own past snapshots, by day.
    """
    if not earlier:
        total = f"{sum(source['read'] for source in run['sources'].values()):,} rows"
        limit = _format_limit(guard_params.row_drop)
        return [
            Finding(
                guard="row_count",
                about="all sources",
                figure=total,
                limit=limit,
                meaning=_NO_EARLIER_RUN,
            )
        ]
    now, then = row_counts(run), row_counts(earlier[-1])
    history = [row_counts(before) for before in earlier]
    own_limits = {name: _limit_of_rows([*_falls(name, history)], guard_params) for name in now}
    own_limits[_COHORT] = _limit_of_cohort(
        [*_falls(_COHORT, history)], _days_between(earlier[-1], run), guard_params, own_cohorts
    )
    return [
        *(_row_count_finding(name, now[name], then.get(name), own_limits[name]) for name in now),
        *(_missing_source(name, then[name]) for name in then if name not in now),
    ]


@dataclass(frozen=True)
class DropLimit:
    """The share that may be missing, and what it rests on."""

    max_missing: float | None  # a share; None: off
    past: str


def _falls(name: str, history: Sequence[Mapping[str, int]]) -> Iterator[float]:
    """The share missing in each earlier run against the one before it."""
    counts = [run[name] for run in history if name in run]
    for then, now in itertools.pairwise(counts):
        yield _missing_share(now, then)


def _limit_of_rows(falls: Sequence[float], guard_params: GuardParams) -> DropLimit:
    """Of a source: row_drop until there are runs to compare; a limit of params is never lowered.

    Most files grow, and no run shows a fall: what many runs then allow is a tenth, and what few
    runs allow is more, down from that of params.
    """
    stated = guard_params.row_drop
    if stated is None or not falls:
        return DropLimit(stated, "")
    largest = widened(max(falls), len(falls))
    own = max(MIN_DROP, largest + DROP_OF_ONE_RUN / len(falls))
    is_stated = "row_drop" in guard_params.model_fields_set
    return DropLimit(max(stated, own) if is_stated else own, _past_falls(falls))


def _limit_of_cohort(
    falls: Sequence[float], days: int, guard_params: GuardParams, own_cohorts: Mapping[str, int]
) -> DropLimit:
    """Of the cohort: row_drop, or what the runs before and own snapshots show, if that is more."""
    stated = guard_params.row_drop
    between_snapshots = largest_fall(own_cohorts, days)
    allowed = [widened(max(falls), len(falls))] if falls else []
    allowed += [widened(*between_snapshots)] if between_snapshots else []
    past = "" if not between_snapshots else f"down {between_snapshots[0]:.1%} at most"
    return DropLimit(None if stated is None else max([stated, *allowed]), past)


def _past_falls(falls: Sequence[float]) -> str:
    return f"down {max(falls):.1%} at most in {len(falls) + 1} runs"


def _days_between(last: Run, run: Run) -> int:
    days = [dt.date.fromisoformat(str(record["as_of"])) for record in (last, run)]
    return (days[1] - days[0]).days


def row_counts(run: Run) -> dict[str, int]:
    """Rows read of each source, rows accepted of the customers file, customers of the cohort.

    The customers file is left out if there is none, or in a record from before it was counted.
    """
    counts = {name: source["read"] for name, source in run["sources"].items()}
    if run.get("customers") is not None:
        counts[_CUSTOMERS] = run["customers"]
    return counts | {_COHORT: run["watched"]}


def largest_drop(run: Run, last: Run | None) -> float | None:
    """The largest share of rows missing against the last run; None without one."""
    then = row_counts(last) if last else {}
    shares = [
        _missing_share(count, then[name]) for name, count in row_counts(run).items() if name in then
    ]
    return max(shares, default=None)


def _missing_share(now: int, then: int) -> float:
    return max(0.0, 1 - now / then) if then else 0.0


def _row_count_finding(name: str, now: int, then: int | None, limit: DropLimit) -> Finding:
    if then is None:
        words = f"{name} was not among the sources of the last run."
        return Finding(
            guard="row_count",
            about=name,
            figure=f"{now:,} rows",
            limit=_format_limit(limit.max_missing),
            meaning=words,
        )
    level = level_of(_missing_share(now, then), None, limit.max_missing)
    return Finding(
        guard="row_count",
        about=name,
        figure=f"{now:,} ({_change(now, then)})",
        limit=_format_limit(limit.max_missing),
        past=limit.past,
        meaning=f"The last run had {then:,}.",
        level=WARNED if level == REFUSED and then < MIN_ROWS_TO_REFUSE else level,
        do=f"find out what is missing of {name}, and deliver it whole",
    )


def _change(now: int, then: int) -> str:
    return f"{now / then - 1:+.1%}".replace("-", "\u2212") if then else "was none"


def _missing_source(name: str, then: int) -> Finding:
    return Finding(
        guard="row_count",
        about=name,
        figure="not there",
        limit="warns",
        meaning=f"The last run had {then:,} rows of it; it is no source any more.",
        level=WARNED,
        do="see that params.yaml names every source",
    )


def _format_limit(max_missing: float | None) -> str:
    return "off" if max_missing is None else f"refuses {max_missing:.0%} fewer"


def reject_shares(run: Run, last: Run | None, guard_params: GuardParams) -> list[Finding]:
    """The share of rejected rows of each source; rejects_times that of the last run warns.

    Stage `ingest` itself refuses above ingest.max_reject_share.
    """
    then = last["sources"] if last else {}
    return [
        _reject_finding(name, source, then.get(name), guard_params)
        for name, source in run["sources"].items()
    ]


def _reject_finding(name: str, now: Any, then: Any, guard_params: GuardParams) -> Finding:
    max_share = None
    if then is not None and guard_params.rejects_times is not None:
        max_share = max(guard_params.rejects_times * reject_share(then), MIN_REJECT_LIMIT)
    share_now = reject_share(now)
    before = "" if then is None else f" The last run had {reject_share(then):.2%}."
    limit = "nothing to compare with" if then is None else format_limits(_percent(max_share), None)
    return Finding(
        guard="rejects",
        about=name,
        figure=f"{share_now:.2%}",
        limit=limit,
        meaning=f"{now['rejected']:,} of {now['read']:,} rows broke a rule.{before}",
        level=level_of(share_now, max_share, None),
        do=f"look at data/ingest/{name}/rejects.parquet: it names line, column and rule",
    )


def _percent(fraction: float | None) -> str | None:
    return None if fraction is None else f"{fraction:.2%}"


def reject_share(source: dict[str, Any]) -> float:
    """The share of rejected rows among the rows read of a source."""
    return source["rejected"] / source["read"] if source["read"] else 0.0


def unmapped_columns(run: Run, last: Run | None) -> Iterator[Finding]:
    """Columns without a mapping that are new or gone since the last run: noted only."""
    for name, source in run["sources"].items() if last else ():
        then = set(last["sources"].get(name, source)["ignored_columns"]) if last else set()
        now = set(source["ignored_columns"])
        changes = [f"new: {column}" for column in sorted(now - then)]
        changes += [f"gone: {column}" for column in sorted(then - now)]
        if changes:
            yield Finding(
                guard="schema",
                about=name,
                figure=", ".join(changes),
                limit="noted",
                meaning="Columns that no mapping reads; the rest is as in the last run.",
                level=OK,
            )
