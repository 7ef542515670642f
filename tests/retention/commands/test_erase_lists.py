"""A published list is written again without a customer; the other rows stay the same."""

import copy
import io
import json
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow as pa
import pytest
import yaml

from retention.commands.erase import lists
from retention.core import artefacts
from retention.core.params import Params, parse_params
from retention.core.storage import atomic
from retention.i18n.language import language
from retention.ledgers import runs
from retention.worklist import published, to_csv, write
from retention.worklist.model import Listing, Previous
from tests.support import company, documents

MakeListing = Callable[..., Listing]
ADA, BO, CY = "00001", "00002", "00003"
LANGUAGES = pytest.mark.parametrize("code", ["en", "ur", "bn"])


@pytest.fixture
def params(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Params:
    monkeypatch.chdir(tmp_path)
    return parse_params(yaml.safe_dump(copy.deepcopy(company.PARAMS)))


@pytest.fixture
def listing(make_listing: MakeListing) -> Listing:
    """Ada, Bo and Cy of two owners, and Di, who dropped off."""
    rows = [
        {
            "name": "Ada Quibbleworth",
            "value_at_stake": 900.0,
            "owner": "Una",
            "phone": "+99 8877 1",
            "themes": "visits",
        },
        {"name": "Bo", "owner": "Una", "lane": "fix_first", "churn_probability": 0.123456},
        {"name": "Cy", "owner": "Wim", "reason_2": "only Cy's", "last_said": "no more of this"},
    ]
    gone = [{"customer_id": "00004", "name": "Di", "owner": "Wim", "lane": "", "why": "left"}]
    without_previous = make_listing(rows, events=5)
    before = Previous("2026-11-15-0123456789ab", without_previous.as_of.replace(day=15), 0.5)
    return replace(
        without_previous,
        previous=before,
        dropped=pa.Table.from_pylist(gone, schema=artefacts.DROPPED.schema),
        notes=("Note.",),
    )


def publish(listing: Listing, folder: str = "lists") -> Path:
    source = Path("data/at_risk")
    write.write_list(listing, source)
    return published.publish_list(source, Path(folder), allow_older=True, say=lambda text: None)


def bytes_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def page_data(page: bytes) -> dict[str, Any]:
    match = re.search(rb'id="known">(.*?)</script>', page, re.DOTALL)
    assert match
    data: dict[str, Any] = json.loads(match[1])
    return data


def row_of(page: bytes, customer_id: str) -> bytes:
    """What the page shows of one customer, closed."""
    rows = re.findall(rb'<tr role="row">\n<td role="cell".*?</tr>', page, re.DOTALL)
    (row,) = [html for html in rows if f"<bdi>{customer_id}</bdi>".encode() in html]
    return bytes(row)


def details_of(page: bytes, row_index: int) -> dict[str, Any]:
    """What opens beneath a customer's row: places of texts as their texts."""
    data = page_data(page)
    texts = data["texts"]
    named = {"otherwise", "owner", "play", "said", "gain", "expected", "silent", "bought"}
    details = {name: column[row_index] for name, column in data["rows"].items()}
    for name in named & set(details):
        details[name] = None if details[name] is None else texts[details[name]]
    for name, text_positions in (("timeline", (0, 1)), ("history", (0, 1))):
        flat = details[name]
        details[name] = [
            texts[position] if i % 3 in text_positions else position
            for i, position in enumerate(flat)
        ]
    details["kinds"] = [texts[position] for position in details["kinds"]]
    return details


def cells(book: bytes) -> list[list[Any]]:
    sheet = openpyxl.load_workbook(io.BytesIO(book)).worksheets[0]
    return [[cell.value for cell in line] for line in sheet.iter_rows()]


@LANGUAGES
def test_a_published_list_read_back_is_written_as_it_was(
    params: Params, listing: Listing, code: str
) -> None:
    folder = publish(replace(listing, language=language(code), plays=_plays(params, listing)))
    again = write.list_files(lists.read_listing(folder, params))
    assert again.keys() == bytes_of(folder).keys() - {"manifest.json"}
    for name, (content, _) in again.items():
        if name.endswith(".xlsx"):
            assert _rounded(cells(content)) == _rounded(cells((folder / name).read_bytes()))
        else:
            assert content == (folder / name).read_bytes(), name


def _plays(params: Params, listing: Listing) -> dict[str, str]:
    """Those of params.yaml, then those that rows name: what is known of an old list's."""
    return {play.name: play.action for play in params.policy.playbook} | {
        "call_back": "Call and listen"
    }


def _rounded(rows: list[list[Any]]) -> list[list[Any]]:
    """The CSV, from which the workbook is made again, has four digits of a chance."""
    return [
        [round(value, 4) if isinstance(value, float) else value for value in row] for row in rows
    ]


@LANGUAGES
def test_the_customer_is_nowhere_in_the_list_and_the_others_are_as_before(
    params: Params, listing: Listing, code: str
) -> None:
    old = publish(replace(listing, language=language(code)))
    before = bytes_of(old)
    assert lists.erase_from_lists(params, ADA, lambda text: None) == 1
    (fresh,) = published.published_lists(Path("lists"))
    after = bytes_of(fresh)
    for name, content in after.items():
        held = b" ".join(company.texts(fresh / name))
        assert ADA.encode() not in held, name
        assert b"quibbleworth" not in held, name
        assert len(content) > 0
    for who in (BO, CY):
        assert row_of(after["at_risk.html"], who) == row_of(before["at_risk.html"], who)
    for row_index in (1, 2):
        assert details_of(after["at_risk.html"], row_index - 1) == details_of(
            before["at_risk.html"], row_index
        )
    csv_before, csv_after = (
        files["at_risk.csv"].splitlines(keepends=True) for files in (before, after)
    )
    assert csv_after == [csv_before[0], *csv_before[2:]]
    assert after["dropped.csv"] == before["dropped.csv"]
    assert _rounded(cells(after["at_risk.xlsx"]))[1:] == _rounded(cells(before["at_risk.xlsx"]))[2:]
    untouched = {name for name in before if "wim" in name and name.endswith(".xlsx")}
    assert len(untouched) == 1


def test_the_list_is_manifested_anew_with_a_tombstone(params: Params, listing: Listing) -> None:
    old = publish(listing)
    before = atomic.read_json(old / "manifest.json")
    lists.erase_from_lists(params, ADA, lambda text: None)
    (fresh,) = published.published_lists(Path("lists"))
    now = atomic.read_json(fresh / "manifest.json")
    assert published.current(Path("lists")) == fresh
    assert published.verify(Path("lists")) == []
    assert (now["supersedes"], now["erased"]) == (old.name, 1)
    assert (now["counts"]["listed"], now["rows"]) == (2, 2)
    assert now["lanes"]["contact"]["chosen"] == before["lanes"]["contact"]["chosen"] - 1
    changed = {"counts", "erased", "files", "gain", "lanes", "rows", "supersedes", "value_at_stake"}
    assert {name: value for name, value in now.items() if name not in changed} == {
        name: value for name, value in before.items() if name not in changed
    }


def test_every_list_that_has_the_customer_is_made_again_and_no_other(
    params: Params, listing: Listing, make_listing: MakeListing
) -> None:
    other = publish(make_listing([{"customer_id": "x"}], as_of=listing.as_of.replace(day=1)))
    publish(replace(listing, as_of=listing.as_of.replace(day=8)))
    publish(listing)
    unchanged = bytes_of(other)
    assert lists.erase_from_lists(params, ADA, lambda text: None) == 2
    assert len(published.published_lists(Path("lists"))) == 3
    assert bytes_of(other) == unchanged
    assert not lists.lists_with(Path("lists"), ADA)


def test_who_dropped_off_the_list_goes_too(params: Params, listing: Listing) -> None:
    old = publish(listing)
    assert b"Di" in (old / "at_risk.html").read_bytes()
    assert lists.erase_from_lists(params, "00004", lambda text: None) == 1
    (fresh,) = published.published_lists(Path("lists"))
    assert "Di" not in (fresh / "dropped.csv").read_text()
    assert not re.search(rb"\bDi\b", (fresh / "at_risk.html").read_bytes())
    assert (fresh / "at_risk.csv").read_bytes() == (old_csv := (fresh / "at_risk.csv").read_bytes())
    assert len(old_csv.splitlines()) == 4


def test_lists_published_elsewhere_are_made_again_too(params: Params, listing: Listing) -> None:
    for folder in ("lists", "shared", "gone"):
        target = publish(listing, folder)
        run = documents.published_run(folders=[str(target.parent.resolve())])
        atomic.write_json(runs.FOLDER / f"{folder}.json", run.as_json())
    shutil.rmtree("gone")
    assert lists.other_folders(params) == [Path("gone").resolve(), Path("shared").resolve()]
    assert lists.erase_from_lists(params, ADA, lambda text: None) == 2
    for folder in ("lists", "shared"):
        assert not lists.lists_with(Path(folder), ADA)
        assert published.verify(Path(folder)) == []


def test_the_last_customer_leaves_an_empty_list(params: Params, make_listing: MakeListing) -> None:
    publish(make_listing([{}]))
    lists.erase_from_lists(params, ADA, lambda text: None)
    (fresh,) = published.published_lists(Path("lists"))
    assert to_csv.read(fresh / "at_risk.csv").num_rows == 0


def test_two_erasures_of_a_list_are_counted(params: Params, listing: Listing) -> None:
    publish(listing)
    for who in (ADA, BO):
        lists.erase_from_lists(params, who, lambda text: None)
    (fresh,) = published.published_lists(Path("lists"))
    assert atomic.read_json(fresh / "manifest.json")["erased"] == 2
    assert not Path("data/erasing").exists()


def test_a_page_of_another_kind_costs_details_and_never_the_erasure(
    params: Params, listing: Listing
) -> None:
    folder = publish(listing)
    page = folder / "at_risk.html"
    page.chmod(0o644)
    page.write_bytes(page.read_bytes().replace(b'id="known">{', b'id="known">[1,{'))
    read_back = lists.read_listing(folder, params)
    assert (read_back.rows.num_rows, read_back.timeline.num_rows, read_back.history.num_rows) == (
        3,
        0,
        0,
    )
