"""What the columns of a raw file are: their types and formats, and what their names say."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from retention.commands.check import times
from retention.commands.check.samples import SampleColumn
from retention.commands.init.files import RawTable
from retention.core.params import EPOCHS, ColumnType, Format, IngestParams
from retention.sources import parsing

NUMBERS: Final[tuple[ColumnType, ...]] = ("integer", "decimal", "double")
SIGNS: Final = {"$": "USD", "€": "EUR", "£": "GBP", "¥": "JPY", "₹": "INR", "₨": "PKR", "৳": "BDT"}
_TIME_NAME: Final = re.compile(
    r"date|time|day|_at$|_on$|_am$|^at$|^on$|created|updated|closed|opened|start|end|stamp|^ts$|datum|since"
)
_EPOCHS: Final = {"epoch_seconds": r"\d{9,10}(\.\d+)?", "epoch_milliseconds": r"\d{12,13}"}
_SEPARATORS: Final = ((".", None), (".", ","), (",", None), (",", "."), (".", "'"), (",", " "))
"""Decimal sign and thousands, the likelier ones first."""

_DISTINCT: Final = 200_000
MAX_MISFITS: Final = IngestParams().max_reject_share
"""Share of a column's values that its type may not fit, where its name says what it is."""

_PERSON = r"(customer|client|cust|user|member|buyer|household|contributor|shopper|patron|guest"
_PERSON += r"|requester|subscriber|account|contact|donor|patient|player|kunde|kunden|klant|cliente)"
_ID = r"_?(id|no|nr|num|number|nummer|code|key|ref|uid|uuid)"
ROLES: Final = {
    "customer": rf"(^|_|\.){_PERSON}{_ID}?$",
    "email": r"e?_?mail(_address)?$",
    "order": rf"(order|receipt|invoice|transaction|basket|sale|purchase|charge|payment"
    rf"|bestellung|bestell|rechnung){_ID}?$",
    "case": rf"(ticket|case|conversation|incident|issue|request){_ID}?$",
    "contract": rf"(subscription|contract|policy|agreement|membership|licence|license){_ID}?$",
    "item": rf"(sku|product|item|article|stock_code|stockcode|asin)({_ID}|_name)?$",
    "line": r"(line|position|row|seq|sequence|line_item)(_?(id|no|nr|number))?$",
    "quantity": r"(^|_)(qty|quantity|units|pieces|count|menge|number_of_\w+)$",
    "price": r"(unit_?price|price|price_each|rate|preis)$",
    "total": r"(total|amount|revenue|sales|value|paid|gross|net|spend|spent|turnover|sum|betrag"
    r"|dollar_value|charge|cost|fee)(_\w+)?$",
    "currency": r"(^|_)(currency|currency_code|ccy)$",
    "channel": r"(^|_)(channel|source|via|medium)$",
    "rating": r"(rating|score|csat|nps|stars|satisfaction)$",
    "topic": r"(topic|category|type|subject_type|reason|cause)$",
    "agent": rf"(agent|assignee|employee|staff|operator){_ID}?$",
    "name": r"^(full_?|customer_|first_|last_)?name$",
    "phone": r"(phone|tel|telephone|mobile)(_number)?$",
    "region": r"(region|state|country|city|province|county)$",
    "language": r"(language|locale|lang)$",
    "end": r"(end|ended|cancel|cancelled|canceled|churn|churned|terminat\w*|expired?|expires"
    r"|stopped|closed|resolved|solved|completed|left|unsubscribed|valid_to|valid_until)(_\w+)?$",
}
_WORDS: Final = {role: re.compile(pattern) for role, pattern in ROLES.items()}


@dataclass(frozen=True)
class GuessedColumn:
    """A column with its guessed type."""

    raw: SampleColumn
    kind: ColumnType
    forms: tuple[str, ...] = ()  # the formats that fit all values of a time
    filled: int = 0
    distinct: int = 0
    misfits: int = 0  # values that its type does not fit: each will be a rejected row

    @property
    def name(self) -> str:
        return self.raw.name

    @property
    def is_time(self) -> bool:
        return self.kind in times.OPTION


@dataclass
class Look:
    """What is known of a raw file."""

    table: RawTable
    columns: dict[str, GuessedColumn]
    rows: int
    form: dict[str, Any] = field(default_factory=dict)  # key format of params.yaml
    currency: str | None = None  # of a sign in its cells

    @property
    def name(self) -> str:
        return self.table.name

    def times(self) -> list[GuessedColumn]:
        """Its times that can be read, in the order of the file."""
        return [column for column in self.columns.values() if column.is_time]

    def with_role(self, role: str) -> list[GuessedColumn]:
        """The columns whose names say that they are of a role."""
        return [column for column in self.columns.values() if has_role(column.name, role)]

    def first(self, role: str, *kinds: str) -> GuessedColumn | None:
        """The first column of a role, of certain types where some are given."""
        return next((c for c in self.with_role(role) if not kinds or c.kind in kinds), None)

    def values(self, column: GuessedColumn) -> set[str]:
        """Its distinct values as text; the first ones of very many."""
        text = column.raw.text_sql
        rows = self.table.sample.run(
            f"select distinct {text} from raw where {column.raw.filled_sql} limit {_DISTINCT}"
        )
        return {value for (value,) in rows}

    def distinct_of(self, columns: Sequence[GuessedColumn]) -> int:
        """How many different rows some columns have."""
        texts = ", ".join(column.raw.text_sql for column in columns)
        ((n_rows,),) = self.table.sample.run(f"select count(distinct ({texts})) from raw")
        return int(n_rows)


def plain_name(name: str) -> str:
    """A column's name in lower case, its words joined by underscores."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)
    return re.sub(r"[^\w.]+", "_", spaced.lower()).strip("_")


def has_role(name: str, role: str) -> bool:
    return _WORDS[role].search(plain_name(name)) is not None


def look(table: RawTable) -> Look:
    """Guess the type of every column of a file, and how its numbers and times are written."""
    rows = table.rows()
    form, currency = _number_form(table)
    kinds = {
        column.name: _guess(table, column, Format.model_validate(form))
        for column in table.columns.values()
    }
    columns = {}
    for name, (kind, forms) in kinds.items():
        raw = table.columns[name]
        ((filled, distinct),) = table.sample.run(
            f"select count(*) filter ({raw.filled_sql}), count(distinct {raw.text_sql}) from raw"
        )
        guessed = GuessedColumn(raw, kind, forms, int(filled), int(distinct))
        columns[name] = replace(guessed, misfits=_count_misfits(table, guessed, form))
    columns = _with_shared_zone(columns)
    for kind, option in times.OPTION.items():
        shared = _form_list([c for c in columns.values() if c.kind == kind and c.raw.is_text])
        if shared:
            form[option] = shared if len(shared) > 1 else shared[0]
    return Look(table, columns, rows, form, currency)


def _with_shared_zone(columns: dict[str, GuessedColumn]) -> dict[str, GuessedColumn]:
    """Leave as text the times that state no zone where others do, or the other way round."""
    texts = [c for c in columns.values() if c.kind == "timestamp" and c.raw.is_text]
    if not texts:
        return columns
    first = _is_instant(texts[0].forms[0])
    odd = {c.name for c in texts if _is_instant(c.forms[0]) != first}
    return {
        name: replace(c, kind="text", forms=(), misfits=0) if name in odd else c
        for name, c in columns.items()
    }


def _is_instant(form: str) -> bool:
    return "%z" in form or form in EPOCHS


def _form_list(columns: Sequence[GuessedColumn]) -> list[str]:
    """As few formats as read all columns; one that several share counts once."""
    forms: list[str] = []
    for column in columns:
        if not set(column.forms) & set(forms):
            forms.append(column.forms[0])
    return forms


def _guess(table: RawTable, raw: SampleColumn, form: Format) -> tuple[ColumnType, tuple[str, ...]]:
    """The type of a column, and the formats that fit it."""
    if not raw.is_text:
        return _native_kind(raw), ()
    if not table.sample.filled(raw):
        return "text", ()
    is_named_time = _TIME_NAME.search(plain_name(raw.name)) is not None
    max_misfits = int(MAX_MISFITS * table.sample.count(raw.filled_sql)[0]) if is_named_time else 0
    for kind in ("timestamp", "date"):
        forms = times.fitting_formats(table.sample, raw, kind, max_misfits)
        if forms and (is_named_time or forms[0] != "%Y%m%d"):
            return kind, tuple(forms)
    if is_named_time:
        for epoch, pattern in _EPOCHS.items():
            text = f"trim({raw.text_sql})"
            misfit = f"{raw.filled_sql} and not regexp_full_match({text}, '{pattern}')"
            if table.sample.count(misfit)[0] <= max_misfits:
                return "timestamp", (epoch,)
    return _number_kind(table, raw, form) or "text", ()


def _count_misfits(table: RawTable, column: GuessedColumn, form: dict[str, Any]) -> int:
    """The values of a text column that its guessed type does not fit."""
    if not column.raw.is_text or column.kind == "text":
        return 0
    if column.is_time:
        first = list(column.forms[:1])
        return sum(times.count_misfits(table.sample, column.raw, column.kind, first))
    return table.sample.count(_misfit_sql(column.raw, column.kind, Format.model_validate(form)))[0]


def _misfit_sql(raw: SampleColumn, kind: ColumnType, form: Format) -> str:
    return f"{raw.filled_sql} and {parsing.parsed_sql(raw.text_sql, kind, form, '')} is null"


def _native_kind(raw: SampleColumn) -> ColumnType:
    """The type of a Parquet column; numbers are typed only where a mapping counts with them."""
    if raw.native.startswith("TIMESTAMP"):
        return "timestamp"
    if raw.native == "DATE":
        return "date"
    if raw.native == "BOOLEAN":
        return "boolean"
    if "INT" in raw.native:
        return "integer"
    return "decimal" if raw.native.startswith(("DECIMAL", "DOUBLE", "FLOAT")) else "text"


def _number_kind(table: RawTable, raw: SampleColumn, form: Format) -> ColumnType | None:
    is_named = any(has_role(raw.name, role) for role in ("total", "price", "quantity"))
    max_misfits = int(MAX_MISFITS * table.sample.count(raw.filled_sql)[0]) if is_named else 0
    misfits = table.sample.count(*(_misfit_sql(raw, kind, form) for kind in NUMBERS))
    fewest = min(misfits)
    if fewest > max_misfits:
        return None
    return next(k for k, n_rows in zip(NUMBERS, misfits, strict=True) if n_rows == fewest)


def _number_form(table: RawTable) -> tuple[dict[str, Any], str | None]:
    """How numbers are written where they are not as 1234.56, and the currency of their sign."""
    for raw in table.columns.values():
        first = table.sample.first_value(raw) if raw.is_text else ""
        sign = next((sign for sign in SIGNS if sign in first), None)
        is_number = any(has_role(raw.name, role) for role in ("total", "price", "quantity"))
        if not re.search(r"\d", first) or not (sign or is_number):
            continue
        if _number_kind(table, raw, Format()) is not None:
            continue
        for decimal, thousands in _SEPARATORS:
            options = {"decimal": decimal, "thousands": thousands, "sign": sign}
            written = {k: v for k, v in options.items() if v and (k, v) != ("decimal", ".")}
            if _number_kind(table, raw, Format.model_validate(written)) is not None:
                return written, SIGNS.get(sign or "")
    return {}, None
