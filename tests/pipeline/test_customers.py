"""Stage `customers`: versions, rejects, and no contact data at rest."""

from pathlib import Path

import pytest

from pipeline.customers import customers
from retention.core import artefacts
from retention.core.errors import BadInput, BadParams
from tests.support.customer_files import OPTIONS, TEXT, make_params


def test_customers_keep_their_attributes_and_no_contact_data(tmp_path: Path) -> None:
    table, rejects = customers(make_params(tmp_path, TEXT, **OPTIONS))
    assert table.schema == artefacts.CUSTOMERS.schema
    assert rejects.num_rows == 0
    assert table.select(["customer_id", "joined_day", "do_not_contact"]).to_pylist() == [
        {"customer_id": "007", "joined_day": 1, "do_not_contact": False},
        {"customer_id": "7", "joined_day": None, "do_not_contact": True},
    ]
    assert str(table["acquisition_cost"][0]) == "1.5000"
    assert "Canary" not in str(table.to_pylist())


def test_without_a_file_both_tables_are_empty(tmp_path: Path) -> None:
    table, rejects = customers(make_params(tmp_path, None))
    assert (table.schema, len(table)) == (artefacts.CUSTOMERS.schema, 0)
    assert (rejects.schema, len(rejects)) == (artefacts.CUSTOMER_REJECTS.schema, 0)


def test_with_known_at_rows_are_versions_and_the_last_of_a_day_counts(tmp_path: Path) -> None:
    options = {
        "columns": {"customer_id": "id", "region": "r", "known_at": "k"},
        "types": {"k": "date"},
        "format": {"date": "%Y-%m-%d"},
    }
    text = "id,r,k\n1,old,1970-01-02\n1,wrong,1970-01-03\n1,new,1970-01-03\n"
    table, _ = customers(make_params(tmp_path, text, **options))
    assert table.select(["region", "known_day"]).to_pylist() == [
        {"region": "old", "known_day": 1},
        {"region": "new", "known_day": 2},
    ]


def test_few_bad_rows_become_rejects(tmp_path: Path) -> None:
    body = "".join(f"{number},\n" for number in range(1000))
    table, rejects = customers(make_params(tmp_path, f"id,x\n{body}  ,1\n"))
    assert (table.num_rows, rejects["rule"].to_pylist()) == (1000, ["blank_id"])


def test_a_column_may_be_sql_over_the_cells_as_text(tmp_path: Path) -> None:
    columns = {"customer_id": "lower(trim(mail))", "region": "upper(r)", "email": "mail"}
    text = "mail,r\n A@x.org ,n\nb@x.org,\n"
    table, rejects = customers(make_params(tmp_path, text, columns=columns))
    assert rejects.num_rows == 0
    assert table.select(["customer_id", "region"]).to_pylist() == [
        {"customer_id": "a@x.org", "region": "N"},
        {"customer_id": "b@x.org", "region": None},
    ]


@pytest.mark.parametrize(
    ("customer_id", "error", "message"),
    [
        ("mial", BadInput, "no column 'mial' \\(nearest: mail\\).*write customer_id: mail"),
        ("lower(mial)", BadInput, "no column 'mial' \\(nearest: mail\\)"),
        ("count(mail)", BadParams, "calls count"),
        ("(select mail)", BadParams, "a subquery"),
        ("mail::integer", BadInput, "ConversionException in the SQL on some row; guard it"),
    ],
)
def test_sql_that_does_not_fit_is_refused(
    tmp_path: Path, customer_id: str, error: type[Exception], message: str
) -> None:
    params = make_params(tmp_path, "mail,r\na@x.org,n\n", columns={"customer_id": customer_id})
    with pytest.raises(error, match=message):
        customers(params)
