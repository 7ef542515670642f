"""The log of a scheduled run: lines for people or JSON on stderr, and JSON for the day's file.

No line holds a customer's data: rows are counted, values masked where a stage refuses one.
"""

import datetime as dt
import json
import logging
from collections.abc import Mapping
from logging.handlers import MemoryHandler
from typing import Any, Final, Literal

from retention.core import console

Format = Literal["text", "json"]

_NAME: Final = "retention score"
_UNITS: Final = {"seconds": "s", "peak_mb": "MB"}


class JsonFormatter(logging.Formatter):
    """A record as one object: when, and its fields."""

    def format(self, record: logging.LogRecord) -> str:
        time = dt.datetime.fromtimestamp(record.created, dt.UTC)
        at_text = time.isoformat(timespec="milliseconds")
        return json.dumps({"at": at_text, **vars(record)["fields"]}, ensure_ascii=False)


def start(form: Format) -> MemoryHandler:
    """Log to stderr from now on; the handler keeps every record until `take_lines`."""
    log = console.logger(_NAME, "%(prefix)s%(message)s")
    if form == "json":
        log.handlers = [logging.StreamHandler()]
        log.handlers[0].setFormatter(JsonFormatter())
    records = MemoryHandler(capacity=0)  # without a target it is never flushed
    log.addHandler(records)
    return records


def take_lines(records: MemoryHandler) -> str:
    """What was logged since this was last asked, a line of JSON each."""
    lines = [f"{JsonFormatter().format(record)}\n" for record in records.buffer]
    records.buffer.clear()
    return "".join(lines)


def event(
    name: str, text: str, fields: Mapping[str, object] | None = None, prefix: str = f"{_NAME}: "
) -> None:
    """Log what happened; people read the text after the prefix."""
    fields = {"event": name, "text": text, **(fields or {})}
    logging.getLogger(_NAME).info(text, extra={"prefix": prefix, "fields": fields})


def figures_text(figures: Mapping[str, float]) -> str:
    """`0.9 s, 202.7 MB, 10,916 read`: each number with its unit, or with what was counted."""
    return ", ".join(f"{value:,} {_UNITS.get(name, name)}" for name, value in figures.items())


def summary(figures: Mapping[str, Any], form: Format) -> str:
    """The one line of a run's end: `name=value` for people and grep, or JSON."""
    if form == "json":
        return json.dumps(figures, ensure_ascii=False)
    return " ".join(f"{name}={'-' if value is None else value}" for name, value in figures.items())
