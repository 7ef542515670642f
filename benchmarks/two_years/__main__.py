"""Two years of lists in use, of a simulated company whose truth is known.

    python -m benchmarks.two_years reference FOLDER
    python -m benchmarks.two_years FIRST LAST FOLDER     seeds; a file each
    python -m benchmarks.two_years summary FOLDER

Customers leave by their own risk, by troubles of which some are never recorded, with and without
notice; contacts keep some of them; staff put troubles right and call others by themselves. A list
is made each month. The selection, the draw of the holdout, the ledger of assignments, the arms of
labels, the weights of rows, the figures and their intervals, the analysis by intention to treat,
the save rates and the losses by cause are the product's own. What is true of a model is taken from
the customers of a larger company of the same kind, by the chance of each; what is true of a sum
over the company's own customers, from their own chances. docs/evaluation.md has the table.
"""

import sys
import tempfile
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from benchmarks.two_years import figures
from benchmarks.two_years.company import HISTORY, Company
from benchmarks.two_years.lists import ListsInUse
from retention.core import engine
from retention.core.params import EngineParams
from retention.stats.intervals import wilson_interval

CUSTOMERS: Final = 2000
REFERENCE: Final = 8_000
SAVED: Final = 0.3
ERROR_OF_BELIEF: Final = 0.5
JUDGED: Final = (1, 6, 12, 24)
"""Lists at which the figures are read."""


def simulate(n: int, seed: int, saved: float, reference: pd.DataFrame | None) -> pd.DataFrame:
    """The figures of all judged lists; without a reference, the months that are one."""
    with tempfile.TemporaryDirectory() as folder, engine.open_engine(EngineParams()) as opened:
        company = Company(n, seed, saved)
        use = ListsInUse(company, n, Path(folder), opened)
        rows = []
        for month in use.run():
            number = month - HISTORY + 1
            if reference is None or number not in JUDGED:
                continue
            measured = [
                *figures.model_figures(use, month, reference),
                *figures.saves(use, month),
                *figures.causes(company, month),
            ]
            rows += [{"seed": seed, "list": number, **figure._asdict()} for figure in measured]
    if reference is not None:
        return pd.DataFrame(rows)
    days = range(figures.MEASURED_DAYS)
    wanted = sorted({HISTORY + number - 2 - back for number in JUDGED for back in days})
    return pd.concat([company.months[month] for month in wanted], ignore_index=True)


def saved_by_contacts(seed: int) -> float:
    """The effect of a contact, about which the playbook's belief errs as it says."""
    z = np.random.default_rng([seed, 7]).normal()
    return float(np.clip(SAVED * (1 + ERROR_OF_BELIEF * z), 0.0, 0.95))


def summary(folder: Path) -> pd.DataFrame:
    """Coverage, its 95 % interval, bias and width by figure, how and list."""
    rows = pd.concat([pd.read_parquet(path) for path in sorted(folder.glob("seed-*.parquet"))])
    rows = rows.assign(covers=(rows["low"] <= rows["truth"]) & (rows["truth"] <= rows["high"]))
    rows = rows[rows["low"].notna()]
    groups = rows.groupby(["name", "how", "list"], sort=False)
    table = groups.agg(
        runs=("covers", "size"),
        covered=("covers", "sum"),
        truth=("truth", "mean"),
        value=("value", "mean"),
        spread=("value", "std"),
    )
    low, high = wilson_interval(table["covered"].to_numpy(), table["runs"].to_numpy())
    table["coverage"] = table["covered"] / table["runs"]
    table["coverage_low"], table["coverage_high"] = low, high
    table["above"] = groups.apply(lambda g: float((g["truth"] > g["high"]).mean()))
    table["below"] = groups.apply(lambda g: float((g["truth"] < g["low"]).mean()))
    return table


def main() -> None:
    folder = Path(sys.argv[-1])
    folder.mkdir(exist_ok=True)
    path = folder / "reference.parquet"
    if sys.argv[1] == "reference":
        simulate(REFERENCE, 0, SAVED, None).to_parquet(path)
    elif sys.argv[1] == "summary":
        with pd.option_context("display.width", 200, "display.max_rows", None):
            sys.stdout.write(f"{summary(folder).round(4).to_string()}\n")
    else:
        reference = pd.read_parquet(path)
        for seed in range(int(sys.argv[1]), int(sys.argv[2]) + 1):
            measured = simulate(CUSTOMERS, seed, saved_by_contacts(seed), reference)
            measured.to_parquet(folder / f"seed-{seed:04d}.parquet")


if __name__ == "__main__":
    main()
