"""One stage in a process of its own: `python -m retention.commands.score.stage NAME [SOURCE]`.

It ends when the job that started it has ended, in whichever way: standard input is a pipe that
only the job holds open.
"""

import os
import sys
import traceback
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from threading import Thread
from typing import Final

from retention.core import errors
from retention.core.storage import atomic

FAILED: Final = "failed.txt"
"""Beside the work folder; an unexpected exception is told there in full. No log does, as it may
show data."""


def main() -> None:
    """Run the main() of a stage; exit codes as everywhere, 1 for what nobody foresaw."""
    Thread(target=_end_with_the_job, daemon=True).start()
    sys.argv = sys.argv[1:]
    try:
        errors.run(lambda: import_module(f"pipeline.{sys.argv[0]}").main())
    except Exception as error:
        keep(Path().resolve().parent)
        sys.stderr.write(f"failed: {type(error).__name__}\n")
        raise SystemExit(1) from None


def _end_with_the_job() -> None:
    os.read(sys.stdin.fileno(), 1)
    os._exit(1)


def keep(folder: Path) -> None:
    """Write the traceback of the exception at hand, for those alone who may read the folder."""
    with suppress(OSError):  # the disk may be what failed
        atomic.write_text(folder / FAILED, traceback.format_exc())


if __name__ == "__main__":
    main()
