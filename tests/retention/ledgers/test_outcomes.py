"""The ledger of outcomes: nothing is lost or changed; a record is known once it is entered."""

import datetime as dt
import subprocess
import sys
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import narwhals as nw
import pytest

from pipeline.events import events as merge_events
from retention.core import events, point_in_time
from retention.core.errors import BadInput, Busy
from retention.core.storage import atomic
from retention.ledgers import outcomes, store
from retention.ledgers.outcomes import ImportBatch, OutcomeRecord, StaffAnswer

LIST = "2026-11-22-0123456789ab"
OTHER = "2026-12-22-ba9876543210"
LONDON = ZoneInfo("Europe/London")
KARACHI = ZoneInfo("Asia/Karachi")


def moment(day: int, hour: int = 12) -> dt.datetime:
    return dt.datetime(2026, 11, day, hour, tzinfo=dt.UTC)


def entered(
    folder: Path,
    when: dt.datetime,
    answers: dict[str, StaffAnswer],
    list_id: str = LIST,
    sha: str = "f" * 64,
    theme: str | None = None,
) -> Path:
    records = tuple(
        OutcomeRecord(list_id, customer_id, when, word, "phone", "Ada", sha, theme)
        for customer_id, word in answers.items()
    )
    batch = ImportBatch(list_id, "Mill Lane Bakery", when, sha, {"accepted": len(records)}, records)
    with outcomes.lock(folder):
        return outcomes.write(folder, batch)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "ledgers" / "outcomes"


FULL = StaffAnswer(
    contacted_on=dt.date(2026, 11, 23),
    result="reached",
    answer="will stay",
    action_taken="gesture",
    offer_cost=Decimal("12.5"),
    reason_right="partly",
    note="=1+1 'ü\n\u0639",
)


def test_what_is_written_is_read_again(folder: Path) -> None:
    entered(folder, moment(23), {"a:\\1": FULL, "b": StaffAnswer(result="not reached")})
    records = outcomes.read_records(folder)
    assert [(record.key, record.staff_answer, record.entered_at) for record in records] == [
        ((LIST, "a:\\1"), FULL, moment(23)),
        ((LIST, "b"), StaffAnswer(result="not reached"), moment(23)),
    ]
    assert (records[0].channel, records[0].owner, records[0].file_sha256) == (
        "phone",
        "Ada",
        "f" * 64,
    )
    assert len({record.record_id for record in records}) == 2


def test_without_a_ledger_nothing_is_known(folder: Path) -> None:
    assert outcomes.read_records(folder) == []
    assert outcomes.opted_out(folder) == outcomes.deceased_or_merged(folder) == set()
    table = outcomes.staff_events(folder, LONDON, "Mill Lane Bakery")
    assert (table.schema, table.num_rows) == (events.EVENTS, 0)


def test_history_is_kept_and_the_newest_word_counts(folder: Path) -> None:
    first = entered(folder, moment(23), {"a": StaffAnswer(result="not reached"), "b": FULL})
    before = first.read_bytes()
    entered(folder, moment(25), {"a": FULL})
    assert first.read_bytes() == before
    assert [record.staff_answer.result for record in outcomes.read_records(folder)] == [
        "not reached",
        "reached",
        "reached",
    ]
    now = {
        record.customer_id: record.staff_answer
        for record in outcomes.latest(outcomes.read_records(folder))
    }
    assert now == {"a": FULL, "b": FULL}


def test_a_file_is_read_only_and_named_by_its_list_and_content(folder: Path) -> None:
    path = entered(folder, moment(23), {"a": FULL})
    assert path.name.startswith(f"{LIST}-")
    assert path.stat().st_mode & 0o777 == 0o444
    assert entered(folder, moment(23), {"a": FULL}) == path
    assert entered(folder, moment(24), {"a": FULL}) != path


@pytest.mark.parametrize("damage", [('"reached"', '"not reached"'), ("{", ""), ('"facts"', '"f"')])
def test_a_changed_file_is_refused(folder: Path, damage: tuple[str, str]) -> None:
    path = entered(folder, moment(23), {"a": FULL})
    text = path.read_text(encoding="utf-8").replace(*damage, 1)
    atomic.write_text(path, text)
    with pytest.raises(BadInput, match="restore it from a backup"):
        outcomes.read_records(folder)


def test_a_file_half_written_is_no_part_of_it_and_goes(folder: Path) -> None:
    entered(folder, moment(23), {"a": FULL})
    half = folder / ".x.json.123.tmp"
    half.write_text('{"facts": [')
    assert len(outcomes.read_records(folder)) == 1
    with outcomes.lock(folder):
        assert not half.exists()


def test_a_failed_write_leaves_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: Path) -> None:
        raise OSError(28, "No space left on device")

    atomic.make_folder(folder)
    with monkeypatch.context() as broken:
        broken.setattr(atomic, "sync", fail)
        with pytest.raises(OSError, match="No space"):
            entered(folder, moment(23), {"a": FULL})
    assert list(folder.iterdir()) == []


HOLD = """
import sys, time
from pathlib import Path
from retention.ledgers import outcomes
with outcomes.lock(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(float(sys.argv[2]))
"""


def _holding(folder: Path, seconds: float) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", HOLD, str(folder), str(seconds)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    process.stdout.readline()
    return process


def test_a_second_import_waits_for_the_first(folder: Path) -> None:
    with _holding(folder, 0.5) as other:
        entered(folder, moment(23), {"a": FULL})
        assert other.wait() == 0
    assert len(outcomes.read_records(folder)) == 1


def test_who_waits_in_vain_is_told(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outcomes, "_PATIENCE", 0.1)
    with _holding(folder, 20) as other:
        with (
            pytest.raises(Busy, match=f"process {other.pid} is writing the ledgers"),
            outcomes.lock(folder),
        ):
            pass
        other.kill()
    messages: list[str] = []
    with outcomes.lock(folder, messages.append):  # a lock ends with its process
        pass
    assert messages == [f"took over the lock of process {other.pid}, which ended before its time"]


def test_one_customer_can_be_erased_and_the_rest_stays(folder: Path) -> None:
    first = entered(folder, moment(23), {"a": FULL, "b": FULL})
    backup = first.read_bytes()
    entered(folder, moment(24), {"b": StaffAnswer(result="reached")})
    assert outcomes.erase(folder, "a") == 1
    assert outcomes.erase(folder, "a") == 0
    assert [record.customer_id for record in outcomes.read_records(folder)] == ["b", "b"]
    assert not first.exists()
    assert not any(b'"a"' in path.read_bytes() for path in folder.iterdir())
    first.write_bytes(backup)  # somebody restores an old copy
    assert {record.customer_id for record in outcomes.read_records(folder)} == {"b"}
    assert outcomes.erase(folder, "b") == 2
    assert outcomes.read_records(folder) == []
    first.write_bytes(backup)
    assert outcomes.read_records(folder) == [], "twice replaced, still not read"


# What follows


def test_objections_and_the_gone_are_as_last_entered(folder: Path) -> None:
    objects = StaffAnswer(result="reached", answer="asks not to be contacted")
    answers = {
        "a": objects,
        "b": StaffAnswer(result="deceased"),
        "c": StaffAnswer(result="merged"),
        "d": FULL,
    }
    entered(folder, moment(23), answers)
    assert outcomes.opted_out(folder) == {"a"}
    assert outcomes.deceased_or_merged(folder) == {"b", "c"}
    entered(folder, moment(24), {"b": FULL, "d": objects})
    entered(folder, moment(25), {"a": FULL}, OTHER)
    assert outcomes.opted_out(folder) == {"a", "d"}  # what another list says takes nothing back
    assert outcomes.deceased_or_merged(folder) == {"c"}


def contact_rows(folder: Path, zone: ZoneInfo = LONDON) -> list[dict[str, Any]]:
    table = outcomes.staff_events(folder, zone, "Mill Lane Bakery")
    assert table.schema == events.EVENTS
    rows: list[dict[str, Any]] = table.to_pylist()
    return rows


def test_a_contact_is_an_event_with_two_clocks(folder: Path) -> None:
    entered(folder, moment(25, 23), {"a:1": FULL})
    (event,) = contact_rows(folder, KARACHI)
    assert {name: value for name, value in event.items() if value is not None} == {
        "event_id": f"ledger:outreach:{LIST}:a\\:1",
        "customer_id": "a:1",
        "kind": "outreach",
        "source": "ledger",
        "occurred_at": dt.datetime(2026, 11, 22, 19, tzinfo=dt.UTC),  # the 23rd begins there
        "known_at": moment(25, 23),
        "channel": "phone",
        "topic": "reached",
        "cost": Decimal("12.5"),
        "treatment": "gesture",
        "occurred_day": point_in_time.day_number(dt.date(2026, 11, 23)),
        "known_day": point_in_time.day_number(
            dt.date(2026, 11, 26)
        ),  # it is past midnight in Karachi
        "occurred_minute": int(dt.datetime(2026, 11, 22, 19, tzinfo=dt.UTC).timestamp()) // 60,
    }


@pytest.mark.parametrize(
    ("answer", "treatment"),
    [
        (StaffAnswer(result="reached"), "call"),
        (StaffAnswer(result="not reached", action_taken="nothing"), "call"),
        (StaffAnswer(result="wrong person", action_taken="visit"), "visit"),
        (StaffAnswer(result="merged"), None),
        (StaffAnswer(result="deceased"), None),
        (StaffAnswer(action_taken="gesture"), None),
        (StaffAnswer(reason_right="no", note="x"), None),
    ],
)
def test_which_answers_tell_of_a_contact(
    folder: Path, answer: StaffAnswer, treatment: str | None
) -> None:
    entered(folder, moment(25), {"a": answer})
    published = contact_rows(folder)
    assert [row["treatment"] for row in published] == [treatment][: len(published)]
    assert len(published) == (treatment is not None)
    for row in published:  # without a day it happened on the day it was entered
        assert (
            row["occurred_day"]
            == row["known_day"]
            == point_in_time.day_number(dt.date(2026, 11, 25))
        )


def test_what_else_staff_record_are_events_of_their_own(folder: Path) -> None:
    answer = StaffAnswer(
        contacted_on=dt.date(2026, 11, 23),
        result="sent",
        reason_right="no",
        fixed="fixed",
        call_back_on=dt.date(2026, 12, 1),
        handed_to="Bert",
    )
    answers = {"a": answer, "b": StaffAnswer(result="knows better", note="x")}
    entered(folder, moment(25), answers, theme="billing")
    recorded = {
        (row["customer_id"], row["kind"]): (
            row["topic"],
            row["rating"],
            row["agent_id"],
            row["effective_day"],
        )
        for row in contact_rows(folder)
    }
    assert recorded == {
        ("a", "outreach"): ("sent", None, None, None),
        ("a", "fix"): (None, None, None, None),
        ("a", "call_back"): (None, None, None, point_in_time.day_number(dt.date(2026, 12, 1))),
        ("a", "handover"): (None, None, "Bert", None),
        ("a", "assessment"): ("billing", 0.0, None, None),
        ("b", "override"): (None, None, None, None),
    }
    entered(folder, moment(26), {"a": StaffAnswer(result="sent", fixed="not fixed")})
    kinds = [
        (row["customer_id"], row["kind"]) for row in events_known_on(folder, dt.date(2026, 11, 27))
    ]
    assert sorted(kinds) == [("a", "outreach"), ("b", "override")]


def test_a_file_of_before_these_columns_is_still_read(folder: Path) -> None:
    path = entered(folder, moment(23), {"a": FULL})
    content = atomic.read_json(path)
    for record in content["facts"]:
        for name in ("fixed", "call_back_on", "handed_to", "theme", "wrong_contact"):
            del record[name]
    path.unlink()
    store.write(folder, LIST, content)
    (record,) = outcomes.read_records(folder)
    assert (record.staff_answer, record.theme) == (FULL, None)


def test_a_wrong_number_is_known_by_its_hash_however_it_is_written(folder: Path) -> None:
    number = outcomes.contact_fingerprint("a", "+44 20 1234")
    assert number == outcomes.contact_fingerprint("a", "+44-20-1234")
    assert number != outcomes.contact_fingerprint("b", "+44 20 1234")
    record = OutcomeRecord(LIST, "a", moment(23), StaffAnswer(result="wrong person"), "phone")
    batch = ImportBatch(LIST, "Mill", moment(23), "f", {}, (replace(record, wrong_contact=number),))
    with outcomes.lock(folder):
        outcomes.write(folder, batch)
    assert outcomes.wrong_contacts(folder) == {"a": {number}}


def merged(folder: Path) -> tuple[Any, Any]:
    path = folder.parent / "ingested.parquet"
    atomic.write_table(path, events.EVENTS.empty_table())
    return merge_events([path], "1GB", outcomes.staff_events(folder, LONDON, "Mill Lane Bakery"))


def events_known_on(folder: Path, day: dt.date) -> list[dict[str, Any]]:
    """What a snapshot of that day sees."""
    table, _ = merged(folder)
    past = point_in_time.as_known_at(nw.from_native(table).lazy(), point_in_time.day_number(day))
    rows: list[dict[str, Any]] = past.collect().to_arrow().to_pylist()
    return rows


def test_a_snapshot_sees_what_was_entered_before_it(folder: Path) -> None:
    entered(folder, moment(25, 0), {"a": FULL})
    assert events_known_on(folder, dt.date(2026, 11, 24)) == []
    assert (
        events_known_on(folder, dt.date(2026, 11, 25)) == []
    )  # entered at the moment of the snapshot
    (later,) = events_known_on(folder, dt.date(2026, 11, 26))
    assert (later["age"], later["treatment"]) == (3, "gesture")


def test_a_corrected_answer_is_another_version_of_the_event(folder: Path) -> None:
    entered(folder, moment(24), {"a": StaffAnswer(result="not reached")})
    entered(folder, moment(26), {"a": FULL})
    _, summary = merged(folder)
    assert (summary.event_ids, summary.versions, summary.clashes) == (1, 1, 0)
    assert [event["topic"] for event in events_known_on(folder, dt.date(2026, 11, 25))] == [
        "not reached"
    ]
    assert [event["topic"] for event in events_known_on(folder, dt.date(2026, 11, 27))] == [
        "reached"
    ]


def test_a_contact_taken_back_is_seen_until_then(folder: Path) -> None:
    entered(folder, moment(24), {"a": FULL})
    entered(folder, moment(26), {"a": StaffAnswer(result="merged")})
    assert [event["kind"] for event in events_known_on(folder, dt.date(2026, 11, 25))] == [
        "outreach"
    ]
    assert events_known_on(folder, dt.date(2026, 11, 27)) == []


def test_a_correction_of_the_note_alone_is_no_version(folder: Path) -> None:
    entered(
        folder, moment(24), {"a": StaffAnswer(result="reached", contacted_on=dt.date(2026, 11, 23))}
    )
    noted = StaffAnswer(result="reached", contacted_on=dt.date(2026, 11, 23), note="x")
    entered(folder, moment(26), {"a": noted})
    table, summary = merged(folder)
    assert (table.num_rows, summary.versions) == (1, 0)
    assert len(outcomes.read_records(folder)) == 2
