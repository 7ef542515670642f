"""Small lists as stage at_risk writes them, and a reader of the published one."""

import datetime as dt
from pathlib import Path
from typing import Any

from retention.core.storage import atomic
from retention.worklist import published
from retention.worklist.published import RetentionRule
from tests.support import documents

DAY = dt.date(2026, 11, 22)


def write_list(folder: Path, name: str, day: dt.date = DAY, **changes: Any) -> Path:
    """A list of one customer in two files, and its summary."""
    about = {
        "as_of": day.isoformat(),
        "columns": ["customer_id", "name"],
        "company": "Mill Lane Bakery",
        "counts": {"watched": 1, "listed": 1},
        "files": {"at_risk.csv": 1, "at_risk.html": 1},
        "list_id": f"{day}-0123456789ab",
        "model": "a made-up model",
    }
    atomic.write_text(folder / "at_risk.csv", f"customer_id,name\n1,{name}\n")
    atomic.write_text(folder / "at_risk.html", f"<p>{name}</p>\n")
    summary = documents.list_summary(**about | changes)
    atomic.write_json(folder / "summary.json", summary.as_json())
    return folder


def publish_quietly(
    source: Path, lists: Path, *, place_only: bool = False, keep: RetentionRule = published.KEEP_ALL
) -> Path:
    """Publish without output."""
    return published.publish_list(
        source, lists, allow_older=False, say=lambda _: None, place_only=place_only, retention=keep
    )


def read_current(lists: Path) -> str | None:
    """The name in the list that staff read, as they find it: by current.json, and whole."""
    pointer = lists / published.CURRENT
    if not pointer.is_file():
        return None
    named = atomic.read_json(pointer)
    folder = lists / str(named["folder"])
    assert atomic.sha256(folder / published.MANIFEST) == named["manifest_sha256"]
    for name, described in atomic.read_json(folder / published.MANIFEST)["files"].items():
        assert atomic.sha256(folder / name) == described["sha256"], name
    table = (folder / "at_risk.csv").read_text(encoding="utf-8")
    return table.splitlines()[1].partition(",")[2]
