"""Runs one stage as a process of its own: its memory ends with it, and nothing it does stays."""

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pipeline
from retention.commands.score import log
from retention.commands.score.stage import FAILED
from retention.core import errors

ALWAYS: Final = {
    "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "PYTHONUNBUFFERED": "1",
}
_LAST: Final = ("refused: ", "failed: ")
"""How the line begins with which a stage ends badly. Others may follow: an interpreter's own."""

_KINDS: Final = {
    one.code: one for one in (errors.BadParams, errors.BadInput, errors.Guarded, errors.Busy)
}


class Failed(errors.Refusal):
    """A stage ended in a way that nobody foresaw."""


@dataclass(frozen=True)
class Ran:
    """A stage that ended well; peak: the most memory it held, in MB."""

    seconds: float
    peak: float


def run(words: Sequence[str], work: Path, root: Path) -> Ran:
    """Run a stage in the folder `work` and log what it writes.

    Its refusal is raised as its own kind, with its own words; Failed for any other bad end.
    """
    started, said = time.perf_counter(), list[str]()
    command = [sys.executable, "-P", "-m", "retention.commands.score.stage", *words]
    process = subprocess.Popen(  # noqa: S603  (this program itself, without a shell)
        command, cwd=work, env=_environment(work, root), text=True, encoding="utf-8",
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    try:
        assert process.stdout is not None  # noqa: S101
        for line in map(str.rstrip, process.stdout):
            said.append(line)
            if not line.startswith(_LAST):
                log.event("said", line, {"stage": " ".join(words)}, prefix="")
        peak = _ended(process)
    finally:
        _end(process)
    if process.returncode:
        raise _refusal(process.returncode, " ".join(words), said)
    return Ran(round(time.perf_counter() - started, 2), peak)


def _environment(work: Path, root: Path) -> dict[str, str]:
    """This program's code, scratch files in the work folder, MLflow's store where it always is."""
    code = str(Path(pipeline.__file__).parents[1])
    paths = [code, *filter(None, [os.environ.get("PYTHONPATH")])]
    kept = {"MLFLOW_TRACKING_URI": f"sqlite:///{root / 'mlflow.db'}"} | dict(os.environ)
    own = {"PYTHONPATH": os.pathsep.join(paths), "TMPDIR": str(work / "tmp")}
    return kept | ALWAYS | own


def _ended(process: "subprocess.Popen[str]") -> float:
    """Wait for the end; the most memory that the process ever held, in MB."""
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return round(used.ru_maxrss / 1024, 1)


def _end(process: "subprocess.Popen[str]") -> None:
    """Where the job itself is stopped, its stage ends first, and its temporary files go."""
    if process.returncode is None:
        process.terminate()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            pipe.close()
    process.wait()


def _refusal(code: int, stage: str, said: Sequence[str]) -> errors.Refusal:
    told = [line for line in said if line.startswith(_LAST)] or said
    text = told[-1] if told else ""
    if text.startswith("refused: "):
        return _KINDS.get(code, errors.Refusal)(text.removeprefix("refused: "))
    if code < 0:
        why = "; too little memory? see engine.memory" if code == -9 else ""
        return Failed(f"stage {stage} was ended by signal {-code}{why}")
    said = text.removeprefix("failed: ") or f"exit code {code}"
    return Failed(f"stage {stage}: {said}; {FAILED} in score.folder tells more")
