"""A published list is made again without a customer; of everybody else it says the same."""

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

from retention.commands.erase import lists, published
from retention.core import artefacts
from retention.core.params import Params, parse_params
from retention.core.storage import atomic
from retention.i18n.language import language
from retention.ledgers import runs
from retention.worklist import published as publish
from retention.worklist import to_csv, write
from retention.worklist.model import Listing, Previous
from tests.support import company

MakeListing = Callable[..., Listing]
ADA, BO, CY = "00001", "00002", "00003"
LANGUAGES = pytest.mark.parametrize("code", ["en", "ur", "bn"])


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Params:
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
    made = make_listing(rows, events=5)
    before = Previous("2026-11-15-0123456789ab", made.as_of.replace(day=15), 0.5)
    return replace(
        made,
        previous=before,
        dropped=pa.Table.from_pylist(gone, schema=artefacts.DROPPED.schema),
        notes=("Note.",),
    )


def put(listing: Listing, folder: str = "lists") -> Path:
    source = Path("data/at_risk")
    write.write_list(listing, source)
    return publish.publish_list(source, Path(folder), allow_older=True, say=lambda text: None)


def bytes_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def known(page: bytes) -> dict[str, Any]:
    found = re.search(rb'id="known">(.*?)</script>', page, re.DOTALL)
    assert found
    told: dict[str, Any] = json.loads(found[1])
    return told


def row_of(page: bytes, customer_id: str) -> bytes:
    """What the page shows of one customer, closed."""
    rows = re.findall(rb'<tr role="row">\n<td role="cell".*?</tr>', page, re.DOTALL)
    (mine,) = [one for one in rows if f"<bdi>{customer_id}</bdi>".encode() in one]
    return bytes(mine)


def opened(page: bytes, at: int) -> dict[str, Any]:
    """What opens beneath a customer's row: places of texts as their texts."""
    told = known(page)
    texts = told["texts"]
    named = {"action", "wording", "avoid", "otherwise", "owner", "play", "said", "budget", "bought"}
    every = {name: column[at] for name, column in told["rows"].items()}
    for name in named & set(every):
        every[name] = None if every[name] is None else texts[every[name]]
    every["reasons"] = [texts[one] for one in every["reasons"]]
    for name, of in (("timeline", (0, 1)), ("history", (0, 1))):
        flat = every[name]
        every[name] = [texts[one] if i % 3 in of else one for i, one in enumerate(flat)]
    every["kinds"] = [texts[one] for one in every["kinds"]]
    return every


def cells(book: bytes) -> list[list[Any]]:
    sheet = openpyxl.load_workbook(io.BytesIO(book)).worksheets[0]
    return [[cell.value for cell in line] for line in sheet.iter_rows()]


@LANGUAGES
def test_a_published_list_read_back_is_written_as_it_was(
    config: Params, listing: Listing, code: str
) -> None:
    folder = put(replace(listing, language=language(code), plays=_plays(config, listing)))
    again = write.list_files(published.read(folder, config))
    assert again.keys() == bytes_of(folder).keys() - {"manifest.json"}
    for name, (told, _) in again.items():
        if name.endswith(".xlsx"):
            assert _rounded(cells(told)) == _rounded(cells((folder / name).read_bytes()))
        else:
            assert told == (folder / name).read_bytes(), name


def _plays(config: Params, listing: Listing) -> dict[str, str]:
    """Those of params.yaml, then those that rows name: what is known of an old list's."""
    return {one.name: one.action for one in config.policy.playbook} | {
        "call_back": "Call and listen"
    }


def _rounded(rows: list[list[Any]]) -> list[list[Any]]:
    """The CSV, from which the workbook is made again, has four digits of a chance."""
    return [[round(one, 4) if isinstance(one, float) else one for one in row] for row in rows]


@LANGUAGES
def test_the_customer_is_nowhere_in_the_list_and_the_others_are_as_before(
    config: Params, listing: Listing, code: str
) -> None:
    old = put(replace(listing, language=language(code)))
    before = bytes_of(old)
    assert lists.erase(config, ADA, lambda text: None) == 1
    (fresh,) = publish.published_lists(Path("lists"))
    after = bytes_of(fresh)
    for name, content in after.items():
        held = b" ".join(company.texts(fresh / name))
        assert ADA.encode() not in held, name
        assert b"quibbleworth" not in held, name
        assert len(content) > 0
    for who in (BO, CY):
        assert row_of(after["at_risk.html"], who) == row_of(before["at_risk.html"], who)
    for at in (1, 2):
        assert opened(after["at_risk.html"], at - 1) == opened(before["at_risk.html"], at)
    csv_before, csv_after = (
        one["at_risk.csv"].splitlines(keepends=True) for one in (before, after)
    )
    assert csv_after == [csv_before[0], *csv_before[2:]]
    assert after["dropped.csv"] == before["dropped.csv"]
    assert _rounded(cells(after["at_risk.xlsx"]))[1:] == _rounded(cells(before["at_risk.xlsx"]))[2:]
    untouched = {name for name in before if "wim" in name and name.endswith(".xlsx")}
    assert len(untouched) == 1


def test_the_list_is_manifested_anew_with_a_tombstone(config: Params, listing: Listing) -> None:
    old = put(listing)
    said = atomic.read_json(old / "manifest.json")
    lists.erase(config, ADA, lambda text: None)
    (fresh,) = publish.published_lists(Path("lists"))
    now = atomic.read_json(fresh / "manifest.json")
    assert publish.current(Path("lists")) == fresh
    assert publish.verify(Path("lists")) == []
    assert (now["supersedes"], now["erased"]) == (old.name, 1)
    assert (now["counts"]["listed"], now["rows"]) == (2, 2)
    assert now["lanes"]["contact"]["chosen"] == said["lanes"]["contact"]["chosen"] - 1
    changed = {"counts", "erased", "files", "gain", "lanes", "rows", "supersedes", "value_at_stake"}
    assert {name: one for name, one in now.items() if name not in changed} == {
        name: one for name, one in said.items() if name not in changed
    }


def test_every_list_that_has_the_customer_is_made_again_and_no_other(
    config: Params, listing: Listing, make_listing: MakeListing
) -> None:
    other = put(make_listing([{"customer_id": "x"}], as_of=listing.as_of.replace(day=1)))
    put(replace(listing, as_of=listing.as_of.replace(day=8)))
    put(listing)
    kept = bytes_of(other)
    assert lists.erase(config, ADA, lambda text: None) == 2
    assert len(publish.published_lists(Path("lists"))) == 3
    assert bytes_of(other) == kept
    assert not lists.naming(Path("lists"), ADA)


def test_who_dropped_off_the_list_goes_too(config: Params, listing: Listing) -> None:
    old = put(listing)
    assert b"Di" in (old / "at_risk.html").read_bytes()
    assert lists.erase(config, "00004", lambda text: None) == 1
    (fresh,) = publish.published_lists(Path("lists"))
    assert "Di" not in (fresh / "dropped.csv").read_text()
    assert not re.search(rb"\bDi\b", (fresh / "at_risk.html").read_bytes())
    assert (fresh / "at_risk.csv").read_bytes() == (old_csv := (fresh / "at_risk.csv").read_bytes())
    assert len(old_csv.splitlines()) == 4


def test_lists_published_elsewhere_are_made_again_too(config: Params, listing: Listing) -> None:
    for folder in ("lists", "shared", "gone"):
        target = put(listing, folder)
        told = dict.fromkeys(runs.REQUIRED_KEYS) | {"folders": [str(target.parent.resolve())]}
        atomic.write_json(runs.FOLDER / f"{folder}.json", told)
    shutil.rmtree("gone")
    assert lists.elsewhere(config) == [Path("gone").resolve(), Path("shared").resolve()]
    assert lists.erase(config, ADA, lambda text: None) == 2
    for folder in ("lists", "shared"):
        assert not lists.naming(Path(folder), ADA)
        assert publish.verify(Path(folder)) == []


def test_the_last_customer_leaves_an_empty_list(config: Params, make_listing: MakeListing) -> None:
    put(make_listing([{}]))
    lists.erase(config, ADA, lambda text: None)
    (fresh,) = publish.published_lists(Path("lists"))
    assert to_csv.read(fresh / "at_risk.csv").num_rows == 0


def test_two_erasures_of_a_list_are_counted(config: Params, listing: Listing) -> None:
    put(listing)
    for who in (ADA, BO):
        lists.erase(config, who, lambda text: None)
    (fresh,) = publish.published_lists(Path("lists"))
    assert atomic.read_json(fresh / "manifest.json")["erased"] == 2
    assert not Path("data/erasing").exists()


def test_a_page_of_another_kind_costs_details_and_never_the_erasure(
    config: Params, listing: Listing
) -> None:
    folder = put(listing)
    page = folder / "at_risk.html"
    page.chmod(0o644)
    page.write_bytes(page.read_bytes().replace(b'id="known">{', b'id="known">[1,{'))
    told = published.read(folder, config)
    assert (told.rows.num_rows, told.timeline.num_rows, told.history.num_rows) == (3, 0, 0)
