"""The ledger of erasures: salted hashes of erased customers, so that no later file restores them.

An erasure leaves two files in ledgers/erased/, each written once: a request before anything is
removed, and a receipt when all of it is done. Neither holds a customer id; no stage owns them.
"""

import datetime as dt
import hashlib
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from retention.core.errors import BadInput
from retention.core.storage import atomic
from retention.ledgers import store

FOLDER: Final = Path("ledgers/erased")
REQUESTED, RECEIPT, SALT = "asked", "receipt", "salt"

_OWNER_ONLY: Final = 0o600
_SALT_BYTES: Final = 32


@dataclass(frozen=True)
class Erased:
    """The erased customers of a company."""

    salt: str = ""  # of the company's own, so that its hashes differ from any other's
    hashes: frozenset[str] = frozenset()  # sha256(salt + customer_id), in hexadecimal

    def hash_of(self, customer_id: str) -> str:
        return _sha256(self.salt + customer_id)

    def erased_among(self, ids: Iterable[str]) -> frozenset[str]:
        """The erased ones among customer ids."""
        if not self.hashes:
            return frozenset()
        with duckdb.connect() as connection:
            connection.register("given", pa.table({"customer_id": pa.array(ids, pa.string())}))
            return frozenset(self._erased_ids(connection, "given"))

    def without_erased(self, table: pa.Table) -> pa.Table:
        """The rows of a table, with a column customer_id, that are of no erased customer."""
        erased = self.erased_among(pc.unique(table["customer_id"]).to_pylist())
        value_set = pa.array(sorted(erased), pa.string())
        return (
            table.filter(pc.invert(pc.is_in(table["customer_id"], value_set))) if erased else table
        )

    def delete_erased(self, connection: duckdb.DuckDBPyConnection, table: str) -> int:
        """Delete their rows from a table with a column customer_id; the number of rows."""
        if not self.hashes:
            return 0
        erased = pa.table(
            {"customer_id": pa.array(self._erased_ids(connection, table), pa.string())}
        )
        connection.register("erased", erased)
        ((n_rows,),) = connection.execute(
            f"delete from {table} where customer_id in (select customer_id from erased)"
        ).fetchall()
        connection.unregister("erased")
        return int(n_rows)

    def _erased_ids(self, connection: duckdb.DuckDBPyConnection, table: str) -> list[str]:
        """Each distinct id is hashed once, whatever the table's length."""
        rows = connection.execute(
            f"""select customer_id from (select distinct customer_id from {table})
            where sha256($salt || customer_id) in (select unnest($hashes))""",
            {"salt": self.salt, "hashes": sorted(self.hashes)},
        ).fetchall()
        return [customer_id for (customer_id,) in rows]


NOBODY: Final = Erased()


def read(folder: Path = FOLDER) -> Erased:
    """The erased customers; nobody without a ledger.

    Errors: BadInput, a file is not as it was written, or the salt is missing or another one, so
    that nobody can be recognised.
    """
    requests = _read_kind(folder, REQUESTED)
    if not requests:
        return NOBODY
    salt = _salt(folder)
    if any(entry.get("salt_sha256", _sha256(salt)) != _sha256(salt) for entry in requests):
        raise BadInput(
            f"{folder / SALT}: not the salt of those who were erased, so they cannot be recognised;"
            " restore the right one from a backup"
        )
    return Erased(salt, frozenset(str(entry["sha256"]) for entry in requests))


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def _read_kind(folder: Path, kind: str) -> list[dict[str, Any]]:
    return [store.read(path) for path in sorted(folder.glob(f"{kind}-*.json"))]


def _salt(folder: Path) -> str:
    path = folder / SALT
    salt = path.read_text(encoding="ascii") if path.is_file() else ""
    if len(salt) != 2 * _SALT_BYTES:
        raise BadInput(
            f"{path}: missing or cut, so nobody who was erased can be recognised; restore it from"
            " a backup"
        )
    return salt


# Entering


def with_salt(folder: Path = FOLDER) -> Erased:
    """The ledger with its salt, which the first erasure creates."""
    ledger, path = read(folder), folder / SALT
    if not path.exists():
        with atomic.atomic_file(path) as temporary:
            temporary.touch(
                _OWNER_ONLY, exist_ok=False
            )  # readable by the owner alone from the first byte
            temporary.write_text(secrets.token_hex(_SALT_BYTES), encoding="ascii")
    return Erased(_salt(folder), ledger.hashes)


def request(folder: Path, sha256: str, now: dt.datetime) -> None:
    """Request an erasure, before anything is removed: from now on no file restores the customer."""
    if all(entry["sha256"] != sha256 for entry in _read_kind(folder, REQUESTED)):
        content = {
            "sha256": sha256,
            "salt_sha256": _sha256(_salt(folder)),  # of 32 random bytes: it reveals nothing
            "asked_at": now.isoformat(timespec="seconds"),
        }
        store.write(folder, f"{REQUESTED}-{sha256[:12]}", content)


def requested_at(folder: Path, sha256: str) -> str | None:
    """When an erasure was first requested; None if it never was."""
    return next(
        (entry["asked_at"] for entry in _read_kind(folder, REQUESTED) if entry["sha256"] == sha256),
        None,
    )


def receipts(folder: Path, sha256: str) -> list[dict[str, Any]]:
    """The receipts of one customer, the oldest first."""
    receipts_of_customer = [
        receipt for receipt in _read_kind(folder, RECEIPT) if receipt["sha256"] == sha256
    ]
    return sorted(receipts_of_customer, key=lambda receipt: str(receipt["ended_at"]))


def enter(folder: Path, receipt: dict[str, Any]) -> Path:
    """Add a receipt: when, for which hash, what was removed where, what is left to do."""
    return store.write(folder, f"{RECEIPT}-{receipt['sha256'][:12]}", receipt)
