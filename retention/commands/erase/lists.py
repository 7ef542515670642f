"""Published lists made again without a customer; each new folder takes the old one's place.

Ranks and the list's id stay, so that answers of staff still find their rows. The manifest says in
`supersedes` whose place it took, and in `erased` how many have been taken out of that list.
"""

from dataclasses import replace
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from retention.commands.erase import published, search
from retention.core import artefacts
from retention.core.params import Params
from retention.core.storage import atomic
from retention.core.storage.locks import Say
from retention.ledgers import runs
from retention.worklist import published as publish
from retention.worklist import write
from retention.worklist.model import Listing

SCRATCH: Final = artefacts.DATA / "erasing"
"""Where a list is made before it is published; it has the other customers' names."""


def elsewhere(config: Params) -> list[Path]:
    """Where lists were published beside publish.folder: `retention score --publish`, or before."""
    own = Path(config.publish.folder).resolve()
    return [one for one in runs.folders(runs.FOLDER) if one != own]


def naming(folder: Path, customer_id: str) -> list[Path]:
    """The published lists that hold a customer: as a row, or as one who has dropped off."""
    return [one for one in publish.published(folder) if search.holding(one, customer_id)]


def erase(config: Params, customer_id: str, say: Say) -> int:
    """Make every published list that holds a customer again; how many that were.

    BadInput when a list is not as it was published.
    """
    places = [Path(config.publish.folder), *elsewhere(config)]
    found = [one for folder in places for one in naming(folder, customer_id)]
    try:
        for folder in found:
            _again(folder, config, customer_id, say)
    finally:
        atomic.remove_folder(SCRATCH)
    return len(found)


def _again(folder: Path, config: Params, customer_id: str, say: Say) -> None:
    made = without(published.read(folder, config), customer_id)
    write.write_list(made, SCRATCH)
    before = atomic.read_json(folder / publish.MANIFEST).get("erased", 0)
    path = SCRATCH / "summary.json"
    atomic.write_json(path, atomic.read_json(path) | {"erased": before + 1})
    publish.supersede(folder, SCRATCH, say)


def without(listing: Listing, customer_id: str) -> Listing:
    """The same list less one customer, who is no longer counted in their lane either."""
    rows = {
        name: _less(getattr(listing, name), customer_id)
        for name in ("rows", "dropped", "timeline", "history")
    }
    gone = listing.rows.filter(pc.equal(listing.rows["customer_id"], customer_id))
    lanes = {lane: dict(whys) for lane, whys in listing.lanes.items()}
    for lane, why in zip(gone["lane"].to_pylist(), gone["why"].to_pylist(), strict=True):
        if lanes.get(lane, {}).get(why):
            lanes[lane][why] -= 1
    return replace(listing, **rows, lanes=lanes)


def _less(table: pa.Table, customer_id: str) -> pa.Table:
    return table.filter(pc.not_equal(table["customer_id"], customer_id))
