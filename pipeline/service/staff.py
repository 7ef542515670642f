"""Who serves: the teams and branches of agents, from the company's own file."""

from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd

from pipeline.errors import BadInput
from pipeline.params import Staff
from pipeline.raw import cells, missing, rawfile


def teams(file: Staff | None, memory: str) -> pd.DataFrame:
    """agent_id (the index), team, branch; empty without a file, null where nothing is said.

    BadInput: a column that is missing, a row that cannot be read or names nobody, an agent twice.
    """
    if file is None:
        return _indexed(pd.DataFrame({"agent_id": []}, dtype="str"))
    with TemporaryDirectory(prefix="raw-") as scratch, rawfile.opened(memory) as connection:
        found = rawfile.heads(file, Path(scratch))
        for column, raw in file.columns.items():
            missing.require(found, raw, f"scorecard.staff.columns.{column}")
        rawfile.load(connection, file, found, list(file.columns.values()))
        text = {one: f"v{at}::varchar" for at, one in enumerate(file.columns)}
        for path, line, rule in rawfile.run(connection, _broken(text["agent_id"])):
            raise BadInput(f"{path}: line {line}: {rule}; mend the row")
        values = ", ".join(f"{value} as {one}" for one, value in text.items())
        table: pd.DataFrame = connection.sql(
            f"select file, line, {values} from raw order by file, line"
        ).to_df()
    for again in table[table["agent_id"].duplicated()].itertuples():
        raise BadInput(f"{again.file}: line {again.line}: agent {again.agent_id} stands twice;"
                       " keep one row an agent")  # fmt: skip
    return _indexed(table)


def _broken(agent: str) -> str:
    """SQL: the first row that cannot be read or names no agent."""
    return f"""select file, line, rule from unread union all
        select file, line, coalesce(defect, 'blank_id') from raw
        where defect is not null or {cells.blank(agent)} order by file, line limit 1"""


def _indexed(table: pd.DataFrame) -> pd.DataFrame:
    return table.set_index("agent_id").reindex(columns=["team", "branch"])
