"""Findings, the groups they stand in, and the words that all of them share."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any, Final

import yaml

from retention.core import point_in_time
from retention.core.errors import BadInput, BadParams

PARAMS, DATA = BadParams.code, BadInput.code
ERROR, DOUBT, OK = "error", "doubt", "ok"
_SHOWN: Final = 12

Fix = Callable[[str], str]
"""What to write in params.yaml, given the right column."""


@dataclass(frozen=True)
class Finding:
    """One line: how bad, what and what to do, and the exit code that an error asks for."""

    level: str
    text: str
    code: int = 0


@dataclass
class Group:
    """The findings about one thing: a source, the labels, the published lists."""

    title: str
    findings: list[Finding] = field(default_factory=list)

    def _add(self, level: str, text: object, code: int = 0) -> None:
        line = " ".join(str(text).split()).removeprefix(f"{self.title}.")
        shown = "".join(one if one.isprintable() else "?" for one in line)
        finding = Finding(level, shown, code)
        if finding not in self.findings:
            self.findings.append(finding)

    def error(self, text: object, code: int = DATA) -> None:
        self._add(ERROR, text, code)

    def doubt(self, text: object) -> None:
        self._add(DOUBT, text)

    def ok(self, text: object) -> None:
        self._add(OK, text)

    def no_column(self, column: str, key: str, names: Sequence[str], fix: Fix) -> None:
        """An error: which column is not there, which ones are like it, and what to write."""
        close = alike(column, names, key.rpartition(".")[2])
        where = f"{key}: column {column!r} is not in the header"
        if close:
            self.error(f"{where}; {nearest(close)}; write {fix(close[0])}")
            return
        has = ", ".join(names[:_SHOWN]) + (", ..." if len(names) > _SHOWN else "")
        alone = " (is delimiter: right?)" if len(names) == 1 else ""
        self.error(f"{where}, which has {has}{alone}; write one of these there")

    @property
    def sound(self) -> bool:
        return not any(one.level == ERROR for one in self.findings)


# The whole report


def exit_code(groups: Iterable[Group]) -> int:
    """0, or 2 when params.yaml is to be mended, or 3 when only data is."""
    codes = {one.code for group in groups for one in group.findings if one.level == ERROR}
    return min(codes, default=0)


def verdict(groups: Iterable[Group]) -> str:
    """The sentence with which the report ends."""
    levels = Counter(one.level for group in groups for one in group.findings)
    counted = [many(levels[level], level) for level in (ERROR, DOUBT) if levels[level]]
    if levels[ERROR]:
        return f"{', '.join(counted)}; mend the errors first."
    if levels[DOUBT]:
        return f"{counted[0]}, no errors; read them, then run make repro."
    return "Nothing is wrong; run make repro."


# Words


def many(number: int, thing: str) -> str:
    """A count and what is counted: 1 row, 2,000 rows."""
    return f"{number:,} {thing}{'' if number == 1 else 's'}"


def date(day: int) -> str:
    """A day number as one writes the day."""
    return str(point_in_time.date_of(day))


def as_yaml(value: Any) -> str:
    """A value as one would write it in params.yaml, on one line."""
    text = yaml.safe_dump(
        value, default_flow_style=True, width=1e9, sort_keys=False, allow_unicode=True
    )
    return str(text).removesuffix("\n").removesuffix("\n...")


def nearest(names: Sequence[str]) -> str:
    return f"nearest: {', '.join(names)}"


def alike(name: str, known: Iterable[str], meant: str = "") -> list[str]:
    """The known names nearest to one that is wrong, at most three; `meant` is what it is for."""
    lower = {one.lower(): one for one in known}
    wanted = name.lower()
    part = [one for one in lower if wanted in one or (len(one) > 2 and one in wanted)]
    close = get_close_matches(wanted, lower, n=3, cutoff=0.5)
    found = list(dict.fromkeys(part + close))
    if not found and meant:
        found = [one for one in lower if _last_word(one) == _last_word(meant)]
    found.sort(key=lambda one: not meant or meant not in one)
    return [lower[one] for one in found][:3]


def _last_word(name: str) -> str:
    """What a name ends with: id of customer_id."""
    return re.split(r"[\W_]+", name)[-1]
