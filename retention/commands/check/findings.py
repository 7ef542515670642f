"""Findings by what they are about, the verdict over all of them, and the wording they share."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any, Final

import yaml

from retention.core import point_in_time
from retention.core.errors import BadInput, BadParams
from retention.monitoring.finding import OK, Finding

PARAMS, DATA = BadParams.code, BadInput.code
"""Exit codes of an error: params.yaml has to change, or only the data."""

ERROR, DOUBT = "error", "doubt"
_CHECKS: Final = {PARAMS: "params.yaml", DATA: "data"}
_SHOWN: Final = 12

Fix = Callable[[str], str]
"""What to write in params.yaml, given the right column."""


@dataclass
class FindingGroup:
    """The findings about one thing."""

    title: str  # a source, the labels, the published lists, ...
    findings: list[Finding] = field(default_factory=list)

    def _add(self, level: str, text: object, code: int = DATA) -> None:
        line = " ".join(str(text).split()).removeprefix(f"{self.title}.")
        printable = "".join(letter if letter.isprintable() else "?" for letter in line)
        finding = Finding(_CHECKS[code], self.title, printable, level)
        if finding not in self.findings:
            self.findings.append(finding)

    def error(self, text: object, code: int = DATA) -> None:
        self._add(ERROR, text, code)

    def doubt(self, text: object) -> None:
        self._add(DOUBT, text)

    def ok(self, text: object) -> None:
        self._add(OK, text)

    def missing_column(self, column: str, key: str, names: Sequence[str], fix: Fix) -> None:
        """Add an error that names the missing column, the nearest ones, and what to write."""
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
        """Whether no finding is an error."""
        return not any(finding.level == ERROR for finding in self.findings)


# The whole report


def exit_code(groups: Iterable[FindingGroup]) -> int:
    """0 without errors, 2 when params.yaml has to change, 3 when only the data has to."""
    failed = {
        finding.guard for group in groups for finding in group.findings if finding.level == ERROR
    }
    return min((code for code, check in _CHECKS.items() if check in failed), default=0)


def verdict(groups: Iterable[FindingGroup]) -> str:
    """The last sentence of the report."""
    levels = Counter(finding.level for group in groups for finding in group.findings)
    counted = [count_of(levels[level], level) for level in (ERROR, DOUBT) if levels[level]]
    if levels[ERROR]:
        return f"{', '.join(counted)}; mend the errors first."
    if levels[DOUBT]:
        return f"{counted[0]}, no errors; read them, then run make repro."
    return "Nothing is wrong; run make repro."


# Words


def count_of(number: int, noun: str) -> str:
    """A count with its noun: 1 row, 2,000 rows."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def date_text(day: int) -> str:
    """The date of a day number."""
    return str(point_in_time.date_of(day))


def as_yaml(value: Any) -> str:
    """A value as params.yaml has it, on one line."""
    text = yaml.safe_dump(
        value, default_flow_style=True, width=1e9, sort_keys=False, allow_unicode=True
    )
    return str(text).removesuffix("\n").removesuffix("\n...")


def nearest_text(names: Sequence[str]) -> str:
    return f"nearest: {', '.join(names)}"


def similar_names(name: str, names: Iterable[str], purpose: str = "") -> list[str]:
    """The names nearest to one that is wrong, at most three.

    Names that contain it, or are contained in it, come before those that are spelt alike.
    purpose: what the name is for, as `customer_id`: where nothing is near, names with the same last
    word are taken, and those that contain it come first.
    """
    lower_case = {candidate.lower(): candidate for candidate in names}
    wanted = name.lower()
    overlapping = [
        candidate
        for candidate in lower_case
        if wanted in candidate or (len(candidate) > 2 and candidate in wanted)
    ]
    # An id that is merely spelt alike is another thing: account_use_count for account_id.
    cutoff = 0.7 if _last_word(purpose) in ("id", "key") else 0.5
    close = get_close_matches(wanted, lower_case, n=3, cutoff=cutoff)
    similar = list(dict.fromkeys(overlapping + close))
    if not similar and purpose:
        last_word = _last_word(purpose)
        similar = [candidate for candidate in lower_case if _last_word(candidate) == last_word]
    similar.sort(key=lambda candidate: not purpose or purpose not in candidate)
    return [lower_case[candidate] for candidate in similar][:3]


def _last_word(name: str) -> str:
    """The last word of a name: id of customer_id."""
    return re.split(r"[\W_]+", name)[-1]
