"""examples/operating/: what an operator copies is valid, and names what there is."""

import configparser
import re
import shutil
import subprocess
from pathlib import Path

import pytest

FOLDER = Path("examples/operating")
SERVICE, TIMER = FOLDER / "retention-score.service", FOLDER / "retention-score.timer"
COMMAND = ".venv/bin/retention score"


def read(path: Path) -> configparser.ConfigParser:
    parser = configparser.ConfigParser(interpolation=None, strict=True)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string(path.read_text(encoding="utf-8"))
    return parser


def test_the_service_runs_the_job_once_in_its_folder() -> None:
    service = read(SERVICE)["Service"]
    assert service["Type"] == "oneshot"
    assert service["ExecStart"] == f"{service['WorkingDirectory']}/{COMMAND} --log json"
    assert service["SuccessExitStatus"] == "5"
    assert service["WorkingDirectory"] in service["ReadWritePaths"]
    assert service["EnvironmentFile"] == "-/etc/retention.env"


def test_the_timer_makes_up_for_a_night_without_power() -> None:
    timer = read(TIMER)
    assert timer["Timer"]["Persistent"] == "yes"
    assert timer["Install"]["WantedBy"] == "timers.target"
    assert TIMER.stem == SERVICE.stem


def test_cron_runs_the_job_and_is_silent_when_it_ends_well() -> None:
    lines = (FOLDER / "crontab").read_text(encoding="utf-8").splitlines()
    jobs = [line for line in lines if re.match(r"[\d*]", line)]
    assert all(len(job.split()) > 5 for job in jobs)
    (scoring,) = (job for job in jobs if COMMAND in job)
    assert f"{COMMAND} > score.last 2>&1" in scoring


def cron_says(folder: Path, message: str, code: int) -> str:
    """What cron would mail, with a program of that end in the place of ours."""
    lines = (FOLDER / "crontab").read_text(encoding="utf-8").splitlines()
    (scoring,) = (line.split(maxsplit=5)[5] for line in lines if COMMAND in line)
    program = folder / COMMAND.split()[0]
    program.parent.mkdir(parents=True, exist_ok=True)
    program.write_text(f"#!/bin/sh\nprintf '{message}\\n' >&2\nexit {code}\n", encoding="ascii")
    program.chmod(0o755)
    done = subprocess.run(
        ["bash", "-c", scoring.replace("/srv/retention", str(folder))],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    return done.stdout + done.stderr


@pytest.mark.parametrize(
    ("message", "code", "mailed"),
    [
        ("events: done in 0.3 s", 0, ""),
        ("refused: sales.csv: gone\\na warning", 3, "exit 3\nrefused: sales.csv: gone\n"),
        ("refused: runs: process 1 is scoring", 5, ""),
        ("failed: stage events", 1, "exit 1\nfailed: stage events\n"),
        ("a\\nb\\nc\\nd", 137, "exit 137\nb\nc\nd\n"),
    ],
)
def test_cron_mails_the_reason_alone(tmp_path: Path, message: str, code: int, mailed: str) -> None:
    assert cron_says(tmp_path, message, code) == mailed


def test_cron_mails_no_reason_of_a_run_before_and_keeps_the_log_of_both(tmp_path: Path) -> None:
    cron_says(tmp_path, "refused: of yesterday", 4)
    assert cron_says(tmp_path, "Killed", 137) == "exit 137\nKilled\n"
    log = (tmp_path / "score.log").read_text(encoding="utf-8")
    assert log == "refused: of yesterday\nKilled\n"


def test_systemd_takes_the_units(tmp_path: Path) -> None:
    """Where systemd is not, the other tests have read the files."""
    program = shutil.which("systemd-analyze")
    assert {"Unit", "Service"} <= set(read(SERVICE).sections())
    assert {"Unit", "Timer"} <= set(read(TIMER).sections())
    if program is None:
        pytest.skip("no systemd-analyze on this machine: install systemd")
    there = SERVICE.read_text(encoding="utf-8").replace(f"/srv/retention/{COMMAND}", "/bin/true")
    (tmp_path / SERVICE.name).write_text(there, encoding="utf-8")
    shutil.copy(TIMER, tmp_path)
    done = subprocess.run(
        [program, "verify", *(str(tmp_path / unit.name) for unit in (SERVICE, TIMER))],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "retention-score" not in done.stderr, done.stderr
