"""Files that are not what they should be as a whole: cases 9, 11, 12, 13, 15, 16 and 17."""

import gzip
import io
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.faults.exports import Till, export, ingest_file, row, rows

SOUND = export(*rows(50))


def parquet(**columns: list[str]) -> bytes:
    """A Parquet file of texts."""
    sink = io.BytesIO()
    pq.write_table(pa.table(columns), sink)
    return sink.getvalue()


WHOLE = parquet(
    receipt=["R1"], cust=["c1"], sold_at=["2026-01-05 12:00:00"], qty=["2"], price=["3.50"]
)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("sales.csv", b""),
        ("sales.csv", export()),
        ("sales.csv", b"\xef\xbb\xbf" + export()),
        ("sales.csv.gz", gzip.compress(b"", mtime=0)),
        ("sales.csv.gz", gzip.compress(export(), mtime=0)),
        ("sales.parquet", parquet(receipt=[], cust=[], sold_at=[], qty=[], price=[])),
    ],
)
def test_09_empty_file(till: Till, name: str, content: bytes) -> None:
    till.assert_refused(content, f"data/raw/{name}: 0 rows", "again", name=name)


def test_11_latin1(till: Till) -> None:
    text = export(*rows(2), row(receipt="R3", cust="Zoë"))
    latin = text.decode().encode("latin-1")
    offset = latin.index(b"\xeb")
    till.assert_refused(latin, f"line 4, byte offset {offset}", "set encoding: latin-1")
    assert ingest_file(latin, encoding="latin-1").events.equals(ingest_file(text).events)


def test_12_utf8_bom() -> None:
    assert ingest_file(b"\xef\xbb\xbf" + SOUND).events.equals(ingest_file(SOUND).events)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_13_utf16(till: Till, encoding: str) -> None:
    till.assert_refused(SOUND.decode().encode(encoding), "UTF-16", "export it again as UTF-8")


@pytest.mark.parametrize("after", [0, 40_000])
def test_15_unclosed_quote(till: Till, after: int) -> None:
    lines = [*rows(20), row(receipt='"R21'), *(row(receipt=f"S{i}") for i in range(after))]
    till.assert_refused(
        export(*lines), "line 22 opens a quote that nothing closes", "remove the quote"
    )


@pytest.mark.parametrize("share_kept", [0.2, 0.9, 0.999])
@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("sales.csv.gz", gzip.compress(export(*rows(3000)), mtime=0), "no whole gzip archive"),
        ("sales.parquet", WHOLE, "no whole Parquet file"),
    ],
)
def test_16_truncated_archive(
    till: Till, name: str, content: bytes, message: str, share_kept: float
) -> None:
    cut = content[: int(len(content) * share_kept)]
    till.assert_refused(cut, f"data/raw/{name}", message, "export it again", name=name)


def test_16_truncated_archive_beside_sound_files(till: Till, tmp_path: Path) -> None:
    till.put(SOUND, name="a.csv", path="data/raw")
    packed = gzip.compress(SOUND, mtime=0)
    (till.checkout / "data/raw/z.csv.gz").write_bytes(packed[: len(packed) // 2])
    till.assert_stage_refused(
        "pipeline.ingest", "sales", "data/raw/z.csv.gz: no whole gzip archive"
    )


def test_17_cut_value(till: Till) -> None:
    till.assert_refused(SOUND[:-3], "no newline at the end", "may be cut", "export it again")


def test_17_cut_value_at_the_end_of_a_line(till: Till) -> None:
    cut = SOUND[: SOUND.index(b"R40")]
    assert ingest_file(cut).summary.read == 39
    till.assert_refused(cut, "39 rows, fewer than the 50 of rows_at_least", rows_at_least=50)
    assert ingest_file(SOUND, rows_at_least=50).summary.read == 50


def test_17_cut_value_in_the_middle_of_a_packed_file(till: Till) -> None:
    cut = gzip.compress(SOUND[:-3], mtime=0)
    till.assert_refused(cut, "no newline at the end", name="sales.csv.gz")
