"""What the first line of a file may do to it: cases 1 to 5."""

from tests.faults.exports import HEADER, Till, export, ingested, mapped, row, rows


def test_01_missing_column(till: Till) -> None:
    spoilt = export("R1,c1,2026-01-05 12:00:00,2", header="receipt,cust,sold_at,qty")
    line = till.refuses(spoilt, "data/raw/sales.csv", "line 1", "no column 'price'")
    assert "sources.sales.events[0].amount" in line
    assert "line 1 has receipt, cust, sold_at, qty; write the file's name for it there" in line


def test_01_missing_column_names_the_nearest(till: Till) -> None:
    spoilt = export(row(), header="receipt,cust,sold_on,qty,price")
    till.refuses(spoilt, "no column 'sold_at' (nearest: sold_on)", "events[0].occurred_at names")


def test_02_renamed_column(till: Till) -> None:
    spoilt = export(row(), header=HEADER.replace("price", "unit_price"))
    till.refuses(spoilt, "no column 'price' (nearest: unit_price", "write amount: qty * unit_price")


def test_02_renamed_column_of_the_key_or_with_an_odd_name(till: Till) -> None:
    keyed = export(row(), header=HEADER.replace("receipt", "receipt_no"))
    till.refuses(
        keyed, "sources.sales.key", "write key: [receipt_no, cust]", key=["receipt", "cust"]
    )
    odd = export(row(), header=HEADER.replace("price", "price (GBP)"))
    till.refuses(odd, 'write amount: qty * "price (GBP)"')


def test_02_renamed_column_works_once_the_mapping_is_as_suggested() -> None:
    renamed = export(row(), header=HEADER.replace("price", "unit_price"))
    types = {"qty": "double", "unit_price": "decimal", "sold_at": "timestamp"}
    done = ingested(renamed, types=types, **mapped(amount="qty * unit_price"))
    assert done.events.equals(ingested(export(row())).events)


def test_03_duplicate_header(till: Till) -> None:
    spoilt = export(f"{row()},9", header=f"{HEADER},qty")
    till.refuses(spoilt, "line 1 has the column 'qty' twice", "positions 4 and 6", "rename one")


def test_04_permuted_columns() -> None:
    plain = ingested(export(*rows(3)))
    cells = [line.split(",") for line in (HEADER, *rows(3))]
    header, *moved = [",".join(line[at] for at in (4, 0, 3, 1, 2)) for line in cells]
    assert ingested(export(*moved, header=header)).events.equals(plain.events)


def test_05_extra_column() -> None:
    plain = ingested(export(*rows(3)))
    more = ingested(export(*(f"{line},x" for line in rows(3)), header=f"{HEADER},till"))
    assert more.events.equals(plain.events)
    assert (plain.summary["ignored_columns"], more.summary["ignored_columns"]) == ([], ["till"])


def test_05_extra_column_is_said(till: Till) -> None:
    till.given(export(*(f"{line},x" for line in rows(3)), header=f"{HEADER},shop"))
    assert "ingest sales: no mapping reads shop" in till.checkout.stages("ingest sales")
