"""A customer's raw rows are found by the source's mapping; the rest of a file is unchanged."""

import copy
import gzip
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from retention.commands.erase import raw
from retention.core.errors import BadInput
from retention.core.params import Params, parse_params
from tests.support import company

HEAD = b"receipt,line,cust,sku,qty,price,sold_at\n"


def row(number: int, who: str, sku: str = "S1") -> bytes:
    return f"R{number},1,{who},{sku},1,2.50,2025-01-0{number} 10:00:00\n".encode()


SALES = HEAD + row(1, "7") + row(2, "8") + row(3, "7") + row(4, "07") + row(5, "8")
REST = HEAD + row(2, "8") + row(4, "07") + row(5, "8")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "data/raw").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def params_of(path: str = "data/raw/sales.csv", **changes: Any) -> Params:
    params = copy.deepcopy(company.PARAMS)
    params["sources"] = {"sales": params["sources"]["sales"] | {"path": path} | changes}
    del params["customers"]
    return parse_params(yaml.safe_dump(params))


def cut(params: Params, who: str = "7") -> int:
    customer_rows = raw.customer_rows(params, who)
    for part in customer_rows:
        raw.cut_rows(part)
    assert not any(len(rows.rows) for rows in raw.customer_rows(params, who))
    return sum(len(part.rows) for part in customer_rows)


def test_only_the_lines_of_the_customer_go(home: Path) -> None:
    Path("data/raw/sales.csv").write_bytes(SALES)
    assert cut(params_of()) == 2
    assert Path("data/raw/sales.csv").read_bytes() == REST


def test_nothing_is_written_for_a_customer_who_is_not_there(home: Path) -> None:
    Path("data/raw/sales.csv").write_bytes(SALES)
    assert raw.customer_rows(params_of(), "9") == []


def test_a_row_goes_with_all_its_lines_and_no_blank_line_or_quote_is_touched(home: Path) -> None:
    own = b'R6,1,7,"two\nlines, 7",1,2.50,2025-01-06 10:00:00\n'
    other = b'R7,1,"8","said ""7""\n7",1,"2.50",2025-01-07 10:00:00\n'
    Path("data/raw/sales.csv").write_bytes(HEAD + own + b"\n" + other + row(1, "7"))
    assert cut(params_of()) == 2
    assert Path("data/raw/sales.csv").read_bytes() == HEAD + b"\n" + other


@pytest.mark.parametrize(
    ("before", "after", "changes"),
    [
        (lambda text: b"\xef\xbb\xbf" + text, None, {}),
        (lambda text: text.replace(b"\n", b"\r\n"), None, {}),
        (lambda text: text.replace(b"S1", b"\xe9"), None, {"encoding": "latin-1"}),
        (lambda text: text.replace(b",", b";"), None, {"delimiter": ";"}),
    ],
    ids=["byte order mark", "CRLF", "latin-1", "semicolons"],
)
def test_a_file_keeps_its_form(home: Path, before: Any, after: None, changes: Any) -> None:
    Path("data/raw/sales.csv").write_bytes(before(SALES))
    assert cut(params_of(**changes)) == 2
    assert Path("data/raw/sales.csv").read_bytes() == before(REST)


def test_an_archive_stays_one(home: Path) -> None:
    Path("data/raw/sales.csv.gz").write_bytes(gzip.compress(SALES))
    assert cut(params_of("data/raw/sales.csv.gz")) == 2
    assert gzip.decompress(Path("data/raw/sales.csv.gz").read_bytes()) == REST


def test_parquet_keeps_its_schema_and_its_other_rows(home: Path) -> None:
    columns = {
        "receipt": ["R1", "R2", "R3"],
        "line": [1, 1, 1],
        "cust": ["7", "8", "7"],
        "sku": ["a", "b", "c"],
        "qty": [1, 2, 3],
        "price": [1.0, 2.0, 3.0],
        "sold_at": pa.array([0, 1, 2], pa.timestamp("us")),
    }
    table = pa.table(columns).replace_schema_metadata({"made": "by the till"})
    pq.write_table(table, "data/raw/sales.parquet", row_group_size=2, compression="gzip")
    assert cut(params_of("data/raw/sales.parquet")) == 2
    left = pq.read_table("data/raw/sales.parquet")
    assert left.equals(table.slice(1, 1), check_metadata=True)


def test_every_file_of_a_folder_is_looked_into(home: Path) -> None:
    for name in ("a.csv", "b.csv"):
        Path("data/raw", name).write_bytes(SALES)
    assert cut(params_of("data/raw")) == 4


def test_the_customer_is_whom_the_mapping_says(home: Path) -> None:
    Path("data/raw/sales.csv").write_bytes(SALES)
    event = company.PARAMS["sources"]["sales"]["events"][0]
    mapped = [event | {"customer_id": "lpad(cust, 3, '0')"}]
    assert cut(params_of(events=mapped), "007") == 3


def test_a_row_that_no_event_is_made_of_goes_too(home: Path) -> None:
    unmapped = row(1, "7").replace(b",1,2.50", b",0,2.50")
    rejected = row(2, "7").replace(b"2.50", b"free")
    Path("data/raw/sales.csv").write_bytes(HEAD + unmapped + rejected + row(3, "8"))
    assert cut(params_of()) == 2


def test_a_line_that_is_no_row_is_left_and_named(home: Path) -> None:
    ragged = b"R2,1,7,S1\n"
    Path("data/raw/sales.csv").write_bytes(HEAD + row(1, "8") + ragged + row(3, "8"))
    (part,) = raw.customer_rows(params_of(), "7")
    assert (len(part.rows), part.unread) == (0, (3,))


def test_the_mode_of_a_file_stays(home: Path) -> None:
    path = Path("data/raw/sales.csv")
    path.write_bytes(SALES)
    path.chmod(0o640)
    cut(params_of())
    assert path.stat().st_mode & 0o777 == 0o640


def test_a_file_that_cannot_be_read_is_refused_before_anything_goes(home: Path) -> None:
    Path("data/raw/sales.csv").write_bytes(SALES[:-3])
    with pytest.raises(BadInput, match="no newline at the end"):
        raw.customer_rows(params_of(), "7")


def test_files_elsewhere_and_examples_are_others(home: Path, tmp_path: Path) -> None:
    outside = tmp_path.parent / "elsewhere.csv"
    Path("data/raw/link.csv").symlink_to(outside)
    assert raw.is_own_file(Path("data/raw/a.csv"), home)
    for other in ("data/raw/link.csv", "data/example/grocer/a.csv", str(outside)):
        assert not raw.is_own_file(Path(other), home), other


def test_a_file_that_nothing_names_is_told(home: Path) -> None:
    for name in ("sales.csv", "old.csv", ".gitkeep"):
        Path("data/raw", name).write_bytes(SALES)
    assert raw.unnamed_files(params_of()) == [Path("data/raw/old.csv")]
