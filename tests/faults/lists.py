"""Lists as stage at_risk leaves them, small, and what a reader makes of those published."""

import datetime as dt
from pathlib import Path
from typing import Any

from pipeline import files, publish
from pipeline.publish import Keep

DAY = dt.date(2026, 11, 22)


def made(folder: Path, name: str, day: dt.date = DAY, **changes: Any) -> Path:
    """A list of one customer in two files, and its summary."""
    about = {
        "as_of": day.isoformat(),
        "columns": ["customer_id", "name"],
        "company": "Mill Lane Bakery",
        "counts": {"listed": 1},
        "files": {"at_risk.csv": 1, "at_risk.html": 1},
        "list_id": f"{day}-0123456789ab",
        "model": "a made-up model",
    }
    files.write_text(folder / "at_risk.csv", f"customer_id,name\n1,{name}\n")
    files.write_text(folder / "at_risk.html", f"<p>{name}</p>\n")
    files.write_json(folder / "summary.json", about | changes)
    return folder


def put(
    source: Path, lists: Path, *, place_only: bool = False, keep: Keep = publish.EVERYTHING
) -> Path:
    """Publish, saying nothing."""
    return publish.publish(
        source, lists, allow_older=False, say=lambda _: None, place_only=place_only, keep=keep
    )


def read(lists: Path) -> str | None:
    """The name in the list that staff read, as they find it: by current.json, and whole."""
    pointer = lists / publish.CURRENT
    if not pointer.is_file():
        return None
    named = files.read_json(pointer)
    folder = lists / str(named["folder"])
    assert files.sha256(folder / publish.MANIFEST) == named["manifest_sha256"]
    for name, told in files.read_json(folder / publish.MANIFEST)["files"].items():
        assert files.sha256(folder / name) == told["sha256"], name
    table = (folder / "at_risk.csv").read_text(encoding="utf-8")
    return table.splitlines()[1].partition(",")[2]
