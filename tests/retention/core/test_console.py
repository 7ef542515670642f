"""The log of a stage on stderr."""

import subprocess
import sys

import pytest

from retention.core import console


def test_the_lines_of_a_stage_carry_its_name_and_are_never_wrapped(
    capsys: pytest.CaptureFixture[str],
) -> None:
    long = "x" * 300
    with console.stage("train") as log:
        log.read("data/features", 151_081)
        log.wrote("data/train", 3)
        log.info(f"[bold]{long} 100% of :smile: {{}}")
        log.table([("source", "rows"), ("till", "1,000")])
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "train: read 151,081 rows from data/features"
    assert lines[1].startswith("train: wrote 3 rows to data/train (")
    assert lines[2] == f"train: [bold]{long} 100% of :smile: {{}}"
    assert lines[3:5] == ["train: source   rows", "train: till    1,000"]
    assert lines[5].startswith("train: done in ")


def test_a_progress_bar_writes_nothing_where_there_is_no_terminal(
    capsys: pytest.CaptureFixture[str],
) -> None:
    log = console.StageLog("labels")
    assert list(log.track(range(3), "labelling snapshots")) == [0, 1, 2]
    assert capsys.readouterr().err == ""


def test_a_logger_writes_each_line_once_however_often_it_is_asked_for(
    capsys: pytest.CaptureFixture[str],
) -> None:
    for _ in range(3):
        console.logger("ledgers").info("took over a lock")
    assert len(capsys.readouterr().err.splitlines()) == 3


def test_no_handler_is_installed_by_an_import() -> None:
    code = (
        "import logging; import retention.core.console; import retention.commands.score.log;"
        "loggers = [logging.root, *map(logging.getLogger, ('train', 'retention score'))];"
        "print(sum(len(logger.handlers) for logger in loggers))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "0"
