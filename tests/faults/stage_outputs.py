"""A small company whose sales have a posting time, and the outputs of its stages."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pyarrow.parquet as pq

from retention.core import artefacts
from retention.core.storage import atomic
from tests.support import company
from tests.support.company import Checkout

STAGES: Final = (
    "params",
    "ingest sales",
    "ingest returns",
    "ingest mailings",
    "customers",
    "events",
    "snapshots",
    "labels",
    "features",
)
OUTPUTS: Final = (artefacts.EVENTS, artefacts.SNAPSHOTS, artefacts.LABELS, artefacts.FEATURES)

Edit = Callable[[list[str]], Sequence[str]]
"""Other lines in the place of those of sales.csv, its header left out."""


@dataclass(frozen=True)
class StageOutputs:
    """The hash of each table that the stages wrote, and their log."""

    checkout: Checkout
    hashes: dict[str, str]
    log: str

    def rows(self, artefact: artefacts.Artefact, customer: str) -> list[dict[str, Any]]:
        """The rows of one customer in a table."""
        wanted = [("customer_id", "=", customer)]
        rows: list[dict[str, Any]] = pq.read_table(
            self.checkout / str(artefact), filters=wanted
        ).to_pylist()
        return rows


def checkout_with_posting_times(folder: Path) -> Checkout:
    """The small company; a sale is posted at once, in a column of its own."""
    checkout = company.make(folder)
    params = checkout.params() | {"snapshots": {"every_days": 28, "most": 3}}
    sales = params["sources"]["sales"]
    sales["types"]["posted_at"] = "timestamp"
    sales["events"][0]["known_at"] = "posted_at"
    checkout.set_params(params)
    path = checkout / "data/raw/sales.csv"
    header, *lines = path.read_text(encoding="utf-8").splitlines()
    posted = [f"{line},{line.rpartition(',')[2]}" for line in lines]
    _write(path, f"{header},posted_at", posted)
    return checkout


def run_stages(checkout: Checkout, edit: Edit = list, **env: str) -> StageOutputs:
    """Run the stages after the lines of sales.csv are edited."""
    path = checkout / "data/raw/sales.csv"
    header, *lines = path.read_text(encoding="utf-8").splitlines()
    _write(path, header, edit(lines))
    log = checkout.stages(*STAGES, **env)
    hashes = {artefact.path.stem: atomic.sha256(checkout / str(artefact)) for artefact in OUTPUTS}
    return StageOutputs(checkout, hashes, log)


def _write(path: Path, header: str, lines: Sequence[str]) -> None:
    path.write_text("".join(f"{line}\n" for line in (header, *lines)), encoding="utf-8")


def sale(receipt: str, customer: str, sold: str, posted: str) -> str:
    """A line of sales.csv."""
    return f"{receipt},1,{customer},S01,2,3.50,{sold},{posted}"
