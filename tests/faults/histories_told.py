"""A small company whose sales tell when they were posted, and what the stages make of it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pyarrow.parquet as pq

from retention.core import artefacts
from retention.core.storage import atomic
from tests.support import company
from tests.support.company import Checkout

STAGES: Final = ("params", "ingest sales", "ingest returns", "ingest mailings", "customers",
                 "events", "snapshots", "labels", "features")  # fmt: skip
MADE: Final = (artefacts.EVENTS, artefacts.SNAPSHOTS, artefacts.LABELS, artefacts.FEATURES)

Edit = Callable[[list[str]], Sequence[str]]
"""Other lines in the place of those of sales.csv, its header left out."""


@dataclass(frozen=True)
class Told:
    """What the stages wrote: the hash of each table, and what they said."""

    checkout: Checkout
    hashes: dict[str, str]
    said: str

    def rows(self, artefact: artefacts.Artefact, customer: str) -> list[dict[str, Any]]:
        """What a table says of one customer."""
        wanted = [("customer_id", "=", customer)]
        found: list[dict[str, Any]] = pq.read_table(
            self.checkout / str(artefact), filters=wanted
        ).to_pylist()
        return found


def made(folder: Path) -> Checkout:
    """The small company; a sale is posted at once, in a column of its own."""
    checkout = company.make(folder)
    chosen = checkout.params()
    sales = chosen["sources"]["sales"]
    sales["types"]["posted_at"] = "timestamp"
    sales["events"][0]["known_at"] = "posted_at"
    checkout.set_params(chosen)
    path = checkout / "data/raw/sales.csv"
    header, *lines = path.read_text(encoding="utf-8").splitlines()
    posted = [f"{line},{line.rpartition(',')[2]}" for line in lines]
    _write(path, f"{header},posted_at", posted)
    return checkout


def told(checkout: Checkout, edit: Edit = list, **env: str) -> Told:
    """Run the stages after the lines of sales.csv are edited."""
    path = checkout / "data/raw/sales.csv"
    header, *lines = path.read_text(encoding="utf-8").splitlines()
    _write(path, header, edit(lines))
    said = checkout.stages(*STAGES, **env)
    hashes = {one.path.stem: atomic.sha256(checkout / str(one)) for one in MADE}
    return Told(checkout, hashes, said)


def _write(path: Path, header: str, lines: Sequence[str]) -> None:
    path.write_text("".join(f"{line}\n" for line in (header, *lines)), encoding="utf-8")


def sale(receipt: str, customer: str, sold: str, posted: str) -> str:
    """A line of sales.csv."""
    return f"{receipt},1,{customer},S01,2,3.50,{sold},{posted}"
