"""Who is who: cases 19 to 24."""

from pathlib import Path
from typing import Any

import pytest

from pipeline import events
from retention.core.storage import atomic
from tests.faults.exports import CHECKED, SALES, Till, export, ingest_file, reject_rules, row


def customers_of(*ids: str) -> list[str]:
    """The customers of sales to these ids."""
    done = ingest_file(
        export(*(row(receipt=f"R{i}", cust=customer) for i, customer in enumerate(ids)))
    )
    assert not done.summary.rejected
    return list(done.events["customer_id"].to_pylist())


def test_19_leading_zero() -> None:
    ids = ["00123", "123", "0123", "123.0", "+123", "1e2"]
    assert customers_of(*ids) == ids


def test_20_na_as_id() -> None:
    ids = ["NA", "null", "NULL", "None", "nan", "N/A", "-", "inf", "true"]
    assert customers_of(*ids) == ids


def test_21_long_id() -> None:
    ids = ["1234567890123456789", "1234567890123456788", "9" * 19, "9" * 40]
    assert customers_of(*ids) == ids


@pytest.mark.parametrize("blank", ["", " ", '""', '"  "', "\u00a0", "\u3000"])
def test_22_blank_id(blank: str) -> None:
    done = ingest_file(export(row(), row(receipt="R2", cust=blank)))
    assert reject_rules(done) == [(3, "cust", "blank_id")]


def test_22_blank_id_too_often(till: Till) -> None:
    till.assert_refused(export(row(cust="")), "line 2", "column 'cust'", "blank_id", "where:")


VARIANTS = ["Zoë", "zoe\u0308", " ZOË", "zoë ", "ＺＯë"]


def test_23_id_variants(tmp_path: Path) -> None:
    lines = [row(receipt=f"R{i}", cust=customer) for i, customer in enumerate([*VARIANTS, "Zo"])]
    atomic.write_table(tmp_path / "events.parquet", ingest_file(export(*lines)).events)
    table, summary = events.events([tmp_path / "events.parquet"], "1GB")
    assert set(table["customer_id"].to_pylist()) == {*VARIANTS, "Zo"}
    assert summary.id_collisions.groups == 1
    assert len(summary.id_collisions.examples[0]) == len(VARIANTS)


def test_23_id_variants_are_told_masked(till: Till) -> None:
    till.put(export(row(cust="canary"), row(receipt="R2", cust="CANARY")))
    log = till.checkout.stages("ingest sales", "events")
    assert "1 groups of customer ids differ only in how they are written" in log
    assert "canary" not in log.lower()


def put_customers(till: Till, text: str, **more: Any) -> None:
    till.put(export(row()))
    (till.checkout / "data/raw/customers.csv").write_text(text, encoding="utf-8")
    source = SALES | {"path": "data/raw/sales.csv"}
    file = {"path": "data/raw/customers.csv", "columns": {"customer_id": "id"} | more}
    till.checkout.set_params(CHECKED | {"sources": {"sales": source}, "customers": file})


def test_24_dup_key(till: Till) -> None:
    put_customers(till, "id,name\nc1,Ann\nc2,Ben\nc3,Cy\nc1,Di\n", name="name")
    line = till.assert_stage_refused(
        "pipeline.customers",
        "",
        "data/raw/customers.csv: line 2, column 'id'",
        "'c1' stands again in data/raw/customers.csv, line 5",
        "keep one row a customer, or map known_at",
    )
    assert "Ann" not in line


def test_24_dup_key_of_a_sale_with_another_content(till: Till, tmp_path: Path) -> None:
    """Two rows of one key known at one time: one is kept, and it is said that they clash."""
    twice = (row(price="1"), row(price="2"))
    till.assert_refused(export(*twice, row(receipt="R2")), "lines 2 and 3", "key (receipt)")
    till.put(export(*twice, *(row(receipt=f"R{i}") for i in range(2, 300))))
    log = till.checkout.stages("ingest sales", "events")
    assert "lines 2 and 3 have one key (receipt) and different content" in log
    assert "1 events stand with two contents known at the same time" in log
    assert "map known_at, or a finer key" in log
