"""Fixtures of the fault suite, and the option `--reliability FILE`, which writes its table.

pytest knows the option only if this folder is named on the command line:
`python -m pytest tests/faults --reliability docs/reliability.md`.
"""

from pathlib import Path

import pytest

from tests.faults import lists, reliability
from tests.faults.exports import Till
from tests.faults.stage_outputs import StageOutputs, checkout_with_posting_times, run_stages
from tests.support import company

_OPTION = "--reliability"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(_OPTION, type=Path, default=None, help="the document to write the table into")


def pytest_configure(config: pytest.Config) -> None:
    document = config.getoption(_OPTION, default=None)
    first = not hasattr(config, "workerinput")  # of several processes
    if document is not None and first:
        config.pluginmanager.register(_Record(document))


class _Record:
    """Collects the outcome of each test and writes the table at the end of the session."""

    def __init__(self, document: Path) -> None:
        self._document = document
        self._outcomes: dict[str, str] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call" or report.outcome != "passed":
            name = report.location[2].partition("[")[0].rpartition(".")[2]
            if self._outcomes.get(name) != "failed":
                self._outcomes[name] = report.outcome

    def pytest_sessionfinish(self) -> None:
        text = self._document.read_text(encoding="utf-8")
        document = reliability.replace_table(text, reliability.table(self._outcomes))
        self._document.write_text(document, encoding="utf-8")


@pytest.fixture(scope="session")
def till(tmp_path_factory: pytest.TempPathFactory) -> Till:
    """A checkout with a published list, into which one export of sales after another comes."""
    folder = tmp_path_factory.mktemp("till")
    checkout = company.make(folder / "shop")
    lists.publish_quietly(lists.write_list(folder / "made", "Ann"), checkout / "lists")
    return Till(checkout)


@pytest.fixture(scope="session")
def plain(tmp_path_factory: pytest.TempPathFactory) -> StageOutputs:
    """The outputs of the stages of a small company in which nothing goes wrong."""
    return run_stages(checkout_with_posting_times(tmp_path_factory.mktemp("plain") / "shop"))
