"""A read-only connection that sees one snapshot and times out; no message names a secret."""

import os
import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Final

import psycopg
from psycopg import conninfo

from retention.core.errors import BadInput, BadParams
from retention.core.params import RawFile

Connection = psycopg.Connection[tuple[object, ...]]

_CONNECTING: Final = 10
"""Seconds within which a server must answer."""

_SETTINGS: Final = {
    "TimeZone": "UTC",
    "DateStyle": "ISO, YMD",
    "IntervalStyle": "iso_8601",
    "bytea_output": "hex",
    "extra_float_digits": "1",
    "idle_in_transaction_session_timeout": "0",
}
"""Settings under which a value is the same text wherever it is read."""


@dataclass(frozen=True)
class Address:
    """The address of a database."""

    key: str  # of params.yaml, which asks for it
    variable: str  # of the environment, which holds it
    url: str

    @property
    def secret(self) -> str:
        return str(conninfo.conninfo_to_dict(self.url).get("password") or "")


def find_address(file: RawFile, key: str) -> Address:
    """The address in the environment; BadParams when there is none, or none of PostgreSQL."""
    url = os.environ.get(file.database, "").strip()
    if not url:
        raise BadParams(
            f"{key}.table: the environment variable {file.database} is not set; put the database's"
            " URL there, as postgresql://reader:password@host:5432/name"
        )
    url = re.sub(r"^postgres(ql)?\+\w+://", "postgresql://", url)  # as SQLAlchemy writes it
    try:
        conninfo.conninfo_to_dict(url)
    except psycopg.Error:
        raise BadParams(
            f"{key}.table: the environment variable {file.database} holds no address of PostgreSQL;"
            " write it as postgresql://reader:password@host:5432/name, or a file as sqlite:///PATH"
            " or duckdb:///PATH"
        ) from None
    return Address(key, file.database, url)


@contextmanager
def reading(file: RawFile, key: str) -> Iterator[Connection]:
    """A read-only transaction on one snapshot; rolled back and closed when the block ends.

    BadParams: no address. BadInput: unreachable, too slow, not allowed, or refused by the server.
    """
    address = find_address(file, key)
    with _refusing(address, file), _connected(address, file) as connection:
        connection.read_only = True
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        with _ended_after(connection, file.database_timeout):
            limit = f"{file.database_timeout:.0f}s"
            for name, value in {**_SETTINGS, "statement_timeout": limit}.items():
                connection.execute("select set_config(%s, %s, true)", [name, value])
            yield connection
            connection.rollback()


@contextmanager
def _connected(address: Address, file: RawFile) -> Iterator[Connection]:
    """Connect, and close without waiting for the server, which may no longer answer."""
    seconds = min(_CONNECTING, max(2, round(file.database_timeout)))
    connection = psycopg.connect(
        address.url,
        connect_timeout=seconds,
        client_encoding="UTF8",
        application_name="retention",
        prepare_threshold=None,
    )
    try:
        yield connection
    finally:
        connection.close()


@contextmanager
def _ended_after(connection: Connection, seconds: float) -> Iterator[None]:
    """Cut the connection after some seconds: no timeout of its own reaches a cut-off server."""
    line = socket.fromfd(connection.fileno(), socket.AF_INET, socket.SOCK_STREAM)

    def cut() -> None:
        with suppress(OSError):
            line.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(seconds + 1, cut)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join(timeout=1)
        line.close()


@contextmanager
def _refusing(address: Address, file: RawFile) -> Iterator[None]:
    """Turn errors of the database into refusals without password, address and values of rows."""
    try:
        yield
    except psycopg.Error as error:
        raise BadInput(f"{address.key}: {_describe(error, address, file)}") from None


def _describe(error: psycopg.Error, address: Address, file: RawFile) -> str:
    if isinstance(error, psycopg.errors.QueryCanceled):
        return (
            f"table {file.table!r} was not read within {file.database_timeout:.0f} s; raise"
            " database_timeout, or read less at a time with incremental"
        )
    if isinstance(error, psycopg.errors.InsufficientPrivilege):
        return f"the user may not read table {file.table!r}; grant it select there"
    if isinstance(error, psycopg.OperationalError) and not error.sqlstate:
        return (
            f"the database that {address.variable} names cannot be reached:"
            f" {_reason(error, address)}; is it up, and are address and password right?"
        )
    return (
        f"the database refused to give table {file.table!r}: {type(error).__name__}"
        f" ({error.sqlstate or 'no code'}); try the same as that user with psql"
    )


def _reason(error: psycopg.Error, address: Address) -> str:
    message = " ".join(str(error).split())
    for secret in filter(None, (address.url, address.secret)):
        message = message.replace(secret, "...")
    return message[:300]
