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
class FindingGroup:
    """The findings about one thing: a source, the labels, the published lists."""

    title: str
    findings: list[Finding] = field(default_factory=list)

    def _add(self, level: str, text: object, code: int = 0) -> None:
        line = " ".join(str(text).split()).removeprefix(f"{self.title}.")
        shown = "".join(letter if letter.isprintable() else "?" for letter in line)
        finding = Finding(level, shown, code)
        if finding not in self.findings:
            self.findings.append(finding)

    def error(self, text: object, code: int = DATA) -> None:
        self._add(ERROR, text, code)

    def doubt(self, text: object) -> None:
        self._add(DOUBT, text)

    def ok(self, text: object) -> None:
        self._add(OK, text)

    def missing_column(self, column: str, key: str, names: Sequence[str], fix: Fix) -> None:
        """An error: which column is not there, which ones are like it, and what to write."""
        close = similar_names(column, names, key.rpartition(".")[2])
        where = f"{key}: column {column!r} is not in the header"
        if close:
            self.error(f"{where}; {nearest_text(close)}; write {fix(close[0])}")
            return
        has = ", ".join(names[:_SHOWN]) + (", ..." if len(names) > _SHOWN else "")
        alone = " (is delimiter: right?)" if len(names) == 1 else ""
        self.error(f"{where}, which has {has}{alone}; write one of these there")

    @property
    def sound(self) -> bool:
        return not any(finding.level == ERROR for finding in self.findings)


# The whole report


def exit_code(groups: Iterable[FindingGroup]) -> int:
    """0, or 2 when params.yaml is to be mended, or 3 when only data is."""
    codes = {
        finding.code for group in groups for finding in group.findings if finding.level == ERROR
    }
    return min(codes, default=0)


def verdict(groups: Iterable[FindingGroup]) -> str:
    """The sentence with which the report ends."""
    levels = Counter(finding.level for group in groups for finding in group.findings)
    counted = [count_of(levels[level], level) for level in (ERROR, DOUBT) if levels[level]]
    if levels[ERROR]:
        return f"{', '.join(counted)}; mend the errors first."
    if levels[DOUBT]:
        return f"{counted[0]}, no errors; read them, then run make repro."
    return "Nothing is wrong; run make repro."


# Words


def count_of(number: int, noun: str) -> str:
    """A count and what is counted: 1 row, 2,000 rows."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def date_text(day: int) -> str:
    """A day number as one writes the day."""
    return str(point_in_time.date_of(day))


def as_yaml(value: Any) -> str:
    """A value as one would write it in params.yaml, on one line."""
    text = yaml.safe_dump(
        value, default_flow_style=True, width=1e9, sort_keys=False, allow_unicode=True
    )
    return str(text).removesuffix("\n").removesuffix("\n...")


def nearest_text(names: Sequence[str]) -> str:
    return f"nearest: {', '.join(names)}"


def similar_names(name: str, names: Iterable[str], meant: str = "") -> list[str]:
    """The known names nearest to one that is wrong, at most three; `meant` is what it is for."""
    lower = {name.lower(): name for name in names}
    wanted = name.lower()
    part = [name for name in lower if wanted in name or (len(name) > 2 and name in wanted)]
    close = get_close_matches(wanted, lower, n=3, cutoff=0.5)
    similar = list(dict.fromkeys(part + close))
    if not similar and meant:
        similar = [name for name in lower if _last_word(name) == _last_word(meant)]
    similar.sort(key=lambda name: not meant or meant not in name)
    return [lower[name] for name in similar][:3]


def _last_word(name: str) -> str:
    """What a name ends with: id of customer_id."""
    return re.split(r"[\W_]+", name)[-1]
