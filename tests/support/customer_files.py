"""A company with a customers' file."""

from pathlib import Path
from typing import Any, Final

from retention.core.params import Params

OPTIONS: Final[dict[str, Any]] = {
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
"""How params.yaml describes `TEXT`."""

TEXT: Final = """id,full name,tel,since,cost,no
007,Ann Canary,555,02/01/1970,1.50,
7,Ben,556,,,yes
"""


def make_params(folder: Path, text: str | None, **options: Any) -> Params:
    """Params of a company with the customers of `text`; without a file of them where it is None."""
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
