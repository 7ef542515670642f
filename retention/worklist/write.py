"""Write the list in every format, and beside it the tables that are not for readers."""

from pathlib import Path

import pyarrow as pa

from retention.core import artefacts
from retention.core.documents.reports import ListSummary
from retention.core.storage import atomic
from retention.worklist import to_csv
from retention.worklist.build import AtRiskResult
from retention.worklist.model import Listing, slug
from retention.worklist.to_html import digest, page
from retention.worklist.to_xlsx import workbook


def list_files(listing: Listing) -> dict[str, tuple[bytes, int]]:
    """Content and number of rows of every file of the list, by the file's name.

    Where customers have owners, each owner gets a workbook and a digest of their own.
    """
    n_rows = listing.rows.num_rows
    files = {
        "at_risk.csv": (to_csv.content(listing), n_rows),
        "at_risk.xlsx": (workbook.content(listing), n_rows),
        "at_risk.html": (page.content(listing), n_rows),
        "dropped.csv": (to_csv.dropped_content(listing), listing.dropped.num_rows),
    }
    owners = listing.owners()
    if owners in ([], [None]):
        return files
    for owner in owners:
        part, name = listing.for_owner(owner), slug(owner)
        files[f"at_risk-{name}.xlsx"] = workbook.content(part, name), part.rows.num_rows
        files[f"digest-{name}.html"] = digest.content(part, owner), part.rows.num_rows
    return files


def write_result(result: AtRiskResult, folder: Path) -> None:
    """Write the list, the customers held out, and the lane of every customer."""
    artefacts.HELD_OUT.within(folder).write(result.held_out)
    artefacts.LANES.within(folder).write(result.lanes)
    write_list(result.listing, folder, result.lanes)


def write_list(listing: Listing, folder: Path, lanes: pa.Table | None = None) -> None:
    """Write the list in every format, and summary.json, which names the files to publish.

    lanes: LANES, which says what was decided about those who are not on the list; None if unknown.
    """
    for old in [*folder.glob("at_risk-*.xlsx"), *folder.glob("digest-*.html")]:
        atomic.remove(old)
    files = list_files(listing)
    if lanes is not None:
        files[to_csv.COHORT] = to_csv.cohort_content(lanes), lanes.num_rows
    for name, (content, _) in files.items():
        atomic.write_bytes(folder / name, content)
    rows = {name: n_rows for name, (_, n_rows) in files.items()}
    summary = ListSummary.model_validate(listing.summary() | {"files": rows})
    artefacts.LIST_SUMMARY.within(folder).write(summary)
