"""Reading raw text: nothing is lost or changed, and every refusal names the place."""

import csv
import gzip
import io
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retention.core.errors import BadInput
from retention.core.params import RawFile
from retention.sources import reader

Rows = list[tuple[Any, ...]]


def read(path: Path, **options: Any) -> tuple[Rows, Rows]:
    """(line, defect, cells...) of the read rows, and (line, rule) of the others."""
    file = RawFile(path=str(path), **options)
    with TemporaryDirectory() as scratch, reader.connect("1GB") as connection:
        files = reader.open_files(file, Path(scratch))
        wanted = reader.shared_columns(files)
        reader.load(connection, file, files, wanted)
        raw = reader.run(connection, "select * exclude file from raw order by file, line")
        unread = reader.run(connection, "select line, rule from unread order by file, line")
        assert len(raw) + len(unread) == sum(head.rows for head in files)
        return raw, unread


def written(folder: Path, content: bytes, name: str = "raw.csv") -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def test_every_row_is_read_or_named_with_its_physical_line(tmp_path: Path) -> None:
    cases: list[tuple[bytes, Rows, Rows]] = [
        (b"1,2\n3,4\n", [(2, None, "1", "2"), (3, None, "3", "4")], []),
        (
            b"1,2\n3\n4,5,6\n7,8\n",
            [(2, None, "1", "2"), (5, None, "7", "8")],
            [(3, "ragged_row"), (4, "ragged_row")],
        ),
        (
            b'1,"x\ny\nz"\n4\n6,7\n',
            [(2, None, "1", "x\ny\nz"), (6, None, "6", "7")],
            [(5, "ragged_row")],
        ),
        (b"1,2\n\n\n4\n6,7\n", [(2, None, "1", "2"), (6, None, "6", "7")], [(5, "ragged_row")]),
        (b'1,5" disk\n3,4\n', [(2, None, "1", '5" disk'), (3, None, "3", "4")], []),
        (b'"a"b,1\n3,4\n', [(3, None, "3", "4")], [(2, "stray_quote")]),
        (b'1,"say ""hi"", he"\n', [(2, None, "1", 'say "hi", he')], []),
        (
            b'1,2,\n3,"4",""\n"5,",\n',
            [(2, "ragged_row", "1", "2"), (3, "ragged_row", "3", "4"), (4, None, "5,", None)],
            [],
        ),
        (b"1,a\0b\n3,4\n", [(2, "nul_byte", "1", "a\0b"), (3, None, "3", "4")], []),
        (b'1,"a\r\nb"\n3,\n', [(2, None, "1", "a\r\nb"), (4, None, "3", None)], []),
    ]
    for body, rows, unread in cases:
        assert read(written(tmp_path, b"a,b\n" + body)) == (rows, unread), body


def test_a_file_that_cannot_be_trusted_is_refused(tmp_path: Path) -> None:
    cases = [
        (b"", "0 rows"),
        (b"a,b\n", "0 rows"),
        (b"a,b\n1,2\n3,", "no newline at the end"),
        (b"a,b,a\n1,2,3\n", "'a' twice, at positions 1 and 3"),
        (b'a,b\n1,2\n3,"x\n5,6\n', "line 3 opens a quote"),
        (b'a,b\n3,"x\n5,6\n7,"8"\n9,10\n', "line 2 opens a quote"),
        ("a,b\n1,2\n".encode("utf-16"), "UTF-16"),
        ("a,b\n1,2\n".encode("utf-16-le"), "UTF-16"),
        ("a,b\n1,2\n3,café\n".encode("latin-1"), "line 3, byte offset 13 is not UTF-8"),
        (b"a,b\n1,2\r\n3,4\n", "line 2 ends in another way"),
        (b"a,b\n1,x\ry\n3,4\n", "line 2 has a carriage return"),
        (b"\na,b\n1,2\n", "line 1 is blank"),
    ]
    for content, message in cases:
        with pytest.raises(BadInput) as refused:
            read(written(tmp_path, content))
        assert message in str(refused.value), content


def test_a_byte_order_mark_latin1_and_gzip_change_nothing(tmp_path: Path) -> None:
    plain = "a,b\n1,café\n".encode()
    expected = read(written(tmp_path, plain))
    assert read(written(tmp_path, b"\xef\xbb\xbf" + plain, "bom.csv")) == expected
    assert read(written(tmp_path, gzip.compress(plain), "packed.csv.gz")) == expected
    latin = written(tmp_path, "a,b\n1,café\n".encode("latin-1"), "latin.csv")
    assert read(latin, encoding="latin-1") == expected


def test_cut_archives_are_refused(tmp_path: Path) -> None:
    packed = gzip.compress(b"a,b\n" + b"1,2\n" * 5000)
    with pytest.raises(BadInput, match="no whole gzip"):
        read(written(tmp_path, packed[:-10], "cut.csv.gz"))
    pq.write_table(pa.table({"a": ["1"]}), tmp_path / "whole.parquet")
    cut = (tmp_path / "whole.parquet").read_bytes()[:-10]
    with pytest.raises(BadInput, match="no whole Parquet"):
        read(written(tmp_path, cut, "cut.parquet"))


def test_a_huge_cell_is_a_reject(tmp_path: Path) -> None:
    for size in (1_200_000, 10_000_000):
        body = b"a,b\n1,2\n3," + b"x" * size + b"\n5,6\n"
        raw, unread = read(written(tmp_path, body))
        marked = [(line, "huge_cell") for line, defect, *_ in raw if defect] + unread
        assert marked == [(3, "huge_cell")]
        assert [row[0] for row in raw if row[1] is None] == [2, 4]


def test_a_folder_is_read_by_name_whatever_the_order_of_columns(tmp_path: Path) -> None:
    written(tmp_path, b"b,a,c\n4,3,9\n", "2.csv")
    written(tmp_path, b"a,b\n1,2\n", "1.csv")
    pq.write_table(pa.table({"a": ["5"], "b": ["6"]}), tmp_path / "3.parquet")
    written(tmp_path, b"not data", "README")
    raw, unread = read(tmp_path)
    assert ([row[2:] for row in raw], unread) == ([("1", "2"), ("3", "4"), ("5", "6")], [])


def test_a_missing_file_names_the_nearest(tmp_path: Path) -> None:
    written(tmp_path, b"a\n1\n", "sales.csv")
    with pytest.raises(BadInput, match=r"no such file \(nearest: sales.csv\)"):
        read(tmp_path / "sale.csv")


@settings(max_examples=25, deadline=None)
@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0")), min_size=1))
def test_any_quoted_text_comes_back_as_it_went(texts: list[str]) -> None:
    buffer = io.StringIO()
    rows = [(str(i), text) for i, text in enumerate(texts)]
    csv.writer(buffer, quoting=csv.QUOTE_ALL, lineterminator="\n").writerows([("a", "b"), *rows])
    with TemporaryDirectory() as folder:
        raw, unread = read(written(Path(folder), buffer.getvalue().encode()))
    assert not unread
    assert [(a, b or "") for _, _, a, b in raw] == rows


_HOSTILE = st.lists(
    st.sampled_from([b"1", b",", b'"', b'""', b"\n", b"a b", b"\r\n", b"\xc3\xa9", b";", b"\0"]),
    max_size=40,
).map(b"".join)


@settings(max_examples=60, deadline=None)
@given(_HOSTILE)
def test_hostile_text_is_refused_or_fully_accounted_for(body: bytes) -> None:
    with TemporaryDirectory() as folder:
        try:
            raw, unread = read(written(Path(folder), b"a,b\n" + body + b"\n"))
        except BadInput:
            return
    assert len({line for line, *_ in raw} | {line for line, _ in unread}) == len(raw) + len(unread)


@pytest.mark.parametrize(("held", "written_as"), [(";", ";"), ("\t", "\\t"), ("|", "|")])
def test_a_header_in_one_piece_names_the_delimiter_to_write(
    tmp_path: Path, held: str, written_as: str
) -> None:
    path = written(tmp_path, f"a{held}b\n1{held}2\n".encode())
    with pytest.raises(BadInput) as refused:
        read(path)
    assert f'write delimiter: "{written_as}"' in str(refused.value)
    assert read(path, delimiter=held)[0] == [(2, None, "1", "2")]
