"""Quality of the scores against what a user would pick instead. Histories are cut at several
dates; each contestant gets only what was known on the day of the cut, and its scores are compared
with what happened after it, on the same customers.

    python benchmarks/quality.py                      the companies that come with the project
    python benchmarks/quality.py --histories FOLDER   and each history NAME.csv.gz of a folder
    python benchmarks/quality.py grocer               some of them by name; prints only
    python benchmarks/quality.py grocer --write       and writes the page of these alone
    python benchmarks/quality.py --tables             page and picture again, from quality.csv

A run that was stopped continues: predictions are kept in the work folder until the code that made
them changes. Writes benchmarks/quality.md, benchmarks/quality.csv and docs/images/quality.png.
"""

import argparse
import sys
import time
from pathlib import Path

import pandas as pd

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.out_of_time import company, invented, report  # noqa: E402
from benchmarks.out_of_time.company import Company  # noqa: E402
from benchmarks.out_of_time.contest import contest  # noqa: E402
from benchmarks.out_of_time.lattice import History  # noqa: E402
from benchmarks.out_of_time.measures import rows_of  # noqa: E402

CSV, PAGE = ROOT / "benchmarks/quality.csv", ROOT / "benchmarks/quality.md"
PICTURE, WORK = ROOT / "docs/images/quality.png", ROOT / "data/benchmark"
MONTH, SEARCH = 30.4375, "automatic search: churn"


def compare(each: Company, work: Path, cuts: int | None) -> pd.DataFrame:
    """Figures of every contestant at every cut of a company's history."""
    start, rows = time.monotonic(), []
    history = History(each, work)
    print(f"{each.name}: {len(history.cuts)} cuts, ready in {time.monotonic() - start:.0f} s")
    for day in history.cuts[-cuts:] if cuts else history.cuts:
        cut = history.cut(day)
        start = time.monotonic()
        predicted, notes, cpu = contest(history, cut)
        truth = cut.truth.to_pandas()
        about = {
            "history": each.name,
            "cut": cut.date,
            "months": round((day - cut.first_day) / MONTH, 1),
            "customers": len(truth),
            "churners": int(truth["churned"].sum()),
            "labelled_snapshots": len(set(cut.labels["snapshot_on"].to_pylist())),
            "ours": notes.get("ours", ""),
            "search": notes["automatic search"] if SEARCH in predicted else "",
        }
        rows += rows_of(about, truth, predicted, each.has_money)
        print(
            f"  {cut.date}: {len(truth):,} customers, {about['labelled_snapshots']} snapshots, "
            f"{cpu:.0f} s CPU, {time.monotonic() - start:.0f} s; {about['ours']}",
            flush=True,
        )
    return pd.DataFrame(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description="Quality against what a user would pick instead.")
    parser.add_argument("names", nargs="*", help="companies; all without")
    parser.add_argument("--histories", type=Path, help="folder of NAME.csv.gz")
    parser.add_argument("--work", type=Path, default=WORK, help="folder of what a run continues")
    parser.add_argument("--cuts", type=int, help="only the newest of each history")
    parser.add_argument("--write", action="store_true", help="with names: write the page too")
    parser.add_argument("--tables", action="store_true", help="from quality.csv alone")
    asked = parser.parse_args()
    if asked.tables:
        report.write(pd.read_csv(CSV), PAGE, PICTURE)
        return
    companies = [*company.shipped(), *invented.invented()]
    if asked.histories:
        companies += company.in_folder(asked.histories)
    unknown = set(asked.names) - {each.name for each in companies}
    if unknown:
        parser.error(f"no company of this name: {', '.join(sorted(unknown))}")
    selected = [each for each in companies if not asked.names or each.name in asked.names]
    table = pd.concat([compare(each, asked.work.resolve(), asked.cuts) for each in selected])
    if asked.names and not asked.write:
        print(report.page(table))
        return
    table.to_csv(CSV, index=False, float_format="%.5g")
    report.write(pd.read_csv(CSV), PAGE, PICTURE)


if __name__ == "__main__":
    main()
