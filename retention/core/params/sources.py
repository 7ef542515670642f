"""Sections for raw data: where rows come from, and what they mean."""

import datetime as dt
import re
from collections.abc import Callable
from typing import Annotated, Any, Final, Literal, TypeVar

from pydantic import BeforeValidator, Field, model_validator

from retention.core import artefacts
from retention.core.events import CUSTOMER_COLUMNS, MAPPABLE
from retention.core.params.base import Currency, Lag, Name, Strict, Zone


def _variable(name: Any) -> Any:
    if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
        raise ValueError(
            "name the environment variable that holds the database's URL; the URL itself, with its"
            " password, must not stand here"
        )
    return name


VariableName = Annotated[str, BeforeValidator(_variable)]
Sql = Annotated[str, Field(min_length=1)]
ColumnType = Literal["text", "double", "decimal", "integer", "boolean", "timestamp", "date"]


class EngineParams(Strict):
    name: Literal["duckdb", "spark"] = "duckdb"
    memory: str = "4GB"
    master: str | None = None
    remote: str | None = None


EPOCHS: Final = {"epoch_seconds": 1, "epoch_milliseconds": 1000}
"""Formats of times that are counts since 1970, with the counts in a second."""

Written = str | Annotated[list[str], Field(min_length=1)] | None


class Format(Strict):
    """How times, dates and numbers are written."""

    time: Written = None  # of several formats the first that a value has counts
    date: Written = None
    decimal: Literal[".", ","] = "."  # the decimal sign
    thousands: Literal[",", ".", " ", "'"] | None = None  # between groups of digits
    sign: str | None = Field(default=None, min_length=1)  # of the currency, before or after

    def ways(self, option: Literal["time", "date"]) -> list[str]:
        """The formats of times or dates, in their order."""
        written = self.time if option == "time" else self.date
        return [written] if isinstance(written, str) else list(written or ())

    @property
    def states_instants(self) -> bool:
        """Whether times state their zone, as all formats do or none."""
        return any(_is_instant(form) for form in self.ways("time"))

    @model_validator(mode="after")
    def _is_of_one_mind(self) -> "Format":
        forms = self.ways("time")
        if len({_is_instant(form) for form in forms}) > 1:
            raise ValueError(
                "some formats of time state the zone (%z, epoch_seconds) and some do not; map the"
                " others by strptime in the column's own SQL"
            )
        if self.thousands == self.decimal:
            raise ValueError("thousands and decimal are the same sign; write decimal too")
        return self


def _is_instant(form: str) -> bool:
    return "%z" in form or form in EPOCHS


class StateChange(Strict):
    """A log of states: the event is the row with which a state begins."""

    column: Sql  # the state
    to: str | Annotated[list[str], Field(min_length=1)]

    @property
    def states(self) -> list[str]:
        return [self.to] if isinstance(self.to, str) else list(self.to)


class EventMapping(Strict):
    """One event that a raw row emits; values are column names or scalar SQL over the row."""

    kind: Name
    where: Sql | None = None
    changes: StateChange | None = None
    currency: Sql | None = None  # of the row's money, where rows differ
    unit: Literal["whole", "cents"] = "whole"  # cents: the smallest unit of each currency
    customer_id: Sql
    occurred_at: Sql
    known_at: Sql | None = None
    deleted_at: Sql | None = None  # when the row was marked as deleted: from then on it never was
    channel: Sql | None = None
    topic: Sql | None = None
    cause: Sql | None = None
    amount: Sql | None = None
    quoted_amount: Sql | None = None
    cost: Sql | None = None
    quantity: Sql | None = None
    promised_at: Sql | None = None
    effective_at: Sql | None = None
    order_id: Sql | None = None
    item_id: Sql | None = None
    case_id: Sql | None = None
    contract_id: Sql | None = None
    rating: Sql | None = None
    resolved: Sql | None = None
    agent_id: Sql | None = None
    treatment: Sql | None = None

    def columns(self) -> dict[str, str]:
        """The mapped event columns and their SQL, without kind and where."""
        names = [*(name for name in MAPPABLE if name != "kind"), "deleted_at"]
        return {name: sql for name in names if (sql := getattr(self, name)) is not None}


class FillDown(Strict):
    """Columns that only the first of several lines states, as the header of an order."""

    columns: list[str] = Field(min_length=1)
    # Columns that are alike on lines that belong together. Without them a line on which the first
    # of `columns` is filled begins a new group.
    within: list[str] = []


class RawFile(Strict):
    """Files of one form, or a database table."""

    path: str = ""  # of a table: where its rows are copied to
    table: str | None = Field(default=None, min_length=1)  # a table or view of a database
    database: VariableName = "DATABASE_URL"  # the environment variable with the database's URL
    database_timeout: float = Field(default=900, ge=1)  # seconds, to connect and read
    types: dict[str, ColumnType] = {}
    format: Format = Format()
    time_zone: Zone | None = None
    # which instant a wall clock time means that the zone's clocks skip or repeat; null: the file
    # is refused
    dst: Literal["reject", "earlier", "later"] | None = None
    delimiter: str = Field(default=",", min_length=1, max_length=1)
    encoding: Literal["utf-8", "latin-1"] = "utf-8"
    skip_lines: int = Field(default=0, ge=0, le=1000)  # above the header
    sheet: str | None = Field(default=None, min_length=1)  # of a workbook; null: its only one
    # in JSON, by the name of a list: a row for each of its elements
    each: str | None = Field(default=None, min_length=1)
    nulls: list[str] = []  # what stands in cells without a value, as NULL
    # a column's earlier names; of a column without any, files that lack it are blank
    earlier_names: dict[str, list[str]] = {}
    fill_down: FillDown | None = None
    rows_at_least: int | None = Field(default=None, ge=1)  # in all files; fewer: a cut export

    @model_validator(mode="after")
    def _lies_in_one_place(self) -> "RawFile":
        if bool(self.path) == bool(self.table):
            raise ValueError("write either path, for files, or table, for a database")
        if "://" in f"{self.path}{self.table}":
            raise ValueError("an address must not stand here; see docs/databases.md")
        return self


class Join(RawFile):
    """Another file or table, of which each row of a source has at most one partner."""

    on: dict[str, str] = Field(min_length=1)  # columns of the source, and those that equal them
    columns: dict[str, str] = Field(
        min_length=1
    )  # what they are called here, and their names there
    # The column there from when on a row holds, and the time here by which the row is chosen. Both
    # have types.
    since: str | None = Field(default=None, min_length=1)
    at: str | None = Field(default=None, min_length=1)

    @model_validator(mode="after")
    def _has_both_times(self) -> "Join":
        if bool(self.since) != bool(self.at):
            raise ValueError("write both since and at, or neither")
        return self


class Source(RawFile):
    """Rows that become events."""

    key: list[str] | Literal["row_number"]
    events: list[EventMapping] = Field(min_length=1)
    join: dict[Name, Join] = {}
    expect: dict[Name, Sql] = {}  # conditions; a row that breaks one is doubtful
    known_after: Lag | None = None
    # The table's column of when a row became known: only newer rows than those copied before are
    # read. null: the whole table is read each time.
    incremental: str | None = Field(default=None, min_length=1)
    incremental_overlap: Lag = dt.timedelta(days=1)  # read again, for rows that were committed late

    @model_validator(mode="after")
    def _can_be_incremental(self) -> "Source":
        if self.incremental and not self.table:
            raise ValueError("incremental is for a table; files are read whole")
        if self.incremental and self.key == "row_number":
            raise ValueError("incremental needs a key: rows that are read twice must be recognised")
        return self


class CustomersFile(RawFile):
    columns: dict[Literal[tuple(CUSTOMER_COLUMNS)], str]  # type: ignore[valid-type]

    @model_validator(mode="after")
    def _has_id(self) -> "CustomersFile":
        if "customer_id" not in self.columns:
            raise ValueError("columns needs customer_id")
        return self


class StaffFile(RawFile):
    """The agents who serve customers, each with team and branch."""

    columns: dict[Literal["agent_id", "team", "branch"], str]

    @model_validator(mode="after")
    def _has_id(self) -> "StaffFile":
        if "agent_id" not in self.columns:
            raise ValueError("columns needs agent_id")
        return self


File = TypeVar("File", bound=RawFile)


def copied_to(key: str) -> Callable[[File], File]:
    """A validator that sets the path to which the rows of a table are copied."""

    def set_path(file: File) -> File:
        place = str(artefacts.TABLES / key)
        copied = file.model_copy(update={"path": place}) if file.table else file
        if not isinstance(copied, Source) or not copied.join:
            return copied
        joined = {name: copied_to(f"{key}.join.{name}")(join) for name, join in copied.join.items()}
        return copied.model_copy(update={"join": joined})

    return set_path


class IngestParams(Strict):
    max_reject_share: float = Field(default=0.01, ge=0, le=1)
    # the worth of one unit of another currency in that of the company
    conversion: dict[Currency, Annotated[float, Field(ge=1e-6, le=1e6)]] = {}
