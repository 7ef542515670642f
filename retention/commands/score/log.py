"""What a scheduled run says: lines for people or for machines, and at its end one of figures.

No line holds a customer's data: rows are counted, values masked where a stage refuses one.
"""

import datetime as dt
import json
import sys
from collections.abc import Mapping
from typing import Any, Final, Literal

Format = Literal["text", "json"]

_UNITS: Final = {"seconds": "s", "peak_mb": "MB"}


class Log:
    """The events of a run: each on stderr when it happens, all of them kept for a file."""

    def __init__(self, form: Format) -> None:
        self.form: Format = form
        self._lines: list[str] = []

    def taken(self) -> str:
        """All that was said since this was last asked, a line of JSON each."""
        text, self._lines = "".join(self._lines), []
        return text

    def said(self, stage: str, text: str) -> None:
        """A line that a stage said for people."""
        self._tell({"event": "said", "stage": stage, "text": text}, text)

    def event(self, name: str, text: str) -> None:
        """Something that happened beside the stages."""
        self._tell({"event": name, "text": text}, f"retention score: {text}")

    def stage(self, name: str, told: Mapping[str, float]) -> None:
        """A stage that ended well, with its figures."""
        words = f"retention score: {name}: {_figures(told)}"
        self._tell({"event": "stage", "stage": name, **told}, words)

    def refusal(self, name: str, text: str, code: int) -> None:
        """Why the run ends without a list; the last line."""
        text = " ".join(text.split())
        self._tell({"event": name, "text": text, "exit": code}, f"{name}: {text}")

    def _tell(self, told: Mapping[str, Any], words: str) -> None:
        now = dt.datetime.now(dt.UTC).isoformat(timespec="milliseconds")
        line = json.dumps({"at": now, **told}, ensure_ascii=False) + "\n"
        self._lines.append(line)
        sys.stderr.write(line if self.form == "json" else f"{words}\n")


def _figures(told: Mapping[str, Any]) -> str:
    """`0.9 s, 202.7 MB, 10,916 read`: each number with its unit, or with what was counted."""
    return ", ".join(f"{value:,} {_UNITS.get(name, name)}" for name, value in told.items())


def summary(told: Mapping[str, Any], form: Format) -> str:
    """The one line of a run's end: `name=value` for people and grep, or JSON."""
    if form == "json":
        return json.dumps(told, ensure_ascii=False)
    return " ".join(f"{name}={'-' if one is None else one}" for name, one in told.items())
