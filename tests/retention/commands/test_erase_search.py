"""A file that holds a customer id is found, whatever the characters of the id."""

import csv
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from retention.commands.erase import search
from retention.core.csv_injection import escape_formula

ODD = (
    'a"b',
    "O'Brien",
    "=1+1",
    "-5",
    "+1",
    "@x",
    "a,b",
    "a\nb",
    "a\\b",
    "Zoë",
    "নাম",
    "😀",
    "'t",
    "00",
)


@pytest.mark.parametrize("form", ["csv", "json", "ascii_json", "parquet"])
@given(customer_id=st.sampled_from(ODD) | st.text(min_size=1, max_size=5))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_an_id_of_any_characters_is_found(customer_id: str, form: str, tmp_path: Path) -> None:
    ids = ["other", customer_id.replace("\r", "")]
    path = tmp_path / form
    if form == "csv":
        with path.open("w", encoding="utf-8", newline="") as handle:
            csv.writer(handle).writerows([[escape_formula(each), "x"] for each in ids])
    elif form == "parquet":
        pq.write_table(pa.table({"customer_id": ids}), path)
    else:
        text = json.dumps([{"customer_id": each} for each in ids], ensure_ascii=form != "json")
        path.write_text(text, encoding="utf-8")
    assert search.contains(path, ids[1])
    assert not search.contains(path, "nobody's id")


def test_a_damaged_database_is_searched_as_bytes(tmp_path: Path) -> None:
    path = tmp_path / "mlflow.db"
    path.write_bytes(b"SQLite format 3\x00 cut c-1001")
    assert search.contains(path, "c-1001")
    assert not search.contains(path, "c-1002")
