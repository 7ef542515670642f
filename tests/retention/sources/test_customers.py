"""The customers' file: what it is refused for, and contact data from the newest version."""

from pathlib import Path

import pytest

from retention.core.errors import BadInput, BadParams
from retention.core.params import Params
from retention.sources.customers import CONTACTS, read_contacts, validated_rows
from tests.support.customer_files import OPTIONS, TEXT, make_params


def validate(params: Params) -> None:
    assert params.customers is not None
    with validated_rows(params, params.customers):
        pass


def test_contacts_come_from_the_raw_file(tmp_path: Path) -> None:
    table = read_contacts(make_params(tmp_path, TEXT, **OPTIONS))
    assert table.schema == CONTACTS
    assert table["name"].to_pylist() == ["Ann Canary", "Ben"]
    assert table["do_not_contact"].to_pylist() == [False, True]
    assert read_contacts(make_params(tmp_path, None)).num_rows == 0


def test_contacts_are_of_the_newest_version(tmp_path: Path) -> None:
    options = {
        "columns": {"customer_id": "id", "owner": "r", "known_at": "k"},
        "types": {"k": "date"},
        "format": {"date": "%Y-%m-%d"},
    }
    text = "id,r,k\n1,new,1970-01-03\n1,old,1970-01-02\n"
    assert read_contacts(make_params(tmp_path, text, **options))["owner"].to_pylist() == ["new"]


def test_of_versions_of_one_day_the_last_counts_and_every_objection(tmp_path: Path) -> None:
    options = {
        "columns": {"customer_id": "id", "owner": "r", "known_at": "k", "do_not_contact": "no"},
        "types": {"k": "date"},
        "format": {"date": "%Y-%m-%d"},
    }
    rows = "1,old,1970-01-03,no\n1,new,1970-01-03,yes\n2,old,1970-01-03,yes\n2,new,1970-01-03,no\n"
    withdrawn = "3,old,1970-01-03,yes\n3,new,1970-01-04,no\n"
    table = read_contacts(make_params(tmp_path, f"id,r,k,no\n{rows}{withdrawn}", **options))
    assert table["owner"].to_pylist() == ["new", "new", "new"]
    assert table["do_not_contact"].to_pylist() == [True, True, False]


def test_a_customer_twice_is_refused_with_both_lines(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"line 2, column 'id', .* again in .*, line 4"):
        validate(make_params(tmp_path, "id\n1\n2\n1\n"))


def test_an_unreadable_objection_is_never_dropped(tmp_path: Path) -> None:
    body = "".join(f"{number},\n" for number in range(1000))
    columns = {"customer_id": "id", "do_not_contact": "no"}
    with pytest.raises(BadInput, match=r"line 1002, column 'no'.*not_boolean.*objection"):
        validate(make_params(tmp_path, f"id,no\n{body}x,perhaps\n", columns=columns))


def test_many_bad_rows_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"line 2, column 'id'.*blank_id"):
        validate(make_params(tmp_path, "id,x\n  ,1\n2,\n"))


def test_a_missing_column_and_a_missing_type_are_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"no column 'ident' \(nearest: id"):
        validate(make_params(tmp_path, "id\n1\n", columns={"customer_id": "ident"}))
    columns = {"customer_id": "id", "joined_at": "since"}
    with pytest.raises(BadParams, match="since needs the type timestamp or date"):
        validate(make_params(tmp_path, "id,since\n1,2020\n", columns=columns))
