"""Cases 43 to 46: SIGTERM, no room, a read-only disk, two at once, a dead one, a reader."""

import datetime as dt
import os
import re
import resource
import signal
import subprocess
import sys
from collections.abc import Callable
from errno import ENOSPC, EROFS
from pathlib import Path

import pytest

from retention.core import errors
from retention.core.storage import atomic
from retention.ledgers import outcomes
from retention.worklist import published
from retention.worklist.published import RetentionRule
from tests.faults.ending import at_step, copies, hidden, run_in_child
from tests.faults.lists import DAY, publish_quietly, read_current, write_list
from tests.faults.refusal import Done, assert_refused, assert_unchanged

TERM = "refused: stopped by SIGTERM; nothing was changed half-way; run again"


@pytest.fixture
def lists(tmp_path: Path) -> Path:
    """A list is published."""
    folder = tmp_path / "home" / "lists"
    publish_quietly(write_list(tmp_path / "old", "Ada", DAY.replace(day=1)), folder)
    return folder


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """The next list, which is to be published."""
    return write_list(tmp_path / "new", "Bo")


# 43: an orderly end


def end_at_every_step(lists: Path, source: Path, does: Callable[[], object], message: str) -> None:
    """Publish while something happens at each step: code 1, one line, old or new, nothing left."""
    work = lists.parents[1] / "work"
    for number, name, home in copies(
        lists.parent, lambda home: publish_quietly(source, home / "lists"), work
    ):
        errors_path = home.with_name("said")

        def action(number: int = number, home: Path = home) -> None:
            at_step(number, does)
            errors.run(lambda: _publish(source, home / "lists"))

        code = run_in_child(action, errors_path)
        lines = errors_path.read_text(encoding="utf-8").splitlines()
        done_without = "link" in name and does is not term  # as where there are no links
        assert (code, len(lines)) == ((0, 0) if done_without else (1, 1)), (name, lines)
        assert done_without or message in lines[0], name
        assert hidden(home) == [], name
        assert read_current(home / "lists") in ("Ada", "Bo"), name
        assert published.verify(home / "lists") == [], name
        assert (home / "lists/.lock").read_bytes() == b"", "it ended in order"


def _publish(source: Path, lists: Path) -> None:
    publish_quietly(source, lists)


def term() -> None:
    os.kill(os.getpid(), signal.SIGTERM)


def fail_with(number: int) -> Callable[[], None]:
    """The disk says so."""

    def fail() -> None:
        raise OSError(number, os.strerror(number))

    return fail


def test_43_sigterm_enospc_sigterm_at_every_step(lists: Path, source: Path) -> None:
    end_at_every_step(lists, source, term, TERM)


def test_43_sigterm_enospc_full_disk_at_every_step(lists: Path, source: Path) -> None:
    end_at_every_step(lists, source, fail_with(ENOSPC), "No space left on device; nothing was")


def test_43_sigterm_enospc_read_only_disk_at_every_step(lists: Path, source: Path) -> None:
    end_at_every_step(lists, source, fail_with(EROFS), "Read-only file system; nothing was")


def test_43_sigterm_enospc_no_room_in_the_middle_of_a_file(
    lists: Path, source: Path, tmp_path: Path
) -> None:
    """The system cuts a write short, as a full disk does; the line names the file."""
    errors_path = tmp_path / "said"

    def little_room() -> None:
        _, hard_limit = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (20, hard_limit))
        try:
            publish_quietly(source, lists)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (hard_limit, hard_limit))

    with assert_unchanged(lists):
        assert run_in_child(lambda: errors.run(little_room), errors_path) == 1
    assert re.fullmatch(
        r"refused: \S+/at_risk\.csv: File too large; .* run again\n", errors_path.read_text("utf-8")
    )
    assert hidden(lists) == []


def test_43_sigterm_enospc_the_ledger(tmp_path: Path) -> None:
    folder, errors_path = tmp_path / "ledgers/outcomes", tmp_path / "said"
    atomic.make_folder(folder)

    def enter() -> None:
        with outcomes.lock(folder):
            atomic.write_json(folder / "x.json", {"facts": []})

    def action() -> None:
        at_step(3, fail_with(ENOSPC))
        errors.run(enter)

    assert run_in_child(action, errors_path) == 1
    [line] = errors_path.read_text(encoding="utf-8").splitlines()
    assert line.startswith(f"refused: {folder}/x.json: No space left on device")
    assert list(folder.iterdir()) == []


WAITING = """
import sys, time
from pathlib import Path
from retention.core import errors
from retention.core.storage import atomic

def main():
    try:
        with atomic.atomic_file(Path(sys.argv[1]) / "a.txt") as temporary:
            temporary.write_text("half")
            print("writing", flush=True)
            time.sleep(60)
    except Exception:
        print("went on as after a mishap", flush=True)
    finally:
        print("tidying", flush=True)
        time.sleep(0.3)

errors.run(main)
"""


def test_43_sigterm_enospc_a_second_signal_does_not_cut_the_tidying_short(tmp_path: Path) -> None:
    with start(WAITING, str(tmp_path)) as process:
        assert next_line(process) == "writing"
        assert hidden(tmp_path)
        process.terminate()
        assert next_line(process) == "tidying"
        process.terminate()
        out, err = process.communicate(timeout=20)
    assert (process.returncode, out, err) == (1, "", f"{TERM}\n")
    assert list(tmp_path.iterdir()) == []


# 44, 45: two at once


PUBLISHING = """
import sys, time
from pathlib import Path
from retention.core import errors
from retention.worklist import published

source, lists, *slow = sys.argv[1:]

def say(text):
    sys.stdout.write(text + "\\n")

def main():
    if slow:
        with published._locked(Path(lists), say):
            print("publishing", flush=True)
            time.sleep(60)
    published.publish_list(Path(source), Path(lists), allow_older=False, say=say)

errors.run(main)
"""


def start(code: str, *words: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", code, *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def next_line(process: "subprocess.Popen[str]") -> str:
    """The next line of its output."""
    assert process.stdout is not None
    return process.stdout.readline().strip()


def run_publisher(source: Path, lists: Path) -> Done:
    command = [sys.executable, "-c", PUBLISHING, str(source), str(lists)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_44_concurrent_run(lists: Path, source: Path) -> None:
    with start(PUBLISHING, str(source), str(lists), "slow") as first:
        assert next_line(first) == "publishing"
        with assert_unchanged(lists):
            done = run_publisher(source, lists)
        assert_refused(done, 5, str(lists), f"process {first.pid} is publishing", "try again later")
        first.kill()
    assert run_publisher(source, lists).returncode == 0


def test_45_stale_lock(lists: Path, source: Path) -> None:
    with start(PUBLISHING, str(source), str(lists), "slow") as first:
        assert next_line(first) == "publishing"
        first.kill()
    assert (lists / ".lock").read_text() == str(first.pid)
    done = run_publisher(source, lists)
    assert (done.returncode, read_current(lists)) == (0, "Bo")
    message = f"took over the lock of process {first.pid}, which ended before its time"
    assert message in done.stdout.splitlines()
    assert "took over" not in run_publisher(source, lists).stdout


# 46: reading meanwhile


def test_46_read_during_publish(lists: Path, tmp_path: Path) -> None:
    """A reader in a process of its own reads without pause while fifty lists come, forty go."""
    counted, stop = tmp_path / "counted", tmp_path / "stop"

    def read_until_stopped() -> None:
        names_read = []
        while not stop.exists():
            names_read.append(read_current(lists))
        counted.write_text(" ".join(map(str, names_read)))

    reader = os.fork()
    if not reader:
        try:
            os._exit(run_in_child(read_until_stopped, tmp_path / "errors"))
        finally:
            os._exit(70)
    for number in range(50):
        day = DAY + dt.timedelta(days=number)
        publish_quietly(
            write_list(tmp_path / "next", f"Bo{number}", day), lists, keep=RetentionRule(10)
        )
    stop.touch()
    status = os.waitstatus_to_exitcode(os.waitpid(reader, 0)[1])
    assert status == 0, (tmp_path / "errors").read_text(encoding="utf-8")
    names_read = counted.read_text().split()
    assert len(set(names_read)) > 10, "the reader was too slow to have met anything"
    numbers = [int(name.removeprefix("Bo")) for name in names_read if name != "Ada"]
    assert numbers == sorted(numbers), "an older list came after a newer one"
