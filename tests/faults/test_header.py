"""What the first line of a file may do to it: cases 1 to 5."""

from tests.faults.exports import HEADER, Till, export, ingest_file, row, rows, with_event


def test_01_missing_column(till: Till) -> None:
    spoilt = export("R1,c1,2026-01-05 12:00:00,2", header="receipt,cust,sold_at,qty")
    line = till.assert_refused(spoilt, "data/raw/sales.csv", "line 1", "no column 'price'")
    assert "sources.sales.events[0].amount" in line
    assert "line 1 has receipt, cust, sold_at, qty; write the file's name for it there" in line


def test_01_missing_column_names_the_nearest(till: Till) -> None:
    spoilt = export(row(), header="receipt,cust,sold_on,qty,price")
    till.assert_refused(
        spoilt, "no column 'sold_at' (nearest: sold_on)", "events[0].occurred_at names"
    )


def test_02_renamed_column(till: Till) -> None:
    spoilt = export(row(), header=HEADER.replace("price", "unit_price"))
    till.assert_refused(
        spoilt, "no column 'price' (nearest: unit_price", "write amount: qty * unit_price"
    )


def test_02_renamed_column_of_the_key_or_with_an_odd_name(till: Till) -> None:
    keyed = export(row(), header=HEADER.replace("receipt", "receipt_no"))
    till.assert_refused(
        keyed, "sources.sales.key", "write key: [receipt_no, cust]", key=["receipt", "cust"]
    )
    odd = export(row(), header=HEADER.replace("price", "price (GBP)"))
    till.assert_refused(odd, 'write amount: qty * "price (GBP)"')


def test_02_renamed_column_works_once_the_mapping_is_as_suggested() -> None:
    renamed = export(row(), header=HEADER.replace("price", "unit_price"))
    types = {"qty": "double", "unit_price": "decimal", "sold_at": "timestamp"}
    done = ingest_file(renamed, types=types, **with_event(amount="qty * unit_price"))
    assert done.events.equals(ingest_file(export(row())).events)


def test_03_duplicate_header(till: Till) -> None:
    spoilt = export(f"{row()},9", header=f"{HEADER},qty")
    till.assert_refused(
        spoilt, "line 1 has the column 'qty' twice", "positions 4 and 6", "rename one"
    )


def test_04_permuted_columns() -> None:
    plain = ingest_file(export(*rows(3)))
    cells = [line.split(",") for line in (HEADER, *rows(3))]
    header, *moved = [",".join(line[i] for i in (4, 0, 3, 1, 2)) for line in cells]
    assert ingest_file(export(*moved, header=header)).events.equals(plain.events)


def test_05_extra_column() -> None:
    plain = ingest_file(export(*rows(3)))
    more = ingest_file(export(*(f"{line},x" for line in rows(3)), header=f"{HEADER},till"))
    assert more.events.equals(plain.events)
    assert (plain.summary.ignored_columns, more.summary.ignored_columns) == ((), ("till",))


def test_05_extra_column_is_said(till: Till) -> None:
    till.put(export(*(f"{line},x" for line in rows(3)), header=f"{HEADER},shop"))
    assert "ingest sales: no mapping reads shop" in till.checkout.stages("ingest sales")
