"""The example companies: their raw tables as files, whole, from what packages carry."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from pipeline import example

PARAMS = """
example: {example}
time_zone: Europe/London
currency: GBP
sources:
  till: {{path: till.csv, key: row_number,
         events: [{{kind: purchase, customer_id: who, occurred_at: at}}]}}
labels: {{churn: {{rule: silence}}}}
"""


def asked(query: str) -> Any:
    """The one row of a query."""
    with duckdb.connect() as connection:
        return connection.sql(query).fetchall()[0]


@pytest.fixture(scope="module")
def grocer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The grocer's files, once; 100 MB that are not left behind."""
    folder = tmp_path_factory.mktemp("grocer")
    example.write_grocer(folder)
    yield folder
    for path in folder.iterdir():
        path.unlink()


@pytest.fixture
def company(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """company("cdnow"): a folder whose params.yaml names it, and that we stand in."""

    def standing(name: str) -> Path:
        (tmp_path / "params.yaml").write_text(PARAMS.format(example=name), encoding="utf-8")
        monkeypatch.chdir(tmp_path)
        return tmp_path

    return standing


def test_the_grocers_line_items_are_all_there(grocer: Path) -> None:
    rows = asked(
        "select count(*), count(distinct household_id), count(distinct basket_id), "
        "count(distinct (basket_id, product_id)), "
        "min(transaction_timestamp)::text, max(transaction_timestamp)::text "
        f"from '{grocer}/transactions.csv'"
    )
    lines = 1_469_307
    assert rows[:4] == (lines, 2469, 155_848, lines)  # basket and product are a key
    assert (rows[4][:10], rows[5][:10]) == ("2017-01-01", "2018-01-01")


@pytest.mark.parametrize(
    ("table", "key"),
    [
        ("campaigns", "campaign_id, household_id"),
        ("coupon_redemptions", "household_id, coupon_upc, campaign_id, redemption_date"),
        ("customers", "household_id"),
    ],
)
def test_the_grocers_other_tables_have_rows_of_unique_keys(
    grocer: Path, table: str, key: str
) -> None:
    rows, keys = asked(f"select count(*), count(distinct ({key})) from '{grocer}/{table}.csv'")
    assert rows == keys > 800


def test_cdnows_repeats_are_kept_as_the_purchases_they_are(tmp_path: Path) -> None:
    example.write_cdnow(tmp_path)
    rows, customers, distinct = asked(
        "select count(*), count(distinct customer_id), "
        "count(distinct (customer_id, date, number_of_cds, dollar_value)) "
        f"from read_csv('{tmp_path}/purchases.csv', all_varchar=true)"
    )
    assert (rows, customers, rows - distinct) == (69_659, 23_570, 255)


def test_the_same_company_is_the_same_bytes(tmp_path: Path) -> None:
    for folder in ("one", "other"):
        example.write_cdnow(tmp_path / folder)
    first, other = ((tmp_path / name / "purchases.csv").read_bytes() for name in ("one", "other"))
    assert first == other


def test_a_company_of_ones_own_keeps_its_raw_data(company: Callable[[str], Path]) -> None:
    home = company("null")
    raw, old = home / "data/raw/till.csv", home / "data/example/grocer/old.csv"
    for path in (raw, old):
        path.parent.mkdir(parents=True)
        path.write_text("who,at\n", encoding="utf-8")
    example.main()
    assert raw.read_text(encoding="utf-8") == "who,at\n"
    assert [path.name for path in (home / "data/example").rglob("*")] == ["README.md"]


def test_the_company_named_is_the_one_written(company: Callable[[str], Path]) -> None:
    home = company("cdnow")
    example.main()
    written = [str(path.relative_to(home)) for path in home.rglob("*.csv")]
    assert written == ["data/example/cdnow/purchases.csv"]
