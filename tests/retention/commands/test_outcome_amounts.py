"""Amounts of a returned worklist: each is read back as it was, or refused, and never another."""

import csv
import io
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import openpyxl
import pytest
from babel import Locale
from babel.numbers import list_currencies
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from retention.commands.outcomes import from_csv
from retention.commands.outcomes.amounts import money
from retention.commands.outcomes.cells import CellError
from retention.commands.outcomes.sheet import LANGUAGES, TITLES
from retention.i18n.language import language, minor_digits
from retention.worklist.model import Listing
from retention.worklist.to_xlsx.workbook import content

DIGITS = {
    "latn": "0123456789",
    "beng": "০১২৩৪৫৬৭৮৯",
    "arab": "٠١٢٣٤٥٦٧٨٩",
    "arabext": "۰۱۲۳۴۵۶۷۸۹",
}
STYLES = [
    ("", "."),
    ("", ","),
    (",", "."),
    (".", ","),
    (" ", ","),
    ("\u00a0", ","),
    ("\u202f", ","),
    ("\u202f", "."),
    ("\u2019", "."),
    ("'", "."),
    ("\u066c", "\u066b"),
]
"""The separators of thousands and of decimals that a spreadsheet shows, by its language."""

MINUS = ("-", "\u2212", "\u200e-", "\u200e\u2212")


def shown_digits(currency: str) -> int:
    """Digits after the point in the workbook's column to fill in."""
    digits = minor_digits(currency)
    return 4 if digits == 3 else digits


def grouped(whole: str, separator: str, *, lakhs: bool) -> str:
    head, last = whole[:-3], whole[-3:]
    size = 2 if lakhs else 3
    groups = [head[max(0, end - size) : end] for end in range(len(head), 0, -size)][::-1]
    return separator.join([*groups, last])


def written(amount: Decimal, style: tuple[str, str], script: str, *, lakhs: bool) -> str:
    thousands, point = style
    whole, _, fraction = str(amount).partition(".")
    text = grouped(whole, thousands, lakhs=lakhs and thousands in (",", "\u066c"))
    text += point + fraction if fraction else ""
    return text.translate(str.maketrans(DIGITS["latn"], DIGITS[script]))


currencies = st.sampled_from(sorted(list_currencies()))
codes = st.sampled_from(LANGUAGES)
styles = st.sampled_from(STYLES)
scripts = st.sampled_from(sorted(DIGITS))


@st.composite
def amounts(draw: st.DrawFn) -> tuple[str, Decimal]:
    """A currency, and an amount with as many decimals as the workbook shows."""
    currency = draw(currencies)
    units = draw(st.integers(0, 10 ** draw(st.integers(1, 9))))
    return currency, Decimal(units).scaleb(-shown_digits(currency))


@given(amounts(), codes, styles, scripts, st.booleans(), st.sampled_from(["", " ", "\u00a0"]))
def test_what_a_spreadsheet_shows_is_read_back(
    amount_of: tuple[str, Decimal],
    code: str,
    style: tuple[str, str],
    script: str,
    lakhs: bool,
    gap: str,
) -> None:
    currency, amount = amount_of
    number = written(amount, style, script, lakhs=lakhs)
    symbol = language(code).symbol(currency)
    for text in (number, f"{symbol}{gap}{number}", f"{number}{gap}{symbol}"):
        assert money(text, currency) == amount, text


@given(amounts(), codes)
def test_what_the_list_writes_is_read_back(amount_of: tuple[str, Decimal], code: str) -> None:
    currency, amount = amount_of
    digits = shown_digits(currency)
    assert money(language(code).money(float(amount), currency, digits), currency) == amount


@given(amounts(), codes, styles, st.sampled_from(",;\t"), st.sampled_from(["utf-8-sig", "utf-16"]))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_the_list_writes_is_read_back_as_a_number_and_from_a_csv(
    tmp_path: Path,
    amount_of: tuple[str, Decimal],
    code: str,
    style: tuple[str, str],
    delimiter: str,
    encoding: str,
) -> None:
    currency, amount = amount_of
    assert money(float(amount), currency) == amount
    shown = language(code).money(float(amount), currency, shown_digits(currency))
    translate, number = language(code).gettext, written(amount, style, "latn", lakhs=False)
    headings = [translate(TITLES[name]) for name in ("customer_id", "note", "offer_cost")]
    rows = [
        headings,
        ["7", "a,b;c", shown],
        ["8", "", f"{language(code).symbol(currency)} {number}"],
    ]
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter).writerows(rows)
    path = tmp_path / "saved.csv"
    path.write_bytes(text.getvalue().encode(encoding))
    cells = [line.cells["offer_cost"] for line in from_csv.read(path).lines]
    assert [money(cell, currency) for cell in cells] == [amount, amount], cells


@given(amounts(), codes, styles, scripts, st.sampled_from(MINUS), st.integers(0, 2))
def test_a_negative_amount_is_known_as_such(
    amount_of: tuple[str, Decimal],
    code: str,
    style: tuple[str, str],
    script: str,
    minus: str,
    place: int,
) -> None:
    currency, amount = amount_of
    number = written(amount + 1, style, script, lakhs=False)
    symbol = language(code).symbol(currency)
    text = [f"{minus}{symbol}\u00a0{number}", f"{symbol} {minus}{number}", f"({symbol} {number})"]
    with pytest.raises(CellError, match="negative"):
        money(text[place], currency)


@given(currencies, codes, styles, scripts, st.integers(0, 10**9), st.integers(0, 4))
def test_an_amount_is_never_read_as_another(
    currency: str, code: str, style: tuple[str, str], script: str, units: int, digits: int
) -> None:
    """Whatever number of decimals: three after the only separator are refused or right."""
    amount = Decimal(units).scaleb(-digits)
    text = f"{language(code).symbol(currency)} {written(amount, style, script, lakhs=False)}"
    has_smaller_unit = minor_digits(currency) > 0
    try:
        read = money(text, currency)
    except CellError:
        return
    # A currency without a smaller unit has no thousandths, so 1.250 is a thousand there.
    assert read == amount or (not has_smaller_unit and digits == 3)


@given(st.text(max_size=12), currencies)
def test_any_text_is_an_amount_or_refused(text: str, currency: str) -> None:
    try:
        read = money(text, currency)
    except CellError:
        return
    assert read is not None
    assert read >= 0


@pytest.mark.parametrize(
    ("text", "currency", "amount"),
    [
        (12, "GBP", "12"),
        (0.1 + 0.2, "GBP", "0.3"),
        (12.345, "GBP", "12.345"),
        (1250, "KWD", "1250"),
        (None, "GBP", None),
        ("0", "GBP", "0"),
        ("-0", "GBP", "0"),
        ("12,50", "GBP", "12.50"),
        ("£12.50", "GBP", "12.50"),
        ("PKR 1,25,000.00", "PKR", "125000"),
        ("Rs. 500", "PKR", "500"),
        ("Rs.500", "INR", None),
        ("Rs. 500", "INR", "500"),
        ("1.250,00 €", "EUR", "1250"),
        ("99,00 kr.", "DKK", "99"),
        ("250,00\u00a0z\u0142", "PLN", "250"),
        ("CHF\u00a01\u2019250.00", "CHF", "1250"),
        ("Fr. 20", "CHF", "20"),
        ("¥1,250", "JPY", "1250"),
        ("1.250", "JPY", "1250"),
        ("0.250", "KWD", "0.25"),
        ("KWD\u00a05.2500", "KWD", "5.25"),
        ("KWD\u00a05,2500", "KWD", "5.25"),
        ("1234.567", "KWD", "1234.567"),
        ("1,234,567", "GBP", "1234567"),
    ],
)
def test_amounts(text: object, currency: str, amount: str | None) -> None:
    if isinstance(text, str) and amount is None:
        with pytest.raises(CellError):
            money(text, currency)
    else:
        assert money(text, currency) == (None if amount is None else Decimal(amount))


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("1.250", "ambiguous_number"),
        ("1,250", "ambiguous_number"),
        ("KWD 5.250", "ambiguous_number"),
        ("$5", "other_currency"),
        ("USD 5", "other_currency"),
        ("5 €", "other_currency"),
        ("1.2.3", "not_a_number"),
        ("1,23,45", "not_a_number"),
        ("1,2345", "not_a_number"),
        ("0,500,000", "not_a_number"),
        ("1 2", "not_a_number"),
        ("ten", "not_a_number"),
        ("1e5", "not_a_number"),
        ("5 or 6", "not_a_number"),
        ("5 k", "not_a_number"),
        ("5%", "not_a_number"),
        (".50", "not_a_number"),
        ("GBP .50", "not_a_number"),
        ("£.50", "not_a_number"),
        ("50.", "not_a_number"),
        ("50.-", "not_a_number"),
        ("5²", "not_a_number"),
        ("½", "not_a_number"),
        ("+5", "not_a_number"),
        (1e20, "not_a_number"),
        (True, "not_a_number"),
    ],
)
def test_what_is_no_amount(text: object, rule: str) -> None:
    currency = "KWD" if "KWD" in str(text) else "GBP"
    with pytest.raises(CellError, match=rule):
        money(text, currency)


@pytest.mark.parametrize("currency", ["GBP", "JPY", "KWD", "CHF"])
def test_the_workbook_shows_no_amount_that_might_be_a_thousand(
    currency: str, make_listing: Callable[..., Listing]
) -> None:
    book = openpyxl.load_workbook(io.BytesIO(content(make_listing([{}], currency=currency))))
    places = {cell.value: cell.column for cell in book["_columns"][1]}
    form = book.worksheets[0].cell(2, places["offer_cost"]).number_format
    assert len(form.partition(".")[2].partition('"')[0]) == shown_digits(currency)


@pytest.mark.parametrize(
    ("name", "currency"),
    [("en_US", "USD"), ("en_GB", "GBP"), ("sv_SE", "SEK"), ("ur_PK", "PKR"), ("da_DK", "DKK")],
)
def test_the_symbols_of_where_a_currency_is_used(name: str, currency: str) -> None:
    symbol = Locale.parse(name).currency_symbols.get(currency, currency)
    assert money(f"12 {symbol}", currency) == 12
