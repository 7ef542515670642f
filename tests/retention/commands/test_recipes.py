"""The recipes of common exports: each is recognised by its header, and gives the right events."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipeline.customers import customers
from pipeline.ingest import ingest
from retention.commands.init import recipes
from retention.core.params import Params
from retention.sources import reader

RECIPES = recipes.read_recipes()
Right = Sequence[tuple[str, ...]]


def lines(*records: dict[str, Any]) -> str:
    return "".join(json.dumps(record) + "\n" for record in records)


STRIPE = {
    "id": "ch_1",
    "object": "charge",
    "amount": 1999,
    "amount_refunded": 0,
    "created": 1714534200,
    "currency": "usd",
    "customer": "cus_1",
    "paid": True,
    "status": "succeeded",
}
WOO = {
    "id": 7,
    "number": "7",
    "order_key": "k",
    "status": "completed",
    "currency": "USD",
    "date_created_gmt": "2024-05-01T03:30:00",
    "total": "12.50",
    "customer_id": 3,
    "billing": {"email": "A@x.org"},
}
ZENDESK = {
    "id": 1,
    "created_at": "2024-05-01T03:30:00Z",
    "updated_at": "2024-05-02T03:30:00Z",
    "requester_id": 9,
    "status": "solved",
    "subject": "s",
    "via": {"channel": "web"},
}
INTERCOM = {
    "id": "1",
    "created_at": 1714534200,
    "updated_at": 1714534300,
    "state": "closed",
    "source": {"type": "email", "author": {"id": "u9"}},
    "statistics": {"first_admin_reply_at": 1714534260, "last_close_at": 1714620600},
}
CHARGEBEE = {
    "id": "s1",
    "customer_id": "c1",
    "status": "cancelled",
    "created_at": 1714534200,
    "started_at": 1714534200,
    "cancelled_at": 1714620600,
}
ACTIVE = {"id": "s2", "status": "active", "cancelled_at": None}

SMALL: dict[str, tuple[str, str, Right]] = {
    "shopify_orders": (
        "csv",
        "Name,Email,Financial Status,Paid at,Currency,Created at,Lineitem quantity,Lineitem name,"
        "Lineitem price\n#1,A@x.org,paid,2024-05-01 10:00:00 +0200,USD,2024-05-01 10:00:00 +0200,"
        "2,Tea,3.50\n#1,,,,,,1,Cup,5.00\n",
        [
            ("purchase", "a@x.org", "2024-05-01T08:00", "7.0000"),
            ("purchase", "a@x.org", "2024-05-01T08:00", "5.0000"),
        ],
    ),
    "woocommerce_orders": (
        "jsonl",
        lines(WOO, WOO | {"id": 8, "customer_id": 0}, WOO | {"id": 9, "status": "failed"}),
        [
            ("purchase", "3", "2024-05-01T03:30", "12.5000"),
            ("purchase", "a@x.org", "2024-05-01T03:30", "12.5000"),
        ],
    ),
    "magento_orders": (
        "csv",
        "ID,Purchase Point,Purchase Date,Bill-to Name,Grand Total (Base),Status,Customer Email\n"
        '1,Main,2024-05-01 10:00:00,A B,"$1,250.00",complete,A@x.org\n'
        '2,Main,"May 2, 2024 1:05:00 PM",A B,$5.00,complete,A@x.org\n'
        "3,Main,2024-05-01 10:00:00,A B,$5.00,canceled,A@x.org\n",
        [
            ("purchase", "a@x.org", "2024-05-01T10:00", "1250.0000"),
            ("purchase", "a@x.org", "2024-05-02T13:05", "5.0000"),
        ],
    ),
    "stripe_charges": (
        "jsonl",
        lines(STRIPE, STRIPE | {"id": "ch_2", "paid": False}),
        [
            ("payment", "cus_1", "2024-05-01T03:30", ""),
            ("purchase", "cus_1", "2024-05-01T03:30", "19.9900"),
        ],
    ),
    "paypal_activity": (
        "csv",
        "Date,Time,TimeZone,Name,Type,Status,Currency,Gross,Fee,From Email Address,Transaction ID\n"
        '05/01/2024,10:00:00,CEST,A,Express Checkout Payment,Completed,USD,"1,250.00",-4,A@x.org,'
        "T1\n"
        "05/02/2024,10:00:00,CEST,A,General Withdrawal,Completed,USD,-99.00,0,,T2\n",
        [("purchase", "a@x.org", "2024-05-01T00:00", "1250.0000")],
    ),
    "zendesk_tickets": (
        "jsonl",
        lines(ZENDESK, ZENDESK | {"id": 2, "status": "open"}),
        [("contact", "9", "2024-05-01T03:30", "")] * 2
        + [("resolution", "9", "2024-05-02T03:30", "")],
    ),
    "freshdesk_tickets": (
        "csv",
        "Ticket ID,Subject,Status,Source,Agent,Created time,Initial response time,Resolved time,"
        "Email\n1,s,Closed,Email,Ann,2024-05-01 10:00:00,2024-05-01 11:00:00,2024-05-02 10:00:00,"
        "A@x.org\n2,s,Open,Phone,,2024-05-03 10:00:00,,,a@x.org\n",
        [
            ("contact", "a@x.org", "2024-05-01T10:00", ""),
            ("contact", "a@x.org", "2024-05-03T10:00", ""),
            ("resolution", "a@x.org", "2024-05-02T10:00", ""),
            ("response", "a@x.org", "2024-05-01T11:00", ""),
        ],
    ),
    "intercom_conversations": (
        "jsonl",
        lines(INTERCOM),
        [
            ("contact", "u9", "2024-05-01T03:30", ""),
            ("resolution", "u9", "2024-05-02T03:30", ""),
            ("response", "u9", "2024-05-01T03:31", ""),
        ],
    ),
    "hubspot_contacts": (
        "csv",
        "Record ID,First Name,Last Name,Email,Phone Number,Contact owner,Create Date\n"
        "901,Ada,King,A@x.org,1,Inès,2024-03-12 09:14\n",
        [("a@x.org", "Inès", "19794")],
    ),
    "salesforce_accounts": (
        "csv",
        "Id,Name,Phone,OwnerId,CreatedDate,BillingCountry\n"
        "001A,Ada Ltd,1,005x,2024-03-12T23:14:00.000+0000,UK\n",
        [("001A", "005x", "19794")],
    ),
    "chargebee_subscriptions": (
        "jsonl",
        lines({"subscription": CHARGEBEE}, {"subscription": CHARGEBEE | ACTIVE}),
        [("cancel", "c1", "2024-05-02T03:30", "")] + [("start", "c1", "2024-05-01T03:30", "")] * 2,
    ),
    "square_transactions": (
        "csv",
        "Date,Time,Time Zone,Gross Sales,Net Sales,Total Collected,Transaction ID,Event Type,"
        'Customer ID\n2024-05-01,10:00:00,UTC,"$1,300.00","$1,250.00","$1,250.00",T1,Payment,C1\n'
        "2024-05-02,10:00:00,UTC,-$5.00,-$5.00,-$5.00,T1,Refund,C1\n"
        "2024-05-03,10:00:00,UTC,$5.00,$5.00,$5.00,T3,Payment,\n",
        [
            ("purchase", "C1", "2024-05-01T10:00", "1250.0000"),
            ("return", "C1", "2024-05-02T10:00", "-5.0000"),
        ],
    ),
}


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_reads_its_export(name: str, tmp_path: Path) -> None:
    ending, text, right = SMALL[name]
    path = tmp_path / f"x.{ending}"
    path.write_text(text)
    recipe = RECIPES[name]
    section = recipe.get("source") or recipe["customers"]
    raw: dict[str, Any] = {
        "time_zone": "UTC",
        "currency": "USD",
        "labels": {"churn": {"rule": "silence"}},
    }
    mapped = {"path": str(path)} | section
    if "customers" in recipe:
        raw |= {"customers": mapped, "sources": {"s": {"path": "x", "key": "row_number", "events": [
            {"kind": "visit", "customer_id": "a", "occurred_at": "b"}]}}}  # fmt: skip
        params = Params.model_validate(raw)
        rows = customers(params)[0].to_pylist()
        values = ("customer_id", "owner", "joined_day")
        days = [tuple(str(row[column]) for column in values) for row in rows]
        assert days == [*right]
    else:
        params = Params.model_validate(raw | {"sources": {"s": mapped}})
        result = ingest(params, "s")
        assert result.rejects.to_pylist() == []
        assert sorted(
            (
                event["kind"],
                event["customer_id"],
                event["occurred_at"].isoformat()[:16],
                str(event["amount"] or ""),
            )
            for event in result.events.to_pylist()
        ) == sorted(right)
    file = params.customers or params.sources["s"]
    (opened,) = reader.open_files(file, tmp_path)
    assert recipes.recognise(opened.names, RECIPES) == name


def test_every_recipe_says_what_it_is_of() -> None:
    assert set(RECIPES) == set(SMALL)
    for path in Path("examples/recipes").glob("*.yaml"):
        assert set(yaml.safe_load(path.read_text())) >= {"about", "recognised_by"}
