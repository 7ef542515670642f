"""What stands in rows and cells, and must not: cases 6, 7, 8, 14, 18, 25, 26 and 27."""

import json
from decimal import Decimal

import pyarrow.compute as pc
import pytest

from tests.faults.exports import (
    HEADER,
    Till,
    export,
    ingest_file,
    reject_rules,
    row,
    rows,
    with_event,
)

GBP = f"{HEADER},currency"


@pytest.mark.parametrize("more", ["9", "", '""'])
def test_06_shifted_rows(till: Till, more: str) -> None:
    spoilt = export(*(f"{line},{more}" for line in rows(5)))
    till.assert_refused(
        spoilt,
        "data/raw/sales.csv: line 2",
        "ragged_row",
        "the first of 5 rejects in 5 rows",
        "quote cells with a delimiter",
    )


def test_07_ragged_row() -> None:
    lines = [*rows(200), "R201,c1", f"{row(receipt='R202')},9", row(receipt="R203")]
    done = ingest_file(export(*lines), max_reject_share=0.01)
    assert reject_rules(done) == [(202, "", "ragged_row"), (203, "", "ragged_row")]
    assert done.summary.accepted == 201


def test_07_ragged_row_and_its_line_below_a_cell_of_several_lines() -> None:
    lines = [row(receipt='"R\n1"', cust='"a\n\nb"'), "R2,c1", row(receipt="R3")]
    types = {"key": "row_number", **with_event(order_id="null", customer_id="'c'")}
    done = ingest_file(export(*lines), **types)
    assert reject_rules(done) == [(6, "", "ragged_row")]
    assert done.events["event_id"].to_pylist()[0].endswith(":2")


@pytest.mark.parametrize("price", ['"12,5"', "€12", "£12", "1_000", "12.5 GBP", "1.234.567"])
def test_08_locale_number(price: str) -> None:
    done = ingest_file(export(row(price=price), row(receipt="R2")))
    assert reject_rules(done) == [(2, "price", "not_decimal")]
    assert done.events["order_id"].to_pylist() == ["R2"]


def test_08_locale_number_tells_what_to_declare(till: Till) -> None:
    spoilt = export(row(price='"12,5"'))
    till.assert_refused(
        spoilt,
        "line 2",
        "column 'price'",
        "'12'… (4 characters)",
        "not_decimal",
        'write format: {decimal: ","} for 12,5',
    )


def test_08_locale_number_as_declared() -> None:
    form = {"time": "%Y-%m-%d %H:%M:%S", "decimal": ","}
    lines = [
        row(price='"12,5"', qty='"1,5e1"'),
        row(receipt="R2", price="12.5"),
        row(receipt="R3", price='"1.234,5"'),
        row(receipt="R4", price="12"),
    ]
    done = ingest_file(export(*lines), format=form)
    assert reject_rules(done) == [(3, "price", "not_decimal"), (4, "price", "not_decimal")]
    assert done.events["amount"].to_pylist() == [Decimal("187.5"), Decimal(24)]


@pytest.mark.parametrize("cell", ["c\x001", "c\x011", '"c\n1"', "c\x1b[31m1", "c\x7f1", "c\x851"])
@pytest.mark.parametrize("column", ["cust", "receipt"])
def test_14_nul_byte(cell: str, column: str) -> None:
    done = ingest_file(export(row(receipt="R1"), row(**({"receipt": "R2"} | {column: cell}))))
    rule = "nul_byte" if "\0" in cell else "control_character"
    assert [reject[-1] for reject in reject_rules(done)] == [rule]
    assert done.events["order_id"].to_pylist() == ["R1"]


def test_14_nul_byte_in_any_text_that_is_kept() -> None:
    noted = export(f"{row()},fine", f"{row(receipt='R2')},a\tb", header=f"{HEADER},note")
    assert reject_rules(ingest_file(noted)) == []  # nothing reads it
    assert reject_rules(ingest_file(noted, **with_event(topic="note"))) == [
        (3, "note", "control_character")
    ]


def test_14_nul_byte_that_is_told_of_does_no_harm_to_a_terminal(till: Till) -> None:
    line = till.assert_refused(export(row(cust="\x1b[31mred")), "control_character")
    assert line.isprintable()


def test_18_huge_cell() -> None:
    huge = row(receipt="R2", cust="x" * 10_000_000)
    done = ingest_file(export(*rows(1), huge, row(receipt="R3")))
    assert reject_rules(done) == [(3, "", "huge_cell")]
    assert done.events["order_id"].to_pylist() == ["R1", "R3"]
    assert len(json.dumps(done.rejects.to_pylist())) < 1000


def test_18_huge_cell_is_told_without_its_content(till: Till) -> None:
    line = till.assert_refused(export(row(cust="secret" * 1_700_000)), "line 2", "huge_cell")
    assert len(line) < 1000
    assert "secret" not in line


@pytest.mark.parametrize("cell", ["nan", "NaN", "inf", "-Infinity", "1e400", "1e999999"])
@pytest.mark.parametrize(("column", "rule"), [("qty", "not_double"), ("price", "not_decimal")])
def test_25_non_finite(cell: str, column: str, rule: str) -> None:
    done = ingest_file(export(row(**{column: cell}), row(receipt="R2")))
    assert reject_rules(done) == [(2, column, rule)]


def test_25_non_finite_made_by_the_mapping_itself() -> None:
    lines = [row(qty="2"), row(receipt="R2", qty="0.5")]
    done = ingest_file(export(*lines), **with_event(quantity="qty * 1e308"))
    assert reject_rules(done) == [(2, "qty * 1e308", "not_double")]
    assert pc.all(pc.is_finite(done.events["quantity"])).as_py()


def test_26_negative_amount(till: Till) -> None:
    negative = row(receipt="R2", price="-3.50")
    done = ingest_file(export(row(), negative))
    assert reject_rules(done) == [(3, "qty * price", "negative_amount")]
    till.assert_refused(
        export(row(), negative), "line 3", "negative_amount", "map it as kind: return"
    )


def test_26_negative_amount_declared_a_return() -> None:
    purchase = {
        "kind": "purchase",
        "customer_id": "cust",
        "occurred_at": "sold_at",
        "amount": "price",
        "where": "price >= 0",
    }
    events = [purchase, purchase | {"kind": "return", "where": "price < 0"}]
    done = ingest_file(export(row(), row(receipt="R2", price="-3.50")), events=events)
    assert done.events.select(["kind", "amount"]).to_pylist() == [
        {"kind": "purchase", "amount": Decimal("3.5")},
        {"kind": "return", "amount": Decimal("-3.5")},
    ]


def test_27_mixed_currency(till: Till) -> None:
    two = export(f"{row()},GBP", f"{row(receipt='R2')},EUR", header=GBP)
    till.assert_refused(
        two,
        "line 3",
        "column 'currency'",
        "unknown_currency",
        "write its worth under ingest.conversion",
    )


def test_27_mixed_currency_in_a_column_that_the_mapping_names() -> None:
    lines = [f"{row()},gbp ", f"{row(receipt='R2')},EUR", f"{row(receipt='R3')},"]
    several = export(*lines, header=f"{HEADER},paid_in")
    assert ingest_file(several).summary.accepted == 3  # no name tells that these are currencies
    done = ingest_file(several, **with_event(currency="paid_in"))
    assert reject_rules(done) == [(3, "paid_in", "unknown_currency")]
    assert done.events["order_id"].to_pylist() == ["R1", "R3"]  # a blank one is the company's


def test_27_mixed_currency_with_a_table_of_conversion() -> None:
    lines = [f"{row()},GBP", f"{row(receipt='R2')},EUR", f"{row(receipt='R3', price='0.01')},JPY"]
    ingest = {"max_reject_share": 1.0, "conversion": {"EUR": 0.8571, "JPY": 0.0051}}
    done = ingest_file(export(*lines, header=GBP), more={"ingest": ingest})
    assert done.events["amount"].to_pylist() == [Decimal(7), Decimal("5.9997"), Decimal("0.0001")]
    assert done.summary.rejected == 0


def test_27_mixed_currency_that_the_mapping_takes_care_of() -> None:
    two = export(f"{row()},GBP", f"{row(receipt='R2')},EUR", header=GBP)
    turned = "case currency when 'GBP' then price else price * 0.5 end"
    done = ingest_file(two, **with_event(amount=turned))
    assert done.events["amount"].to_pylist() == [Decimal("3.5"), Decimal("1.75")]
