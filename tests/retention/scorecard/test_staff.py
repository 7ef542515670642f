"""The company's own file of who serves."""

from pathlib import Path

import pytest

from retention.core.errors import BadInput
from retention.core.params import StaffFile
from retention.scorecard import staff

HEADER = "id,crew,where\n"


def teams(folder: Path, text: str, **columns: str) -> dict[str, dict[str, object]]:
    """team and branch by agent, as read from a file."""
    path = folder / "staff.csv"
    path.write_text(text, encoding="utf-8")
    columns_by_name = {"agent_id": "id", "team": "crew", "branch": "where"} | columns
    file = StaffFile.model_validate({"path": str(path), "columns": columns_by_name})
    by_agent = staff.teams(file, "1GB").to_dict("index")
    return {
        str(agent): {str(name): columns_by_name for name, columns_by_name in agent_teams.items()}
        for agent, agent_teams in by_agent.items()
    }


def test_agents_have_their_team_and_branch_as_text(tmp_path: Path) -> None:
    by_agent = teams(tmp_path, HEADER + "007,north,1\n8,south,2\n")
    assert by_agent == {
        "007": {"team": "north", "branch": "1"},
        "8": {"team": "south", "branch": "2"},
    }


def test_what_is_not_said_is_null(tmp_path: Path) -> None:
    path = tmp_path / "staff.csv"
    path.write_text("id,crew\nann,\n", encoding="utf-8")
    source = {"path": str(path), "columns": {"agent_id": "id", "team": "crew"}}
    frame = staff.teams(StaffFile.model_validate(source), "1GB")
    assert list(frame.columns) == ["team", "branch"]
    assert frame.loc["ann"].isna().all()
    assert staff.teams(None, "1GB").empty


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ("a,n,1\nb,n\n", "staff.csv: line 3: ragged_row; mend the row"),
        ("a,n,1\nb,n,2,3\n", "staff.csv: line 3: ragged_row; mend the row"),
        ('a,n,1\nb,"n"x,2\n', "staff.csv: line 3: stray_quote; mend the row"),
        ("a,n,1\nb\x00,n,2\n", "staff.csv: line 3: nul_byte; mend the row"),
        ("a,n,1\n ,n,2\n", "staff.csv: line 3: blank_id; mend the row"),
        ("a,n,1\nb,n,2\na,s,1\n", "staff.csv: line 4: agent a stands twice; keep one row"),
        ("", "0 rows"),
    ],
)
def test_a_row_that_cannot_be_read_is_refused_with_its_line(
    tmp_path: Path, rows: str, words: str
) -> None:
    with pytest.raises(BadInput, match=words):
        teams(tmp_path, HEADER + rows)


def test_a_column_that_is_not_there_is_refused_with_the_nearest(tmp_path: Path) -> None:
    words = r"no column 'crews' \(nearest: crew\), which scorecard.staff.columns.team names"
    with pytest.raises(BadInput, match=words):
        teams(tmp_path, HEADER + "a,n,1\n", team="crews")
