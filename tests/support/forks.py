"""Python commands that start at once: forks of a process that has imported the libraries.

Of a short command most of the time goes into importing pandas, scikit-learn and the like. A server
imports them once and forks for each command; the fork imports the project's code from where the
command runs, as `python -m` does, and ends as a process of its own. The hash seed is the server's.
"""

import atexit
import gc
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import import_module
from multiprocessing import get_context
from pathlib import Path
from runpy import run_module
from tempfile import TemporaryDirectory
from typing import Final

LIBRARIES: Final = (
    "babel.numbers",
    "duckdb",
    "jinja2",
    "lifelines",
    "lightgbm",
    "matplotlib.figure",
    "narwhals",
    "openpyxl",
    "pandas",
    "psycopg.sql",
    "pyarrow.parquet",
    "pydantic",
    "rich.logging",
    "scipy.optimize",
    "scipy.stats",
    "sklearn.isotonic",
    "sklearn.linear_model",
    "sqlalchemy.orm",
    "typer",
    "xlsxwriter",
)
"""MLflow is none of them: when it is imported it reads settings that a command makes before."""

PATIENCE: Final = 900
"""Seconds after which a command is killed."""


def run(
    words: Sequence[str], folder: Path, env: Mapping[str, str]
) -> "subprocess.CompletedProcess[str]":
    """`python words...` in a folder, where words are `-m MODULE ...` or `-c CODE ...`."""
    server = _server()
    assert server.stdin is not None
    assert server.stdout is not None
    with TemporaryDirectory() as outputs:
        out, err = (Path(outputs) / name for name in ("out", "err"))
        command = [list(words), str(folder), dict(env), str(out), str(err)]
        server.stdin.write(f"{json.dumps(command)}\n")
        server.stdin.flush()
        code = int(server.stdout.readline())
        stdout, stderr = (path.read_text(encoding="utf-8") for path in (out, err))
    return subprocess.CompletedProcess(list(words), code, stdout, stderr)


@cache
def _server() -> "subprocess.Popen[str]":
    foreign = ("COV", "PYTHON")
    env = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    server = subprocess.Popen(
        [sys.executable, "-P", __file__],
        env=env,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    )
    atexit.register(server.communicate)  # its input ends, and so does it
    return server


# The server's side


def _serve() -> None:
    """Fork for each line of stdin, and write the exit codes to stdout."""
    gc.disable()
    for name in LIBRARIES:
        import_module(name)
    gc.enable()
    gc.freeze()  # a fork that looked through them would copy all their memory
    for line in sys.stdin:
        command = get_context("fork").Process(target=_run, args=json.loads(line))
        command.start()
        command.join(PATIENCE)
        command.kill()
        command.join()
        sys.stdout.write(f"{command.exitcode}\n")
        sys.stdout.flush()


def _run(words: list[str], folder: str, env: dict[str, str], out: str, err: str) -> None:
    """Run a command in its folder and environment, with its outputs in files."""
    for number, path in ((1, out), (2, err)):
        opened = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
        os.dup2(opened, number)
        os.close(opened)
    os.environ.clear()
    os.environ.update(env)
    os.chdir(folder)
    sys.path[:0] = [folder, *filter(None, env.get("PYTHONPATH", "").split(os.pathsep))]
    kind, what, *arguments = words
    sys.argv = [kind, *arguments]
    if kind == "-m":
        run_module(what, run_name="__main__", alter_sys=True)
    else:
        exec(what, {"__name__": "__main__"})


if __name__ == "__main__":
    _serve()
