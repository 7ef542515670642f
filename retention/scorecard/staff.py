"""Teams and branches of agents, from the company's own file."""

from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd

from retention.core.errors import BadInput
from retention.core.params import StaffFile
from retention.sources import column_errors, parsing, reader


def teams(file: StaffFile | None, memory: str) -> pd.DataFrame:
    """agent_id (the index), team, branch; empty without a file, null where the file is blank.

    BadInput: a column that is missing, a row that cannot be read or has no agent, an agent twice.
    """
    if file is None:
        return _index_by_agent(pd.DataFrame({"agent_id": []}, dtype="str"))
    with TemporaryDirectory(prefix="raw-") as scratch, reader.connect(memory) as connection:
        files = reader.open_files(file, Path(scratch))
        for column, raw in file.columns.items():
            column_errors.require_column(files, raw, f"scorecard.staff.columns.{column}")
        reader.load(connection, file, files, list(file.columns.values()))
        text = {name: f"v{i}::varchar" for i, name in enumerate(file.columns)}
        for path, line, rule in reader.run(connection, _broken_rows_sql(text["agent_id"])):
            raise BadInput(f"{path}: line {line}: {rule}; mend the row")
        values = ", ".join(f"{value} as {name}" for name, value in text.items())
        table: pd.DataFrame = connection.sql(
            f"select file, line, {values} from raw order by file, line"
        ).to_df()
    for again in table[table["agent_id"].duplicated()].itertuples():
        raise BadInput(
            f"{again.file}: line {again.line}: agent {again.agent_id} stands twice;"
            " keep one row an agent"
        )
    return _index_by_agent(table)


def _broken_rows_sql(agent_sql: str) -> str:
    """SQL: the first row that cannot be read or names no agent."""
    return f"""select file, line, rule from unread union all
        select file, line, coalesce(defect, 'blank_id') from raw
        where defect is not null or {parsing.blank_sql(agent_sql)} order by file, line limit 1"""


def _index_by_agent(table: pd.DataFrame) -> pd.DataFrame:
    return table.set_index("agent_id").reindex(columns=["team", "branch"])
