"""Refusals: one line, a code, nothing of the data."""

import os
import signal
import threading
from contextlib import suppress

import duckdb
import pyarrow as pa
import pytest

from retention.core import errors


@pytest.mark.parametrize(
    ("refusal", "code"),
    [
        (errors.Refusal, 1),
        (errors.BadParams, 2),
        (errors.BadInput, 3),
        (errors.Guarded, 4),
        (errors.Busy, 5),
    ],
)
def test_a_refusal_is_one_line_on_stderr_and_its_exit_code(
    refusal: type[errors.Refusal], code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    def main() -> None:
        raise refusal("first line\n  second   line")

    with pytest.raises(SystemExit) as stopped:
        errors.run(main)
    assert stopped.value.code == code
    assert capsys.readouterr() == ("", "refused: first line second line\n")


def test_the_nearest_names_are_suggested_whatever_their_case() -> None:
    assert errors.suggestion("Custmer", ["customer", "item"]) == " (nearest: customer)"
    assert errors.suggestion("zzz", ["customer"]) == ""


def test_a_masked_value_shows_its_beginning_and_length_only() -> None:
    assert errors.mask("anna@example.org") == "'an'… (16 characters)"
    assert errors.mask("ab") == "'ab'"


def test_an_engines_error_is_one_line_without_the_values_it_quotes(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fail_in_sql() -> None:
        duckdb.execute("select ('4711' || 'x')::integer").fetchall()

    def fail_in_arrow() -> None:
        pa.array(["4711x"]).cast(pa.int32())

    for main, name in ((fail_in_sql, "ConversionException"), (fail_in_arrow, "ArrowInvalid")):
        with pytest.raises(SystemExit) as stopped:
            errors.run(main)
        line = capsys.readouterr().err
        assert stopped.value.code == 1
        assert line.startswith(f"refused: {name} at core/test_errors.py, line ")
        assert line.count("\n") == 1
        assert "4711" not in line


def test_a_fault_of_the_program_keeps_its_traceback() -> None:
    def main() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        errors.run(main)


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (OSError(28, "No space left on device", "lists/x"), "lists/x: No space left on device;"),
        (OSError(28, "No space left on device"), "the disk: No space left on device;"),
        (OSError(30, "Read-only file system", "lists"), "lists: Read-only file system;"),
        (PermissionError(13, "Permission denied", "lists"), "lists: Permission denied;"),
    ],
)
def test_what_the_disk_refuses_is_one_line_too(
    error: OSError, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    def main() -> None:
        raise error

    with pytest.raises(SystemExit) as stopped:
        errors.run(main)
    assert stopped.value.code == 1
    assert capsys.readouterr().err == (
        f"refused: {message} nothing was changed half-way; mend that and run again\n"
    )


@pytest.mark.parametrize("mishap", [RuntimeError("x"), BrokenPipeError(32, "Broken pipe")])
def test_what_is_no_refusal_is_not_hidden(mishap: Exception) -> None:
    def main() -> None:
        raise mishap

    with pytest.raises(type(mishap)):
        errors.run(main)


def test_sigterm_is_an_orderly_end_that_nothing_takes_for_a_mishap(
    capsys: pytest.CaptureFixture[str],
) -> None:
    before, tidied = signal.getsignal(signal.SIGTERM), []

    def main() -> None:
        try:
            with suppress(Exception):  # as code that goes on without MLflow
                os.kill(os.getpid(), signal.SIGTERM)
        finally:
            os.kill(os.getpid(), signal.SIGTERM)  # impatience changes nothing
            tidied.append(True)

    with pytest.raises(SystemExit) as stopped:
        errors.run(main)
    assert (stopped.value.code, tidied) == (1, [True])
    assert capsys.readouterr().err == (
        "refused: stopped by SIGTERM; nothing was changed half-way; run again\n"
    )
    assert signal.getsignal(signal.SIGTERM) == before


def test_a_thread_can_refuse_without_being_told_of_signals() -> None:
    codes: list[object] = []

    def threaded() -> None:
        try:
            errors.run(_busy)
        except SystemExit as stopped:
            codes.append(stopped.code)

    thread = threading.Thread(target=threaded)
    thread.start()
    thread.join()
    assert codes == [5]


def _busy() -> None:
    raise errors.Busy("later")
