"""Published lists written again without a customer; each new folder takes the old one's place.

Ranks and the list's id stay, so that answers of staff still find their rows. The manifest names in
`supersedes` the list whose place it took, and in `erased` how many were taken out of that list.

To write a list again it is read back: the CSV has the rows, the manifest the figures, and the page
the timelines, the history of the risk, and the numbers to sort by in all their digits. The page has
days in words, which are looked up among all days of some years.
"""

import csv
import datetime as dt
import json
import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from retention.commands.erase import search
from retention.core import artefacts
from retention.core.csv_injection import unescape_formula
from retention.core.params import Params
from retention.core.storage import atomic
from retention.core.storage.locks import Say
from retention.i18n.language import language
from retention.ledgers import runs
from retention.policy.selection import ShadowPrice
from retention.worklist import published, to_csv, write
from retention.worklist.model import Listing, Previous

SCRATCH: Final = artefacts.DATA / "erasing"
"""Where a list is written before it is published; it has the other customers' names."""

TABLE, DROPPED_TABLE, PAGE = "at_risk.csv", "dropped.csv", "at_risk.html"

_PAGE_DATA: Final = re.compile(
    r'<script type="application/json" id="known">(.*?)</script>', re.DOTALL
)
_EXACT_COLUMNS: Final = {"churn_probability": "risk", "days_since_purchase": "days"}
"""Columns that the CSV rounds, and what the page calls them."""

_TONES: Final = {tone[0]: tone for tone in ("good", "bad", "plain")}
_DAYS_BACK, _DAYS_ON = 366 * 20, 366 * 3


def other_folders(params: Params) -> list[Path]:
    """Folders other than publish.folder to which `retention score` has published."""
    own = Path(params.publish.folder).resolve()
    return [folder for folder in runs.folders(runs.FOLDER) if folder != own]


def lists_with(folder: Path, customer_id: str) -> list[Path]:
    """The published lists that hold a customer, as a row or as one dropped off the list."""
    return [
        list_folder
        for list_folder in published.published_lists(folder)
        if search.files_with(list_folder, customer_id)
    ]


def erase_from_lists(params: Params, customer_id: str, say: Say) -> int:
    """Write every published list that holds a customer again without it; the number of lists.

    BadInput when a list was changed since it was published.
    """
    folders = [Path(params.publish.folder), *other_folders(params)]
    list_folders = [path for folder in folders for path in lists_with(folder, customer_id)]
    try:
        for list_folder in list_folders:
            _republish(list_folder, params, customer_id, say)
    finally:
        atomic.remove_folder(SCRATCH)
    return len(list_folders)


def _republish(folder: Path, params: Params, customer_id: str, say: Say) -> None:
    listing = without_customer(read_listing(folder, params), customer_id)
    write.write_list(listing, SCRATCH, _lanes_without(folder / to_csv.COHORT, customer_id))
    summary = artefacts.LIST_SUMMARY.within(SCRATCH)
    n_erased = published.read_manifest(folder).erased + 1
    summary.write(summary.read().updated(erased=n_erased))
    published.supersede(folder, SCRATCH, say)


def _lanes_without(path: Path, customer_id: str) -> pa.Table | None:
    """What the list said of all other customers; None where it did not keep that."""
    return _without_rows(to_csv.read_cohort(path), customer_id) if path.is_file() else None


def without_customer(listing: Listing, customer_id: str) -> Listing:
    """The listing without a customer, who is not counted in its lane any more either."""
    rows = {
        name: _without_rows(getattr(listing, name), customer_id)
        for name in ("rows", "dropped", "timeline", "history")
    }
    removed = listing.rows.filter(pc.equal(listing.rows["customer_id"], customer_id))
    lanes = {lane: dict(counts_by_reason) for lane, counts_by_reason in listing.lanes.items()}
    for lane, why in zip(removed["lane"].to_pylist(), removed["why"].to_pylist(), strict=True):
        if lanes.get(lane, {}).get(why):
            lanes[lane][why] -= 1
    return replace(listing, **rows, lanes=lanes)


def _without_rows(table: pa.Table, customer_id: str) -> pa.Table:
    return table.filter(pc.not_equal(table["customer_id"], customer_id))


# Reading a published list back


def read_listing(folder: Path, params: Params) -> Listing:
    """The listing of a published folder; what an older list does not have is empty.

    The plays are those of params.yaml and those of the rows.
    """
    manifest, rows = published.read_manifest(folder), to_csv.read(folder / TABLE)
    code, value_days = manifest.language, manifest.value_days
    rows, timeline, history = _details(folder / PAGE, rows, code, manifest.as_of)
    return Listing(
        list_id=manifest.list_id or folder.name,
        rows=rows,
        company=manifest.company,
        currency=manifest.currency,
        as_of=manifest.as_of,
        lanes={lane: dict(counts_by_reason) for lane, counts_by_reason in manifest.lanes.items()},
        model=manifest.model,
        target_description=manifest.definition,
        churn_description=manifest.leaving,
        value_days=params.labels.value.horizon_days if value_days is None else value_days,
        plays=_plays(rows, params),
        notes=manifest.notes,
        evidence=manifest.evidence,
        limits=tuple(ShadowPrice(**dict(limit)) for limit in manifest.limits),
        greedy_loss=manifest.greedy_loss,
        previous=Previous(**dict(manifest.previous)) if manifest.previous else None,
        language=language(code),
        dropped=_read_dropped(folder),
        timeline=timeline,
        history=history,
    )


def _plays(rows: pa.Table, params: Params) -> dict[str, str]:
    pairs = zip(rows["action_name"].to_pylist(), rows["action"].to_pylist(), strict=True)
    used = {name: action for name, action in pairs if name and action}
    plays = {play.name: used.get(play.name, play.action) for play in params.policy.playbook}
    return plays | used


def _read_dropped(folder: Path) -> pa.Table:
    """DROPPED, as `to_csv.dropped_content` wrote it; empty without the file."""
    path = folder / DROPPED_TABLE
    if not path.is_file():
        return artefacts.DROPPED.schema.empty_table()
    with path.open(encoding="utf-8", newline="") as handle:
        rows = [
            {name: unescape_formula(cell) or None for name, cell in row.items()}
            for row in csv.DictReader(handle, strict=True)
        ]
    records = [{**row, "lane": row["lane"] or ""} for row in rows]
    return pa.Table.from_pylist(records, schema=artefacts.DROPPED.schema)


# Data that only the page has


def _details(
    page: Path, rows: pa.Table, code: str, as_of: dt.date
) -> tuple[pa.Table, pa.Table, pa.Table]:
    """The rows with exact numbers, TIMELINE and RISK_HISTORY.

    Where the page is of an older form, the rows as they are and two empty tables.
    """
    try:
        match = _PAGE_DATA.search(page.read_text(encoding="utf-8"))
        page_data = json.loads(match[1]) if match else {"texts": [], "rows": {}}
        customer_ids = rows["customer_id"].to_pylist()
        details = _PageDetails(page_data, customer_ids, _days_by_text(code, as_of))
        return (
            details.exact(rows),
            pa.Table.from_pylist(details.timeline(), schema=artefacts.TIMELINE.schema),
            pa.Table.from_pylist(details.history(), schema=artefacts.RISK_HISTORY.schema),
        )
    except (OSError, ValueError, LookupError, TypeError):
        return (
            rows,
            artefacts.TIMELINE.schema.empty_table(),
            artefacts.RISK_HISTORY.schema.empty_table(),
        )


@cache
def _days_by_text(code: str, as_of: dt.date) -> dict[str, dt.date]:
    """Every day around the list's, by the text with which the page writes it."""
    list_language = language(code)
    around = (as_of + dt.timedelta(days=step) for step in range(-_DAYS_BACK, _DAYS_ON))
    return {list_language.date(day, short=True): day for day in around}


class _PageDetails:
    """The data that `worklist.to_html.details` put into the page, read back."""

    def __init__(self, page_data: dict[str, Any], ids: list[str], days: dict[str, dt.date]) -> None:
        self._texts: list[str] = page_data["texts"]
        self._rows: dict[str, list[list[Any]]] = page_data["rows"]
        self._ids, self._day_of = ids, days

    def exact(self, rows: pa.Table) -> pa.Table:
        for column, name in _EXACT_COLUMNS.items():
            if name in self._rows:
                values = pa.array(self._rows[name], pa.float64())
                rows = rows.set_column(rows.schema.get_field_index(column), column, values)
        return rows

    def timeline(self) -> list[dict[str, Any]]:
        return [
            {"customer_id": who, "place": place, "day": day, "text": text, "tone": tone}
            for who, flat in self._each("timeline")
            for place, (day, text, tone) in enumerate(_triples(flat, self._event), start=1)
        ]

    def history(self) -> list[dict[str, Any]]:
        return [
            {"customer_id": who, "snapshot_on": day, "churn_probability": probability}
            for who, flat in self._each("history")
            for day, probability in _triples(flat, self._point)
        ]

    def _each(self, name: str) -> Iterable[tuple[str, list[Any]]]:
        return zip(self._ids, self._rows.get(name, [[]] * len(self._ids)), strict=True)

    def _event(self, day: int, text: int, tone: str) -> tuple[dt.date, str, str]:
        return self._day(day), self._texts[text], _TONES[tone]

    def _point(self, day: int, words: int, percent: int) -> tuple[dt.date, float]:  # noqa: ARG002
        return self._day(day), percent / 100

    def _day(self, place: int) -> dt.date:
        return self._day_of[self._texts[place]]


def _triples(flat: list[Any], make: Callable[..., Any]) -> list[Any]:
    return [make(*flat[i : i + 3]) for i in range(0, len(flat), 3)]
