"""Customers beside their events: versions, objections, and no contact data at rest."""

from pathlib import Path
from typing import Any

import pytest

from retention.core import artefacts
from retention.core.errors import BadInput, BadParams
from retention.core.params import Params
from retention.sources import customers


def make_params(folder: Path, text: str | None, **options: Any) -> Params:
    path = folder / "customers.csv"
    path.write_text(text or "")
    event = {"kind": "purchase", "customer_id": "c", "occurred_at": "t"}
    file = {"path": str(path), "columns": {"customer_id": "id"}} | options
    return Params.model_validate(
        {
            "time_zone": "America/New_York",
            "currency": "USD",
            "sources": {"sales": {"path": "x.csv", "key": "row_number", "events": [event]}},
            "labels": {"churn": {"rule": "silence"}},
        }
        | ({"customers": file} if text else {})
    )


ALL = {
    "columns": {
        "customer_id": "id",
        "name": "full name",
        "phone": "tel",
        "joined_at": "since",
        "acquisition_cost": "cost",
        "do_not_contact": "no",
    },
    "types": {"since": "date"},
    "format": {"date": "%d/%m/%Y"},
}
TEXT = """id,full name,tel,since,cost,no
007,Ann Canary,555,02/01/1970,1.50,
7,Ben,556,,,yes
"""


def test_customers_keep_their_facts_and_no_contact_data(tmp_path: Path) -> None:
    table, rejects = customers.customers(make_params(tmp_path, TEXT, **ALL))
    assert table.schema == artefacts.CUSTOMERS.schema
    assert rejects.num_rows == 0
    assert table.select(["customer_id", "joined_day", "do_not_contact"]).to_pylist() == [
        {"customer_id": "007", "joined_day": 1, "do_not_contact": False},
        {"customer_id": "7", "joined_day": None, "do_not_contact": True},
    ]
    assert str(table["acquisition_cost"][0]) == "1.5000"
    assert "Canary" not in str(table.to_pylist())


def test_contacts_come_from_the_raw_file(tmp_path: Path) -> None:
    table = customers.read_contacts(make_params(tmp_path, TEXT, **ALL))
    assert table.schema == customers.CONTACTS
    assert table["name"].to_pylist() == ["Ann Canary", "Ben"]
    assert table["do_not_contact"].to_pylist() == [False, True]


def test_without_a_file_there_are_none(tmp_path: Path) -> None:
    assert customers.customers(make_params(tmp_path, None))[0].schema == artefacts.CUSTOMERS.schema
    assert customers.read_contacts(make_params(tmp_path, None)).num_rows == 0


def test_a_customer_twice_is_refused_with_both_lines(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"line 2, column 'id', .* again in .*, line 4"):
        customers.customers(make_params(tmp_path, "id\n1\n2\n1\n"))


def test_with_known_at_they_are_versions_and_contacts_the_newest(tmp_path: Path) -> None:
    options = {
        "columns": {"customer_id": "id", "region": "r", "owner": "r", "known_at": "k"},
        "types": {"k": "date"},
        "format": {"date": "%Y-%m-%d"},
    }
    text = "id,r,k\n1,old,1970-01-02\n1,new,1970-01-03\n"
    table, _ = customers.customers(make_params(tmp_path, text, **options))
    assert table["known_day"].to_pylist() == [1, 2]
    assert customers.read_contacts(make_params(tmp_path, text, **options))["owner"].to_pylist() == [
        "new"
    ]


def test_an_unreadable_objection_is_never_dropped(tmp_path: Path) -> None:
    body = "".join(f"{i},\n" for i in range(1000))
    columns = {"customer_id": "id", "do_not_contact": "no"}
    with pytest.raises(BadInput, match=r"line 1002, column 'no'.*not_boolean.*objection"):
        customers.customers(make_params(tmp_path, f"id,no\n{body}x,perhaps\n", columns=columns))


def test_few_bad_rows_are_rejected_and_many_refused(tmp_path: Path) -> None:
    body = "".join(f"{i},\n" for i in range(1000))
    table, rejects = customers.customers(make_params(tmp_path, f"id,x\n{body}  ,1\n"))
    assert (table.num_rows, rejects["rule"].to_pylist()) == (1000, ["blank_id"])
    with pytest.raises(BadInput, match=r"line 2, column 'id'.*blank_id"):
        customers.customers(make_params(tmp_path, "id,x\n  ,1\n2,\n"))


def test_a_missing_column_and_a_missing_type_are_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"no column 'ident' \(nearest: id"):
        customers.customers(make_params(tmp_path, "id\n1\n", columns={"customer_id": "ident"}))
    columns = {"customer_id": "id", "joined_at": "since"}
    with pytest.raises(BadParams, match="since needs the type timestamp or date"):
        customers.customers(make_params(tmp_path, "id,since\n1,2020\n", columns=columns))
