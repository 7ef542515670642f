"""A published list read back as the listing that it was made from, so that it can be made again.

The CSV has the rows, the manifest all that is said of them, and the page the timelines, the course
of the risk, and the numbers to sort by in all their digits. Days stand there in words; they are
found among all days of some years.
"""

import csv
import datetime as dt
import json
import re
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from retention.core import artefacts
from retention.core.csv_injection import unescape_formula
from retention.core.params import Params
from retention.core.storage import atomic
from retention.i18n.language import language
from retention.policy.selection import ShadowPrice
from retention.worklist import published, to_csv
from retention.worklist.model import Listing, Previous

TABLE, DROPPED_TABLE, PAGE = "at_risk.csv", "dropped.csv", "at_risk.html"

_KNOWN: Final = re.compile(r'<script type="application/json" id="known">(.*?)</script>', re.DOTALL)
_EXACT: Final = {"churn_probability": "risk", "days_since_purchase": "days"}
"""Columns that the CSV rounds, and what the page calls them."""

_TONES: Final = {tone[0]: tone for tone in ("good", "bad", "plain")}
_DAYS_BACK, _DAYS_ON = 366 * 20, 366 * 3


def read(folder: Path, config: Params) -> Listing:
    """The listing of a published folder; what an older list does not say is empty.

    The plays are those of params.yaml and those that the rows name.
    """
    said: dict[str, Any] = atomic.read_json(folder / published.MANIFEST)
    rows = to_csv.read(folder / TABLE)
    code = said.get("language", "en")
    as_of = dt.date.fromisoformat(said["as_of"])
    rows, timeline, history = _details(folder / PAGE, rows, code, as_of)
    return Listing(
        list_id=said.get("list_id", folder.name),
        rows=rows,
        company=said["company"],
        currency=said["currency"],
        as_of=as_of,
        lanes=said.get("lanes", {}),
        model=said.get("model", ""),
        target_description=said.get("definition", ""),
        churn_description=said.get("leaving", ""),
        value_days=said.get("value_days", config.labels.value.horizon_days),
        plays=_plays(rows, config),
        notes=tuple(said.get("notes", [])),
        evidence=tuple(said.get("evidence", [])),
        limits=tuple(ShadowPrice(**one) for one in said.get("limits", [])),
        greedy_loss=said.get("greedy_loss", 0.0),
        previous=_previous(said.get("previous")),
        language=language(code),
        dropped=dropped(folder),
        timeline=timeline,
        history=history,
    )


def _plays(rows: pa.Table, config: Params) -> dict[str, str]:
    pairs = zip(rows["action_name"].to_pylist(), rows["action"].to_pylist(), strict=True)
    used = {name: does for name, does in pairs if name and does}
    plays = {play.name: used.get(play.name, play.action) for play in config.policy.playbook}
    return plays | used


def _previous(said: dict[str, Any] | None) -> Previous | None:
    return (said and Previous(**said | {"as_of": dt.date.fromisoformat(said["as_of"])})) or None


def dropped(folder: Path) -> pa.Table:
    """DROPPED, as as_csv.dropped_content wrote it; empty without the file."""
    path = folder / DROPPED_TABLE
    if not path.is_file():
        return artefacts.DROPPED.schema.empty_table()
    with path.open(encoding="utf-8", newline="") as handle:
        rows = [
            {name: unescape_formula(cell) or None for name, cell in row.items()}
            for row in csv.DictReader(handle, strict=True)
        ]
    blank = [{**row, "lane": row["lane"] or ""} for row in rows]
    return pa.Table.from_pylist(blank, schema=artefacts.DROPPED.schema)


# What only the page has


def _details(
    page: Path, rows: pa.Table, code: str, as_of: dt.date
) -> tuple[pa.Table, pa.Table, pa.Table]:
    """AT_RISK with exact numbers, TIMELINE and RISK_HISTORY; where the page does not have them as pages
    have now, the rows as they are and two empty tables.
    """
    try:
        found = _KNOWN.search(page.read_text(encoding="utf-8"))
        known = json.loads(found[1]) if found else {"texts": [], "rows": {}}
        told = _Told(known, rows["customer_id"].to_pylist(), _days(code, as_of))
        return (
            told.exact(rows),
            pa.Table.from_pylist(told.timeline(), schema=artefacts.TIMELINE.schema),
            pa.Table.from_pylist(told.history(), schema=artefacts.RISK_HISTORY.schema),
        )
    except (OSError, ValueError, LookupError, TypeError):
        return (
            rows,
            artefacts.TIMELINE.schema.empty_table(),
            artefacts.RISK_HISTORY.schema.empty_table(),
        )


@cache
def _days(code: str, as_of: dt.date) -> dict[str, dt.date]:
    """Every day around a list's, by how the page writes it."""
    says = language(code)
    around = (as_of + dt.timedelta(days=step) for step in range(-_DAYS_BACK, _DAYS_ON))
    return {says.date(day, short=True): day for day in around}


class _Told:
    """What listing/details.py put into the page, taken apart again."""

    def __init__(self, known: dict[str, Any], ids: list[str], days: dict[str, dt.date]) -> None:
        self._texts: list[str] = known["texts"]
        self._rows: dict[str, list[list[Any]]] = known["rows"]
        self._ids, self._day_of = ids, days

    def exact(self, rows: pa.Table) -> pa.Table:
        for column, name in _EXACT.items():
            if name in self._rows:
                values = pa.array(self._rows[name], pa.float64())
                rows = rows.set_column(rows.schema.get_field_index(column), column, values)
        return rows

    def timeline(self) -> list[dict[str, Any]]:
        return [
            {"customer_id": who, "place": place, "day": day, "text": text, "tone": tone}
            for who, flat in self._each("timeline")
            for place, (day, text, tone) in enumerate(_threes(flat, self._event), start=1)
        ]

    def history(self) -> list[dict[str, Any]]:
        return [
            {"customer_id": who, "snapshot_on": day, "churn_probability": share}
            for who, flat in self._each("history")
            for day, share in _threes(flat, self._point)
        ]

    def _each(self, name: str) -> Iterable[tuple[str, list[Any]]]:
        return zip(self._ids, self._rows.get(name, [[]] * len(self._ids)), strict=True)

    def _event(self, day: int, text: int, tone: str) -> tuple[dt.date, str, str]:
        return self._day(day), self._texts[text], _TONES[tone]

    def _point(self, day: int, words: int, percent: int) -> tuple[dt.date, float]:  # noqa: ARG002
        return self._day(day), percent / 100

    def _day(self, place: int) -> dt.date:
        return self._day_of[self._texts[place]]


def _threes(flat: list[Any], make: Callable[..., Any]) -> list[Any]:
    return [make(*flat[at : at + 3]) for at in range(0, len(flat), 3)]
