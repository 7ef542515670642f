"""Write the company's files, or, for nobody in the pipeline, its truth.

`python -m examples.telecom.write FOLDER` writes the truth of the company in params.yaml.
"""

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa

from examples.telecom import tables
from examples.telecom.company import FIRST, Part, minute, simulate
from examples.telecom.customers import Array
from examples.telecom.mechanism import CAUSES, Mechanism, redraw
from examples.telecom.weeks import DAY
from retention.core import errors
from retention.core.params import SimulationParams, load_params
from retention.core.storage import atomic

EVERY = 4  # weeks between the snapshots of the truth


def mechanism(plan: SimulationParams) -> Mechanism:
    """The numbers behind the company that `simulation` in params.yaml asks for."""
    plain = Mechanism() if plan.draw is None else redraw(plan.draw)
    return replace(plain, service_effect=plan.service_effect, outreach_effect=plan.outreach_effect)


def write_histories(folder: Path, plan: SimulationParams) -> None:
    """Every file of the company, as tables.py tells."""
    parts = simulate(plan.customers, plan.weeks, plan.seed, mechanism(plan))
    tables.write(parts, plan.weeks, folder)


def truth(
    plan: SimulationParams, weeks: Sequence[int], margin: float, marks: tuple[int, ...] = ()
) -> tuple[pa.Table, pa.Table]:
    """Per customer and snapshot what is true, and per departure its cause; see README.md.

    `weeks` are those at whose start a snapshot lies; `margin` turns amounts into value; `marks` are
    numbers of weeks for which the chance of having left is told too.
    """
    of_company = mechanism(plan)
    parts = list(
        simulate(plan.customers, plan.weeks, plan.seed, of_company, tuple(weeks), margin, marks)
    )
    snapshots = [_snapshot(week, columns) for part in parts for week, columns in part.truth.items()]
    return pa.concat_tables(snapshots), pa.concat_tables([_departures(part) for part in parts])


def _snapshot(week: int, columns: dict[str, Array]) -> pa.Table:
    on = np.full(len(columns["number"]), np.datetime64(FIRST) + 7 * week)
    others = {name: values for name, values in columns.items() if name != "number"}
    return pa.table(
        {"customer_id": tables.customer_ids(columns["number"]), "snapshot_on": on} | others
    )


def _departures(part: Part) -> pa.Table:
    left = np.datetime64(FIRST) + minute(part.leaving) // DAY
    cause = np.array(["none", *CAUSES])[part.leaving["cause"]]
    ids = tables.customer_ids(part.leaving["number"])
    return pa.table({"customer_id": ids, "left_on": left, "cause": cause})


def main() -> None:
    if len(sys.argv) != 2:
        raise errors.BadParams("write the truth where? python -m examples.telecom.write FOLDER")
    folder, params = Path(sys.argv[1]), load_params()
    plan = params.simulation
    weeks = range(plan.weeks % EVERY + EVERY * 6, plan.weeks + 1, EVERY)
    snapshots, departures = truth(plan, weeks, params.labels.value.margin)
    atomic.write_table(folder / "truth.parquet", snapshots)
    atomic.write_table(folder / "departures.parquet", departures)


if __name__ == "__main__":
    errors.run(main)
