"""A small export of sales, sound or spoilt, and its way through stage ingest."""

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from pipeline import ingest
from pipeline.ingest import Ingested
from retention.core.params import Params
from tests.faults.refusal import assert_accounted, assert_refused, assert_unchanged
from tests.support.company import Checkout

HEADER: Final = "receipt,cust,sold_at,qty,price"
ROW: Final = {
    "receipt": "R1",
    "cust": "c1",
    "sold_at": "2026-01-05 12:00:00",
    "qty": "2",
    "price": "3.50",
}
SALES: Final[dict[str, Any]] = {
    "key": ["receipt"],
    "types": {"qty": "double", "price": "decimal", "sold_at": "timestamp"},
    "format": {"time": "%Y-%m-%d %H:%M:%S"},
    "events": [
        {
            "kind": "purchase",
            "customer_id": "cust",
            "occurred_at": "sold_at",
            "order_id": "receipt",
            "quantity": "qty",
            "amount": "qty * price",
        }
    ],
}
CHECKED: Final = {
    "time_zone": "Europe/London",
    "currency": "GBP",
    "labels": {"churn": {"rule": "silence"}},
}


def row(**cells: str) -> str:
    """A line of the export; cells that are not given are sound."""
    return ",".join((ROW | cells).values())


def rows(number: int, **cells: str) -> list[str]:
    """Lines of so many receipts R1, R2, ..."""
    return [row(receipt=f"R{i}", **cells) for i in range(1, number + 1)]


def export(*lines: str, header: str = HEADER) -> bytes:
    """A whole file: its header, its lines, and the newline at its end."""
    return "".join(f"{line}\n" for line in (header, *lines)).encode()


def with_event(**event: Any) -> dict[str, Any]:
    """SALES with some of its event mapped otherwise."""
    return {"events": [SALES["events"][0] | event]}


def params_for(
    path: Path, max_reject_share: float = 1.0, *, more: Any = (), **source: Any
) -> Params:
    """Params in which the source `sales` is the file; `source` changes its mapping."""
    sales = SALES | {"path": str(path)} | source
    sections = {"ingest": {"max_reject_share": max_reject_share}, "sources": {"sales": sales}}
    return Params.model_validate(CHECKED | sections | dict(more))


def ingest_file(content: bytes, name: str = "sales.csv", **options: Any) -> Ingested:
    """Ingest one file, and assert that all its rows are accounted for."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(content)
        done = ingest.ingest(params_for(path, **options), "sales")
    assert_accounted(done.summary.as_json())
    assert done.rejects.num_rows == done.summary.rejected
    return done


def reject_rules(done: Ingested) -> list[tuple[Any, ...]]:
    """(line, column, rule) of each rejected row."""
    return [
        (reject["line"], reject["column"], reject["rule"]) for reject in done.rejects.to_pylist()
    ]


@dataclass(frozen=True)
class Till:
    """A checkout with a published list, into which exports of sales come."""

    checkout: Checkout

    def put(self, content: bytes, name: str = "sales.csv", **source: Any) -> None:
        """Put an export there, alone in its folder, and map it."""
        folder = self.checkout / "data/raw"
        for old in folder.iterdir():
            old.unlink()
        (folder / name).write_bytes(content)
        changed = SALES | {"path": f"data/raw/{name}"} | source
        more = {"ingest": {"max_reject_share": 0.01}, "sources": {"sales": changed}}
        self.checkout.set_params(CHECKED | more)

    def assert_refused(
        self, content: bytes, *words: str, code: int = 3, name: str = "sales.csv", **source: Any
    ) -> str:
        """`python -m pipeline.ingest sales` refuses the export and leaves everything as it was."""
        self.put(content, name, **source)
        return self.assert_stage_refused("pipeline.ingest", "sales", *words, code=code)

    def assert_stage_refused(self, stage: str, source: str, *words: str, code: int = 3) -> str:
        data = self.checkout / "data/ingest"
        before = {path: path.stat().st_mtime_ns for path in data.rglob("*")}
        with assert_unchanged(self.checkout / "lists"):
            line = assert_refused(self.checkout.run(stage, source), code, *words)
        assert before == {path: path.stat().st_mtime_ns for path in data.rglob("*")}
        return line
