"""The store of lists: whole or not at all, never twice, never backwards, every change is seen."""

import datetime as dt
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from retention.core.errors import BadInput, Guarded
from retention.core.storage import atomic
from retention.worklist import published, to_csv
from retention.worklist.model import Listing
from retention.worklist.published import RetentionRule
from retention.worklist.write import write_list

WHOLE = ("at_risk.csv", "at_risk.html", "at_risk.xlsx", "dropped.csv")
MakeListing = Callable[..., Listing]
SnapshotOf = Callable[[Path], dict[str, tuple[int, bytes]]]
Write = Callable[..., Path]


@pytest.fixture
def write(make_listing: MakeListing, tmp_path: Path) -> Write:
    """write("Ada", as_of=...): a list of such people in a folder as at_risk leaves it."""

    def write_people(*names: str, **changes: Any) -> Path:
        folder = tmp_path / "at_risk"
        write_list(make_listing([{"name": name} for name in names], **changes), folder)
        return folder

    return write_people


@pytest.fixture
def lists(tmp_path: Path) -> Path:
    return tmp_path / "lists"


def put(source: Path, lists: Path, messages: list[str] | None = None, older: bool = False) -> Path:
    """Publish; what is said goes to messages."""
    say = [] if messages is None else messages
    return published.publish_list(source, lists, allow_older=older, say=say.append)


def day(number: int) -> dt.date:
    return dt.date(2026, 11, number)


def test_a_list_is_put_in_a_folder_and_the_pointer_names_it(write: Write, lists: Path) -> None:
    source = write("Ada", "Bo")
    target = put(source, lists)
    assert target.name.startswith("2026-11-22-")
    manifest = atomic.read_json(target / "manifest.json")
    assert {path.name for path in target.iterdir()} == {*WHOLE, "manifest.json"}
    assert set(manifest["files"]) == set(WHOLE)
    assert manifest["files"]["at_risk.csv"] == {
        "sha256": atomic.sha256(source / "at_risk.csv"),
        "bytes": (source / "at_risk.csv").stat().st_size,
        "rows": 2,
    }
    assert manifest["as_of"] == "2026-11-22"
    assert manifest["schema"][:2] == ["list_id", "rank"]
    assert {"company", "model", "definition", "rows"} <= manifest.keys()
    assert published.current(lists) == target
    assert (lists / "current").resolve() == target.resolve()
    assert published.verify(lists) == []


def test_published_files_are_read_only(write: Write, lists: Path) -> None:
    target = put(write("Ada"), lists)
    assert {path.stat().st_mode & 0o777 for path in target.iterdir()} == {0o444}


def test_the_same_list_again_changes_nothing(
    write: Write, lists: Path, snapshot_of: SnapshotOf
) -> None:
    put(write("Ada"), lists)
    before, messages = snapshot_of(lists / "."), list[str]()
    del before[".lock"]
    put(write("Ada"), lists, messages)
    after = snapshot_of(lists)
    assert after.pop(".lock")[1] == b""
    assert after == before
    assert any("unchanged" in message for message in messages)


def test_another_list_of_the_day_gets_its_own_folder(write: Write, lists: Path) -> None:
    first, second = put(write("Ada"), lists), put(write("Bo"), lists)
    assert first != second
    assert published.published_lists(lists) == sorted([first, second])
    assert published.current(lists) == published.newest(lists) == second
    assert put(write("Ada"), lists) == first == published.newest(lists)


def test_current_never_moves_back_unless_told(
    write: Write, lists: Path, snapshot_of: SnapshotOf
) -> None:
    newer = put(write("Ada"), lists)
    before = snapshot_of(newer)
    older = write("Ada", as_of=day(1))
    with pytest.raises(Guarded, match="allow_older"):
        put(older, lists)
    assert published.current(lists) == newer
    assert snapshot_of(newer) == before
    assert put(older, lists, older=True) == published.current(lists)


def test_another_company_takes_the_place_with_a_message(write: Write, lists: Path) -> None:
    put(write("Ada"), lists)
    messages: list[str] = []
    target = put(write("Ada", as_of=day(1), company="Harbour Gym"), lists, messages)
    assert published.current(lists) == target
    assert any("Mill Lane Bakery gives way" in message for message in messages)


def test_another_company_in_between_does_not_let_current_move_back(
    write: Write, lists: Path
) -> None:
    put(write("Ada"), lists)
    other = put(write("Ada", as_of=day(1), company="Harbour Gym"), lists)
    with pytest.raises(Guarded, match=r"2026-11-22, this one of 2026-11-20; .*allow_older"):
        put(write("Ada", as_of=day(20)), lists)
    assert published.current(lists) == other
    newer = put(write("Ada", as_of=day(23)), lists)
    assert published.current(lists) == newer


def test_what_programs_lay_beside_an_open_list_is_no_damage(write: Write, lists: Path) -> None:
    target = put(write("Ada"), lists)
    for name in (
        "~$at_risk.xlsx",
        ".~lock.at_risk.csv#",
        "Thumbs.db",
        "desktop.ini",
        ".DS_Store",
        "._x.csv",
    ):
        (target / name).write_bytes(b"x")
        assert published.verify(lists) == [], name
    messages: list[str] = []
    put(write("Ada"), lists, messages)
    assert any("unchanged" in message for message in messages)


def test_newest_can_be_older_than_a_day_and_of_one_company(write: Write, lists: Path) -> None:
    first = put(write("Ada", as_of=day(1)), lists)
    put(write("Ada", as_of=day(8)), lists)
    other = put(write("Ada", as_of=day(20), company="Harbour Gym"), lists)
    assert published.newest(lists, before=day(8)) == first
    assert published.newest(lists) == other
    newest = published.newest(lists, company="Mill Lane Bakery")
    assert newest is not None
    assert newest.name.startswith("2026-11-08")
    assert published.newest(lists, before=day(1)) is None
    assert published.newest(lists / "none") is None


def change_file(target: Path, name: str) -> None:
    (target / name).chmod(0o644)
    (target / name).write_bytes((target / name).read_bytes() + b" ")


@pytest.mark.parametrize("name", [*WHOLE, "manifest.json"])
def test_verify_says_which_file_was_changed(write: Write, lists: Path, name: str) -> None:
    target = put(write("Ada"), lists)
    change_file(target, name)
    assert any(str(target / name) in problem for problem in published.verify(lists))


def test_verify_sees_an_older_list_changed_too(write: Write, lists: Path) -> None:
    first = put(write("Ada", as_of=day(1)), lists)
    put(write("Ada"), lists)
    (first / "at_risk.html").unlink()
    assert published.verify(lists) == [f"{first / 'at_risk.html'}: missing"]


def test_verify_sees_a_manifest_made_to_fit(write: Write, lists: Path) -> None:
    target = put(write("Ada"), lists)
    manifest = atomic.read_json(target / "manifest.json")
    atomic.write_json(target / "manifest.json", manifest | {"rows": 2})
    problems = published.verify(lists)
    assert len(problems) == 2
    assert all("manifest.json" in problem for problem in problems)


def test_verify_sees_strangers_and_lost_folders(write: Write, lists: Path) -> None:
    target = put(write("Ada"), lists)
    (target / "notes.txt").write_text("x")
    assert "notes.txt: not part of" in published.verify(lists)[0]
    target.rename(lists / "elsewhere")
    assert "which is missing" in published.verify(lists)[0]
    (lists / "elsewhere").rename(target)
    (lists / "current.json").unlink()
    assert any("current.json: missing" in problem for problem in published.verify(lists))


def test_a_list_of_another_version_is_read_verified_and_named_as_it_was(lists: Path) -> None:
    text = (
        '{"as_of": "2026-11-01", "columns_hint": [1, 0.5], "company": "Mill Lane", '
        '"counts": {"listed": 1, "watched": 3}, "currency": "GBP", '
        '"files": {"at_risk.csv": {"bytes": 2, "rows": 1, "sha256": '
        '"4355a46b19d348dc2f57c046f8ef63d4538ebb936000f3c9ee954a27460dd865"}}, '
        '"notes": [], "rows": 1, "schema": ["rank"], "value_at_stake": 12}'
    )
    target = lists / "2026-11-01-5afc21816ad9"
    atomic.write_json(target / "manifest.json", json.loads(text))
    atomic.write_text(target / "at_risk.csv", "1\n")
    manifest = published.read_manifest(target)
    assert (manifest.list_id, manifest.language, manifest.limits) == ("", "en", ())
    assert atomic.json_text(manifest.as_json()) == (target / "manifest.json").read_text()
    assert published.verify(lists) == [
        f"{lists / 'current.json'}: missing, though lists are published"
    ]
    assert published.newest(lists, company="Mill Lane") == target


def test_nothing_published_is_nothing_wrong(lists: Path) -> None:
    assert published.verify(lists) == []


def test_a_damaged_folder_is_refused_and_named(write: Write, lists: Path) -> None:
    target = put(write("Ada"), lists)
    change_file(target, "at_risk.csv")
    with pytest.raises(BadInput, match=r"at_risk\.csv: changed since it was published"):
        put(write("Ada"), lists)


def test_a_pointer_outside_the_folder_is_refused(write: Write, lists: Path) -> None:
    put(write("Ada"), lists)
    pointer = atomic.read_json(lists / "current.json")
    for name in ("../../x", "/etc", "2026-11-22-0123456789ab/..", ""):
        atomic.write_json(lists / "current.json", pointer | {"folder": name})
        with pytest.raises(BadInput, match="not a pointer"):
            published.current(lists)
        assert len(published.verify(lists)) == 1, name


def test_a_date_that_is_a_path_is_refused(write: Write, lists: Path) -> None:
    source = write("Ada")
    summary = atomic.read_json(source / "summary.json")
    atomic.write_json(source / "summary.json", summary | {"as_of": "../../x"})
    with pytest.raises(BadInput, match=r"summary\.json: as_of: .*valid date"):
        put(source, lists)


def test_without_a_list_there_is_nothing_to_publish(tmp_path: Path, lists: Path) -> None:
    with pytest.raises(BadInput, match="run at_risk first"):
        put(tmp_path, lists)


def test_what_a_killed_run_left_is_removed(write: Write, lists: Path) -> None:
    put(write("Ada", as_of=day(1)), lists)
    (lists / ".2026-11-01-0123456789ab.123.tmp").mkdir()
    (lists / ".2026-11-01-0123456789ab.123.tmp" / "at_risk.csv").write_text("half")
    (lists / ".current.json.123.tmp").write_text("{")
    (lists / ".lock").write_text("123")
    (lists / ".of-somebody-else").write_text("x")
    messages: list[str] = []
    put(write("Bo"), lists, messages)
    assert {path.name for path in lists.glob(".*")} == {".lock", ".of-somebody-else"}
    assert any("lock of process 123" in message for message in messages)


def test_where_links_are_not_supported_the_pointer_is_enough(
    write: Write, lists: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: Any, **__: Any) -> None:
        raise OSError(1, "Operation not permitted")

    monkeypatch.setattr(Path, "symlink_to", refused)
    target = put(write("Ada"), lists)
    assert published.current(lists) == target
    assert not (lists / "current").exists()


def test_an_older_list_can_be_put_beside_the_current_one(write: Write, lists: Path) -> None:
    now = put(write("Ada"), lists)
    old = published.publish_list(
        write("Bo", as_of=day(1)), lists, allow_older=False, say=print, place_only=True
    )
    assert published.current(lists) == now
    assert published.published_lists(lists) == [old, now]
    assert published.newest(lists, before=day(22)) == old
    assert published.verify(lists) == []


def test_a_newer_list_put_beside_is_current_all_the_same(write: Write, lists: Path) -> None:
    put(write("Bo", as_of=day(1)), lists)
    now = published.publish_list(write("Ada"), lists, allow_older=False, say=print, place_only=True)
    assert published.current(lists) == now


def days_kept(lists: Path, rule: RetentionRule) -> list[int]:
    """The days of the lists that stay."""
    expired = published.expired_lists(lists, rule)
    return [
        int(path.name[8:10]) for path in published.published_lists(lists) if path not in expired
    ]


def test_the_oldest_lists_go_and_outcomes_to_come_are_waited_for(write: Write, lists: Path) -> None:
    for number in (1, 8, 15, 22):
        put(write("Ada", as_of=day(number)), lists)
    assert (
        days_kept(lists, RetentionRule(None))
        == days_kept(lists, RetentionRule(4))
        == [1, 8, 15, 22]
    )
    assert days_kept(lists, RetentionRule(2)) == [15, 22]
    assert days_kept(lists, RetentionRule(2, outcome_days=14)) == [
        15,
        22,
    ]  # on the 22nd the outcomes of the 8th are known
    assert days_kept(lists, RetentionRule(2, outcome_days=15)) == [8, 15, 22]
    again = put(write("Bo", as_of=day(8)), lists, older=True)
    assert again not in published.expired_lists(lists, RetentionRule(2)), "it is the current one"
    put(write("Ada"), lists)
    assert days_kept(lists, RetentionRule(2, outcome_days=15)) == [8, 15, 22], (
        "of one day the last one"
    )


@pytest.mark.parametrize(
    ("max_lists", "n_coming", "days"),
    [
        (1, 0, [22]),
        (1, 1, [22]),
        (2, 0, [15, 22]),
        (2, 1, [22]),
        (2, 2, [22]),
        (3, 1, [15, 22]),
        (5, 1, [1, 8, 15, 22]),
        (6, 1, [1, 8, 15, 22]),
    ],
)
def test_room_is_left_for_the_lists_to_come(
    max_lists: int, n_coming: int, days: list[int], write: Write, lists: Path
) -> None:
    for number in (1, 8, 15, 22):
        put(write("Ada", as_of=day(number)), lists)
    expired = published.expired_lists(lists, RetentionRule(max_lists), n_coming)
    left = [path for path in published.published_lists(lists) if path not in expired]
    assert [int(path.name[8:10]) for path in left] == days


def test_with_a_limit_of_a_single_list_only_the_replaced_list_stays_beside_the_new(
    write: Write, lists: Path
) -> None:
    for number in (1, 8, 15, 22):
        published.publish_list(
            write("Ada", as_of=day(number)),
            lists,
            allow_older=False,
            say=print,
            retention=RetentionRule(1),
        )
    assert [int(path.name[8:10]) for path in published.published_lists(lists)] == [15, 22]


def test_lists_of_another_company_are_not_ours_to_remove(write: Write, lists: Path) -> None:
    other = put(write("Ada", as_of=day(1), company="Harbour Gym"), lists)
    for number in (8, 15, 22):
        put(write("Ada", as_of=day(number)), lists)
    assert other not in published.expired_lists(lists, RetentionRule(2))
    assert days_kept(lists, RetentionRule(2)) == [1, 15, 22]


def test_an_erasure_puts_another_list_in_the_place(
    write: Write, lists: Path, make_listing: MakeListing
) -> None:
    earlier = put(write("Ada", as_of=day(1)), lists)
    old = put(write("Ada", "Bo"), lists)
    source = old.parent.parent / "kept"
    write_list(make_listing([{"name": "Bo"}]), source)
    fresh = published.supersede(old, source, lambda text: None)
    assert published.published_lists(lists) == sorted([earlier, fresh])
    assert published.current(lists) == fresh
    assert atomic.read_json(fresh / "manifest.json")["supersedes"] == old.name
    assert published.verify(lists) == []
    assert to_csv.read(fresh / "at_risk.csv")["name"].to_pylist() == ["Bo"]
