"""`retention check`: doubts about the label and the ids that only all rows show."""

import datetime as dt
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from rich.console import Console

from retention.commands.check import enough_data, whole_history
from retention.commands.check.findings import FindingGroup
from retention.commands.check.terminal import print_brief
from retention.core.params import Params
from retention.training.rows import LabelledRows

SALES = {
    "key": ["id"],
    "types": {"day": "date"},
    "format": {"date": "%Y-%m-%d"},
    "events": [{"kind": "purchase", "customer_id": "who", "occurred_at": "day"}],
}


def company(folder: Path, rows: list[tuple[str, int]], horizon: int, **more: Any) -> Params:
    """Customers and their days since the start of 2024."""
    days = [(who, dt.date(2024, 1, 1) + dt.timedelta(days=day)) for who, day in rows]
    lines = [f"{i},{who},{day}\n" for i, (who, day) in enumerate(days)]
    (folder / "sales.csv").write_text("id,who,day\n" + "".join(lines))
    return Params.model_validate(
        {
            "time_zone": "UTC",
            "currency": "GBP",
            "sources": {"sales": SALES | {"path": str(folder / "sales.csv")}},
            "labels": {
                "churn": {"rule": "silence", "active_days": 120, "horizon_days": horizon},
            },
        }
        | more
    )


def doubts(params: Params) -> list[str]:
    group = FindingGroup("labels")
    whole_history.check_silence(params, group)
    return [finding.meaning for finding in group.findings]


def buyers(every: int, until: int, customers: int = 120) -> list[tuple[str, int]]:
    return [
        (f"c{i}", day) for i in range(customers) for day in range(i % every, until - i % 2, every)
    ]


def test_a_label_that_cannot_tell_customers_apart_is_a_doubt(tmp_path: Path) -> None:
    lost = [(f"c{i}", 200 + i % 40) for i in range(0, 120, 3)]
    gone = [(f"gone{i}", 150 + i % 30) for i in range(60)]
    assert doubts(company(tmp_path, buyers(20, 300) + gone + lost, 60)) == []
    (short,) = doubts(company(tmp_path, buyers(40, 400) + gone, 30))
    assert short.startswith("churn.horizon_days: 30 is below the usual gap: half of ")
    assert short.endswith("count as lost; retention labels shows which one suits")
    (nobody,) = doubts(company(tmp_path, buyers(20, 300), 60))
    assert nobody.startswith("churn: 0 of 120 customers of the newest cohort")
    assert "try a shorter horizon_days" in nobody
    (all_lost,) = doubts(company(tmp_path, [(f"c{i}", i) for i in range(400)], 60))
    assert all_lost.startswith("churn: 120 of 120 customers of the newest cohort")
    assert "look whether customer_id" in all_lost


def test_ids_that_stand_in_no_other_file_are_a_doubt(tmp_path: Path) -> None:
    (tmp_path / "people.csv").write_text("id\n" + "".join(f"c{i}\n" for i in range(100)))
    people = {"path": str(tmp_path / "people.csv"), "columns": {"customer_id": "id"}}
    params = company(tmp_path, buyers(20, 60), 20, customers=people)
    same, others = FindingGroup("customer ids"), FindingGroup("customer ids")
    ids = pa.chunked_array([[f"c{i}" for i in range(50)]])
    whole_history.check_shared_ids(params, {"sales": ids}, same)
    assert same.findings == []
    numbers = pa.chunked_array([[f"order{i}" for i in range(50)]])
    whole_history.check_shared_ids(params, {"sales": numbers}, others)
    (finding,) = others.findings
    assert finding.meaning.startswith("sales: 0 of its first 50 ids stand in customers, so")


@pytest.mark.parametrize(
    ("name", "names", "right"),
    [
        ("account_id", ["usage_id", "account_use_count"], []),
        ("account_id", ["acount_id", "account_use_count"], ["acount_id"]),
    ],
)
def test_no_neighbour_in_spelling_is_offered_for_an_id(
    name: str, names: list[str], right: list[str]
) -> None:
    from retention.commands.check.findings import similar_names

    assert [n for n in similar_names(name, names, "customer_id") if n != "usage_id"] == right


@pytest.mark.parametrize(
    ("n_lost", "n_customers", "message"),
    [
        (0, 0, "at none of 3 past snapshots had anybody a running contract"),
        (0, 200, "0 of 200 customers with a running contract were lost"),
        (199, 200, "199 of 200 customers with a running contract were lost"),
        (20, 200, ""),
        (0, 50, ""),
    ],
)
def test_contracts_that_cannot_tell_customers_apart_are_a_doubt(
    n_lost: int, n_customers: int, message: str
) -> None:
    n = 2 * n_customers  # an older snapshot lost half: the newest one counts
    newest = np.arange(n_customers) < n_lost
    rows = LabelledRows(
        pd.DataFrame(index=range(n)), np.arange(n).astype(object), np.repeat([40, 70], n_customers),
        np.concatenate([np.arange(n_customers) % 2, newest]).astype(float), np.zeros(n), np.ones(n),
    )  # fmt: skip
    group = FindingGroup("labels")
    enough_data.check_contracts(rows, [10, 40, 70], group)
    assert [finding.level for finding in group.findings] == (["doubt"] if message else [])
    assert message in "".join(finding.meaning for finding in group.findings)


def test_the_brief_report_leaves_out_what_is_well() -> None:
    group = FindingGroup("sources.till")
    group.ok("10 rows")
    group.doubt("one row is odd")
    out = StringIO()
    print_brief([group], "1 doubt.", Console(file=out, width=200))
    assert out.getvalue() == "doubt  sources.till: one row is odd\n1 doubt.\n"
