"""What came in beside the last run: how many rows, how many rejects, which columns."""

from collections.abc import Iterator
from typing import Any, Final

from retention.core.params import Guards
from retention.ledgers.runs import Run
from retention.monitoring.finding import OK, REFUSED, WARNED, Finding, judged, limits

FEW: Final = 30
"""Rows in the last run below which a drop is chance, and only warns."""

LEAST_REJECTED: Final = 0.001
"""A share of rejects up to which no comparison is worth a warning."""

_ALONE: Final = "There is no earlier run of this company to compare with."
_CUSTOMERS: Final = "customers file"
_WATCHED: Final = "customers watched"


def row_count(run: Run, last: Run | None, rules: Guards) -> list[Finding]:
    """Rows of every source and of customers, and those watched, beside the last run.

    A drop refuses: of customers too, for with a row goes the word that somebody objects.
    """
    if last is None:
        return [Finding("row_count", "all sources", _all(run), _drop_limit(rules), _ALONE)]
    now, then = counted(run), counted(last)
    found = [_kept(name, many, then.get(name), rules) for name, many in now.items()]
    gone = [name for name in then if name not in now]
    return found + [_gone(name, then[name]) for name in gone]


def counted(run: Run) -> dict[str, int]:
    """Rows read by source, those taken of the customers file, and the customers watched.

    A run without such a file, and a record of before it was counted, has nothing of it.
    """
    rows, many = {name: one["read"] for name, one in run["sources"].items()}, run.get("customers")
    of_file = {} if many is None else {_CUSTOMERS: many}
    return rows | of_file | {_WATCHED: run["watched"]}


def drop(run: Run, last: Run | None) -> float | None:
    """The largest share that is missing of what the last run had; None without one."""
    then = counted(last) if last else {}
    shares = [_missing(many, then[name]) for name, many in counted(run).items() if name in then]
    return max(shares, default=None)


def _missing(now: int, then: int) -> float:
    return max(0.0, 1 - now / then) if then else 0.0


def _kept(name: str, now: int, then: int | None, rules: Guards) -> Finding:
    if then is None:
        words = f"{name} was not among the sources of the last run."
        return Finding("row_count", name, f"{now:,} rows", _drop_limit(rules), words)
    level = judged(_missing(now, then), None, rules.row_drop)
    return Finding(
        guard="row_count",
        about=name,
        figure=f"{now:,} ({_change(now, then)})",
        limit=_drop_limit(rules),
        says=f"The last run had {then:,}.",
        level=WARNED if level == REFUSED and then < FEW else level,
        do=f"find out what is missing of {name}, and deliver it whole",
    )


def _change(now: int, then: int) -> str:
    return f"{now / then - 1:+.1%}".replace("-", "\u2212") if then else "was none"


def _gone(name: str, then: int) -> Finding:
    return Finding(
        guard="row_count",
        about=name,
        figure="not there",
        limit="warns",
        says=f"The last run had {then:,} rows of it; it is no source any more.",
        level=WARNED,
        do="see that params.yaml names every source",
    )


def _drop_limit(rules: Guards) -> str:
    return "off" if rules.row_drop is None else f"refuses {rules.row_drop:.0%} fewer"


def _all(run: Run) -> str:
    return f"{sum(one['read'] for one in run['sources'].values()):,} rows"


def rejects(run: Run, last: Run | None, rules: Guards) -> list[Finding]:
    """The share of rejected rows of each source; many times that of the last run warns.

    Stage `ingest` itself refuses above ingest.max_reject_share.
    """
    then = last["sources"] if last else {}
    return [_rejected(name, one, then.get(name), rules) for name, one in run["sources"].items()]


def _rejected(name: str, now: Any, then: Any, rules: Guards) -> Finding:
    most = None
    if then is not None and rules.rejects_times is not None:
        most = max(rules.rejects_times * share_rejected(then), LEAST_REJECTED)
    share = share_rejected(now)
    before = "" if then is None else f" The last run had {share_rejected(then):.2%}."
    told = "nothing to compare with" if then is None else limits(_percent(most), None)
    return Finding(
        guard="rejects",
        about=name,
        figure=f"{share:.2%}",
        limit=told,
        says=f"{now['rejected']:,} of {now['read']:,} rows broke a rule.{before}",
        level=judged(share, most, None),
        do=f"look at data/ingest/{name}/rejects.parquet: it names line, column and rule",
    )


def _percent(share: float | None) -> str | None:
    return None if share is None else f"{share:.2%}"


def share_rejected(one: dict[str, Any]) -> float:
    """Of the rows read of a source."""
    return one["rejected"] / one["read"] if one["read"] else 0.0


def columns(run: Run, last: Run | None) -> Iterator[Finding]:
    """Columns that no mapping reads and that came or went since the last run: noted, never more."""
    for name, one in run["sources"].items() if last else ():
        then = set(last["sources"].get(name, one)["ignored_columns"]) if last else set()
        now = set(one["ignored_columns"])
        told = [*(f"new: {each}" for each in sorted(now - then)),
                *(f"gone: {each}" for each in sorted(then - now))]  # fmt: skip
        if told:
            yield Finding(
                guard="schema",
                about=name,
                figure=", ".join(told),
                limit="noted",
                says="Columns that no mapping reads; the rest is as in the last run.",
                level=OK,
            )
