"""The table of docs/reliability.md: every case, its tests, and how they ended when it was made."""

import ast
import re
from collections import Counter
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Final

from tests.faults.cases import CASES, Case

DOCUMENT: Final = Path("docs/reliability.md")
_FOLDER: Final = Path(__file__).parent
_BEGIN, _END = "<!-- faults -->", "<!-- /faults -->"
_HEADS: Final = "| | case | what goes wrong | what must happen | tests | outcome |"
_OF_A_CASE: Final = re.compile(r"test_\d\d_")

Outcomes = Mapping[str, str]
"""How each test ended: passed, failed or skipped."""


@cache
def tests() -> dict[str, str]:
    """The tests of this folder and the file of each."""
    return {
        node.name: path.name
        for path in sorted(_FOLDER.glob("test_*.py"))
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    }


def tests_of(case: Case) -> list[str]:
    """The names of a case's tests."""
    return [name for name in tests() if name == case.stem or name.startswith(f"{case.stem}_")]


def unassigned_tests() -> list[str]:
    """Tests with the number of a case whose name is that of none."""
    of_cases = {name for case in CASES for name in tests_of(case)}
    return [name for name in tests() if _OF_A_CASE.match(name) and name not in of_cases]


def tests_beside() -> list[str]:
    """Tests that belong to no single case, without those of this table."""
    own = f"test_{Path(__file__).name}"
    return [name for name, file in tests().items() if file != own and not _OF_A_CASE.match(name)]


def table(outcomes: Outcomes) -> str:
    """The table in Markdown, and below it the tests that belong to no single case."""
    lines = [_line(case, outcomes) for case in CASES]
    ended = Counter(_outcome(tests_of(case), outcomes) for case in CASES)
    counted = ", ".join(f"{n} {outcome}" for outcome, n in ended.most_common())
    beside = [f"- {_link(name)}: {_outcome([name], outcomes)}" for name in tests_beside()]
    return "\n".join(
        [
            f"{len(CASES)} cases: {counted}.",
            "",
            _HEADS,
            "|---|---|---|---|---|---|",
            *lines,
            "",
            "Beside them:",
            "",
            *beside,
        ]
    )


def _line(case: Case, outcomes: Outcomes) -> str:
    names = tests_of(case)
    linked = "<br>".join(map(_link, names))
    cells = (
        f"{case.number}",
        case.name,
        case.fault,
        case.expected,
        linked,
        _outcome(names, outcomes),
    )
    return f"| {' | '.join(cells)} |"


def _link(name: str) -> str:
    return f"[`{name}`](../tests/faults/{tests()[name]})"


def _outcome(names: list[str], outcomes: Outcomes) -> str:
    ended = {outcomes.get(name, "not run") for name in names}
    worst = [outcome for outcome in ("failed", "not run", "skipped", "passed") if outcome in ended]
    return worst[0] if worst else "no test"


def replace_table(document: str, new_table: str) -> str:
    """The document with another table between its marks; the rest stays."""
    before, begin, rest = document.partition(_BEGIN)
    _, end, after = rest.partition(_END)
    if not (begin and end):
        raise ValueError(f"{DOCUMENT} lacks {_BEGIN} and {_END}")
    return f"{before}{begin}\n\n{new_table}\n\n{end}{after}"


def between_marks(document: str) -> str:
    """The table in a document: what stands between the marks."""
    return document.partition(_BEGIN)[2].partition(_END)[0].strip()
