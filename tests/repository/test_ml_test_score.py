"""The ML Test Score of docs/reliability.md: its sums are right, and what it names exists."""

import re
from pathlib import Path
from typing import Final

import pytest

_TEXT: Final = Path("docs/reliability.md").read_text(encoding="utf-8")
SCORE: Final = _TEXT.partition("<!-- score -->")[2].partition("<!-- /score -->")[0]
SECTIONS: Final = {
    part.partition("\n")[0]: part for part in re.split(r"^### ", SCORE, flags=re.MULTILINE)[1:]
}
_ROW: Final = re.compile(r"^\| (\d) \| (.+) \| (0|0\.5|1) \| (.+) \|$", re.MULTILINE)
_PATH: Final = re.compile(r"`((?:tests|docs|benchmarks|pipeline)/[^`]+)`")
ROWS: Final = [
    (name, float(points), evidence)
    for name, part in SECTIONS.items()
    for _, _, points, evidence in _ROW.findall(part)
]
each_section = pytest.mark.parametrize("name", SECTIONS)


def test_there_are_four_sections_of_seven_points() -> None:
    assert len(SECTIONS) == 4
    for part in SECTIONS.values():
        assert [row[0] for row in _ROW.findall(part)] == list("1234567")


def sum_of(name: str) -> float:
    match = re.search(r"^Sum: ([\d.]+)$", SECTIONS[name], re.MULTILINE)
    assert match
    return float(match[1])


@each_section
def test_a_sum_is_that_of_its_points(name: str) -> None:
    assert sum_of(name) == sum(points for section, points, _ in ROWS if section == name)


def test_the_score_is_the_smallest_sum_and_says_whose() -> None:
    match = re.search(r"^Score: ([\d.]+), by the section (.+?)\.", SCORE, re.MULTILINE)
    assert match
    weakest = min(SECTIONS, key=sum_of)
    assert (float(match[1]), match[2]) == (sum_of(weakest), weakest)


def test_what_is_named_exists() -> None:
    named = _PATH.findall(SCORE)
    assert named
    assert not [path for path in named if not Path(path).is_file()]


@pytest.mark.parametrize(("points", "evidence"), [row[1:] for row in ROWS])
def test_a_whole_point_names_a_test_and_half_of_one_what_was_done(
    points: float, evidence: str
) -> None:
    named = _PATH.findall(evidence)
    assert points == 0 or named
    assert points < 1 or any(path.startswith("tests/") for path in named)
