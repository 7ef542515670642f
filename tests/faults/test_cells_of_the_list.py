"""Cases 54 and 55: whatever a name is, a list shows it as text, and reads it back as it was."""

import csv
import io
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import openpyxl
import pytest

from retention.worklist import to_csv
from retention.worklist.model import Listing
from retention.worklist.to_html import digest
from retention.worklist.to_html import page as as_html
from retention.worklist.to_xlsx import workbook

MakeListing = Callable[..., Listing]
FORMULAS = ('=HYPERLINK("http://example.org","x")', "+1", "-1+1", "@x", "\t=1", "\r=1", "'=1")
MARKUP = "<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "</script><b>"


@pytest.mark.parametrize("name", FORMULAS)
def test_54_formula_cell_in_the_csv(name: str, make_listing: MakeListing, tmp_path: Path) -> None:
    content = to_csv.content(make_listing([{"name": name, "customer_id": name}]))
    head, row = csv.reader(io.StringIO(content.decode("utf-8"), newline=""))
    cells = dict(zip(head, row, strict=True))
    assert cells["name"] == cells["customer_id"] == f"'{name}"
    path = tmp_path / "at_risk.csv"
    path.write_bytes(content)
    read = to_csv.read(path)
    assert read["name"].to_pylist() == read["customer_id"].to_pylist() == [name]


@pytest.mark.parametrize("name", FORMULAS)
def test_54_formula_cell_in_the_workbook(name: str, make_listing: MakeListing) -> None:
    content = workbook.content(make_listing([{"name": name, "customer_id": name}]))
    sheet = openpyxl.load_workbook(io.BytesIO(content)).worksheets[0]
    kinds = {cell.data_type for line in sheet.iter_rows() for cell in line}
    assert "f" not in kinds
    assert all(cell.hyperlink is None for line in sheet.iter_rows() for cell in line)


class _Tags(HTMLParser):
    """The tags and the texts of a page."""

    def __init__(self, page: bytes) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.text = ""
        self.feed(page.decode("utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.mark.parametrize("name", MARKUP)
@pytest.mark.parametrize(
    "write",
    [as_html.content, lambda listing: digest.content(listing, None)],
    ids=["page", "digest"],
)
def test_55_html_cell(
    name: str, write: Callable[[Listing], bytes], make_listing: MakeListing
) -> None:
    fields = ("name", "reason_1", "action", "last_said")
    plain = _Tags(write(make_listing([dict.fromkeys(fields, "plain")])))
    hostile = _Tags(write(make_listing([dict.fromkeys(fields, name)])))
    assert hostile.tags == plain.tags
    assert name in hostile.text
