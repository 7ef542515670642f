"""What the command line asks of a run."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from retention.commands.score.log import Format
from retention.core.errors import BadParams


@dataclass(frozen=True)
class Asked:
    """days: to score, in their order; None is the day that params.yaml means. to: publish there.

    backfill: a day older than the current list gets its place beside it.
    """

    days: Sequence[dt.date | None]
    to: Path | None = None
    form: Format = "text"
    backfill: bool = False
    dry: bool = False


def days(
    as_of: dt.date | None, first: dt.date | None, last: dt.date | None
) -> Sequence[dt.date | None]:
    """The days of `--as-of`, or of `--from` and `--to`; BadParams where they make no sense."""
    if first is None and last is None:
        return [as_of]
    if as_of is not None:
        raise BadParams("--as-of is one day, --from and --to are several: give one or the other")
    if first is None or last is None:
        raise BadParams("--from and --to: give both, as --from 2026-11-20 --to 2026-11-22")
    if last < first:
        raise BadParams(f"--to {last} lies before --from {first}")
    return [first + dt.timedelta(days=day) for day in range((last - first).days + 1)]
