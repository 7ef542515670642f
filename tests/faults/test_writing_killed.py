"""Case 42: who is killed at any step of the writer leaves what was or what comes, never half."""

import datetime as dt
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from retention.core.storage import atomic
from retention.ledgers import assignments, outcomes
from retention.ledgers.outcomes import ImportBatch, OutcomeRecord, StaffAnswer
from retention.serving import champion
from retention.worklist import published
from retention.worklist.published import RetentionRule
from tests.faults.ending import Action, hidden, killed_at_each_step, steps, tree
from tests.faults.lists import DAY, publish_quietly, read_current, write_list
from tests.support import documents

LIST = "2026-11-22-0123456789ab"
NOW = dt.datetime(2026, 11, 23, 12, tzinfo=dt.UTC)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """The folder that is copied for each step; beside it what the steps read."""
    (tmp_path / "home").mkdir()
    return tmp_path / "home"


def earlier(days: int) -> dt.date:
    return DAY - dt.timedelta(days=days)


def check_every_step(before: Path, action: Action, check: Callable[[str, Path], None]) -> None:
    """Kill the action at each step, `check` what is there, do it again, and compare."""
    work = before.parent / "work"
    whole = work / "never-killed" / before.name
    shutil.copytree(before, whole, symlinks=True)
    action(whole)
    wanted, steps = tree(whole), 0
    for name, folder in killed_at_each_step(before, action, work):
        check(name, folder)
        action(folder)
        assert tree(folder) == wanted, name
        assert hidden(folder) == [], name
        steps += 1
    assert steps >= 4


# The lists


def reader_sees(*names: str | None) -> Callable[[str, Path], None]:
    """A reader finds one of these lists, whole, and nothing published is wrong."""

    def check(step: str, folder: Path) -> None:
        assert read_current(folder / "lists") in names, step
        assert published.verify(folder / "lists") == [], step

    return check


def publish_action(source: Path, **more: Any) -> Action:
    return lambda folder: publish_quietly(source, folder / "lists", **more)


def test_42_kill9_publish_the_first_list(home: Path, tmp_path: Path) -> None:
    """Between the list and the pointer to it there is a list that nothing names; it is told so."""
    unnamed = [f"{published.CURRENT}: missing, though lists are published"]

    def check(step: str, folder: Path) -> None:
        assert read_current(folder / "lists") in (None, "Ada"), step
        wrong = [path.rpartition("/")[2] for path in published.verify(folder / "lists")]
        assert wrong in ([], unnamed if read_current(folder / "lists") is None else []), step

    check_every_step(home, publish_action(write_list(tmp_path / "source", "Ada")), check)


def test_42_kill9_publish_the_next_list(home: Path, tmp_path: Path) -> None:
    publish_quietly(write_list(tmp_path / "old", "Ada", earlier(7)), home / "lists")
    check_every_step(
        home, publish_action(write_list(tmp_path / "new", "Bo")), reader_sees("Ada", "Bo")
    )


def test_42_kill9_publish_removes_the_oldest(home: Path, tmp_path: Path) -> None:
    for days in (21, 14, 7):
        publish_quietly(write_list(tmp_path / "old", f"Ada {days}", earlier(days)), home / "lists")
    action = publish_action(write_list(tmp_path / "new", "Bo"), keep=RetentionRule(2))
    check_every_step(home, action, reader_sees("Ada 7", "Bo"))
    again = shutil.copytree(home, tmp_path / "again", symlinks=True)
    action(again)
    assert [path.name[:10] for path in published.published_lists(again / "lists")] == [
        str(earlier(7)),
        str(DAY),
    ]


def test_42_kill9_publish_an_older_list_beside(home: Path, tmp_path: Path) -> None:
    publish_quietly(write_list(tmp_path / "now", "Bo"), home / "lists")
    old = write_list(tmp_path / "old", "Ada", earlier(7))
    check_every_step(home, publish_action(old, place_only=True), reader_sees("Bo"))


@pytest.mark.parametrize("current", [True, False])
def test_42_kill9_supersede(home: Path, tmp_path: Path, current: bool) -> None:
    old = publish_quietly(write_list(tmp_path / "old", "Ada and Bo", earlier(7)), home / "lists")
    if not current:
        publish_quietly(write_list(tmp_path / "now", "Cy"), home / "lists")
    source = write_list(tmp_path / "new", "Bo", earlier(7))

    def action(folder: Path) -> None:
        published.supersede(folder / "lists" / old.name, source, lambda _: None)

    check_every_step(
        home, action, reader_sees("Ada and Bo", "Bo") if current else reader_sees("Cy")
    )


# The ledgers


def write_answers(folder: Path, *customers: str) -> None:
    answer = StaffAnswer(result="reached", note="x")
    facts = tuple(OutcomeRecord(LIST, customer, NOW, answer) for customer in customers)
    with outcomes.lock(folder / "ledgers/outcomes", say=lambda _: None):
        outcomes.write(
            folder / "ledgers/outcomes", ImportBatch(LIST, "Mill Lane Bakery", NOW, "f", {}, facts)
        )


def answers(folder: Path) -> set[str]:
    customers_answered = [
        fact.customer_id for fact in outcomes.read_records(folder / "ledgers/outcomes")
    ]
    assert len(customers_answered) == len(set(customers_answered)), "counted twice"
    return set(customers_answered)


def test_42_kill9_ledger_import(home: Path) -> None:
    def check(step: str, folder: Path) -> None:
        assert answers(folder) in (set(), {"a", "b"}), step

    check_every_step(home, lambda folder: write_answers(folder, "a", "b"), check)


def test_42_kill9_ledger_erase(home: Path) -> None:
    write_answers(home, "a", "b")

    def check(step: str, folder: Path) -> None:
        assert answers(folder) in ({"a", "b"}, {"b"}), step

    check_every_step(home, lambda folder: outcomes.erase(folder / "ledgers/outcomes", "a"), check)


ROW: dict[str, Any] = dict.fromkeys(assignments.OF_CUSTOMER) | {"arm": "contact", "propensity": 0.9}


def enter_assignments(folder: Path) -> None:
    both = pd.DataFrame([ROW | {"customer_id": customer} for customer in ("a", "b")])
    assignments.enter(
        folder / "ledgers/assignments", LIST, "Mill Lane Bakery", "always-on", DAY, 180, DAY, both
    )


def customers_assigned(folder: Path) -> list[str]:
    return list(assignments.read_all(folder / "ledgers/assignments")["customer_id"])


@pytest.fixture
def stopped_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that is done again enters the same time."""
    monkeypatch.setattr(assignments, "_now", lambda: NOW)


@pytest.mark.usefixtures("stopped_clock")
def test_42_kill9_assignments_enter(home: Path) -> None:
    def check(step: str, folder: Path) -> None:
        assert customers_assigned(folder) in ([], ["a", "b"]), step

    check_every_step(home, enter_assignments, check)


@pytest.mark.usefixtures("stopped_clock")
def test_42_kill9_assignments_erase(home: Path) -> None:
    enter_assignments(home)

    def check(step: str, folder: Path) -> None:
        assert customers_assigned(folder) in (["a", "b"], ["b"]), step

    check_every_step(
        home, lambda folder: assignments.erase(folder / "ledgers/assignments", "a"), check
    )


# The champion


def candidate(folder: Path, word: str) -> dict[str, Path]:
    for part in champion.PARTS:
        atomic.write_json(folder / f"{part}.json", {"model": f"{word} {part}"})
    return champion.parts(folder)


def scores_with(folder: Path) -> str | None:
    """Which candidate is the champion; its files are those of its manifest."""
    now = champion.current(folder / "champion")
    if now is None:
        return None
    held = {name: atomic.sha256(now.folder / f"{name}.json") for name in now.sha256}
    assert held == now.sha256
    return now.manifest.banners[0]


def install_action(parts: dict[str, Path], word: str) -> Action:
    return lambda folder: champion.install(
        parts, documents.candidate_manifest(banners=[word]), folder / "champion"
    )


def test_42_kill9_champion_install(home: Path, tmp_path: Path) -> None:
    words = ("first", "second", "third", "fourth")
    actions = [install_action(candidate(tmp_path / word, word), word) for word in words]
    for word, action in zip(words[:3], actions[:3], strict=True):
        action(home)
        assert scores_with(home) == word

    def check(step: str, folder: Path) -> None:
        assert scores_with(folder) in ("third", "fourth"), step

    check_every_step(home, actions[3], check)


def test_42_kill9_champion_install_the_first(home: Path, tmp_path: Path) -> None:
    def check(step: str, folder: Path) -> None:
        assert scores_with(folder) in (None, "first"), step

    check_every_step(home, install_action(candidate(tmp_path / "first", "first"), "first"), check)


# The steps


def test_42_kill9_every_kind_of_step_is_one(home: Path, tmp_path: Path) -> None:
    for days in (14, 7):
        publish_quietly(write_list(tmp_path / "old", "Ada", earlier(days)), home / "lists")
    source = write_list(tmp_path / "new", "Bo")
    passed = steps(publish_action(source, keep=RetentionRule(2)), home)
    kinds = ("about to write", "wrote", "flushed", "put", "staged", "linked", "remove", "hid")
    assert {kind for kind in kinds if any(kind in step for step in passed)} == set(kinds)
