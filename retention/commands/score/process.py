"""Run one stage as a process of its own, so that its memory ends with it and nothing else stays.

`run` starts `python -m retention.commands.score.process NAME [SOURCE]`, which is `main`. That
process ends when the job that started it has ended, in whichever way: its standard input is a pipe
that only the job holds open.
"""

import os
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from threading import Thread
from typing import Final

import pipeline
from retention.commands.score import log
from retention.core import errors
from retention.core.storage import atomic

TRACEBACK: Final = "failed.txt"
"""Beside the work folder: the traceback of an unexpected exception. It may show data, so it is in
no log."""

OWN_STAGES: Final = ("check_registry", "publish_backfill", "reports")
"""Stages that are functions of `retention.commands.score.job_stages` and no module of pipeline/."""

ALWAYS: Final = {
    "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "PYTHONUNBUFFERED": "1",
}
_FINAL_LINES: Final = ("refused: ", "failed: ")
"""How the line begins with which a stage ends badly; lines of the interpreter may follow it."""

_REFUSALS: Final = {
    kind.code: kind for kind in (errors.BadParams, errors.BadInput, errors.Guarded, errors.Busy)
}


class Failed(errors.Refusal):
    """A stage ended in an unforeseen way."""


@dataclass(frozen=True)
class StageUsage:
    """What a stage took that ended well."""

    seconds: float
    peak_mb: float


# The job's side


def run(words: Sequence[str], work: Path, root: Path) -> StageUsage:
    """Run a stage in the folder `work` and log the lines that it writes.

    Raises the stage's own refusal with its own text; Failed for any other bad end.
    """
    start, lines = time.perf_counter(), list[str]()
    command = [sys.executable, "-P", "-m", "retention.commands.score.process", *words]
    process = subprocess.Popen(  # noqa: S603  (this program itself, without a shell)
        command,
        cwd=work,
        env=_environment(work, root),
        text=True,
        encoding="utf-8",
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    try:
        assert process.stdout is not None  # noqa: S101
        for line in map(str.rstrip, process.stdout):
            lines.append(line)
            if not line.startswith(_FINAL_LINES):
                log.event("said", line, {"stage": " ".join(words)}, prefix="")
        peak_mb = _wait(process)
    finally:
        _stop(process)
    if process.returncode:
        raise _refusal(process.returncode, " ".join(words), lines)
    return StageUsage(round(time.perf_counter() - start, 2), peak_mb)


def _environment(work: Path, root: Path) -> dict[str, str]:
    """This program's code, temporary files in the work folder, MLflow's store in the root."""
    code = str(Path(pipeline.__file__).parents[1])
    paths = [code, *filter(None, [os.environ.get("PYTHONPATH")])]
    inherited = {"MLFLOW_TRACKING_URI": f"sqlite:///{root / 'mlflow.db'}"} | dict(os.environ)
    own = {"PYTHONPATH": os.pathsep.join(paths), "TMPDIR": str(work / "tmp")}
    return inherited | ALWAYS | own


def _wait(process: "subprocess.Popen[str]") -> float:
    """Wait for the end; the most memory that the process held, in MB."""
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return round(usage.ru_maxrss / 1024, 1)


def _stop(process: "subprocess.Popen[str]") -> None:
    """End the stage if the job is stopped before it, and close the pipes."""
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


def _refusal(code: int, stage: str, lines: Sequence[str]) -> errors.Refusal:
    final_lines = [line for line in lines if line.startswith(_FINAL_LINES)] or lines
    text = final_lines[-1] if final_lines else ""
    if text.startswith("refused: "):
        return _REFUSALS.get(code, errors.Refusal)(text.removeprefix("refused: "))
    if code < 0:
        hint = "; too little memory? see engine.memory" if code == -9 else ""
        return Failed(f"stage {stage} was ended by signal {-code}{hint}")
    reason = text.removeprefix("failed: ") or f"exit code {code}"
    return Failed(f"stage {stage}: {reason}; {TRACEBACK} in score.folder has the details")


# The stage's side


def main() -> None:
    """Run the main() of a stage; exit codes as everywhere, 1 for an unexpected exception."""
    Thread(target=_end_with_the_job, daemon=True).start()
    sys.argv = sys.argv[1:]
    try:
        errors.run(lambda: _stage_main(sys.argv[0])())
    except Exception as error:
        write_traceback(Path().resolve().parent)
        sys.stderr.write(f"failed: {type(error).__name__}\n")
        raise SystemExit(1) from None


def _stage_main(name: str) -> Callable[[], None]:
    own = name in OWN_STAGES
    folder = "retention.commands.score"
    module = import_module(f"{folder}.job_stages" if own else f"pipeline.{name}")
    stage_main: Callable[[], None] = getattr(module, name if own else "main")
    return stage_main


def _end_with_the_job() -> None:
    os.read(sys.stdin.fileno(), 1)
    os._exit(1)


def write_traceback(folder: Path) -> None:
    """Write the traceback of the current exception, readable by the owner of the folder alone."""
    with suppress(OSError):  # the disk may be what failed
        atomic.write_text(folder / TRACEBACK, traceback.format_exc())


if __name__ == "__main__":
    main()
