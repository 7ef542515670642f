"""docs/reliability.md names every case and every test, and no other."""

import pytest

from tests.faults import reliability
from tests.faults.cases import CASES


def test_every_case_has_a_test() -> None:
    assert not [case.stem for case in CASES if not reliability.tests_of(case)]


def test_every_numbered_test_bears_the_name_of_its_case() -> None:
    assert reliability.unassigned_tests() == []


def test_the_document_has_the_table_of_the_cases_and_tests_there_are(
    request: pytest.FixtureRequest,
) -> None:
    if request.config.getoption("--reliability", default=None):
        pytest.skip("it is being written")
    table = reliability.between_marks(reliability.DOCUMENT.read_text(encoding="utf-8"))
    ended = dict.fromkeys(reliability.tests(), "passed")
    assert table == reliability.table(ended), (
        "python -m pytest tests/faults --reliability docs/reliability.md"
    )


def test_a_document_keeps_what_stands_outside_of_the_marks() -> None:
    text = "above\n<!-- faults -->\nold\n<!-- /faults -->\n<!-- score -->below\n"
    put = reliability.replace_table(text, "new")
    assert put == "above\n<!-- faults -->\n\nnew\n\n<!-- /faults -->\n<!-- score -->below\n"
    assert reliability.between_marks(put) == "new"


def test_a_case_is_as_good_as_the_worst_of_its_tests() -> None:
    case = CASES[0]
    names = reliability.tests_of(case)
    passed = dict.fromkeys(names, "passed")
    failed = passed | {names[-1]: "failed"}
    ended = [reliability.table(outcomes).splitlines()[4] for outcomes in (passed, failed, {})]
    assert [line.split(" | ")[-1] for line in ended] == ["passed |", "failed |", "not run |"]
