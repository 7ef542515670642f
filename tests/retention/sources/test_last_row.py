"""A last row without a newline: whole, or possibly cut."""

from pathlib import Path

import numpy as np
import pytest

from retention.sources import last_row
from tests.pipeline.test_ingest import HEADER, run_ingest


def whole(lines: list[str]) -> bool:
    text = "n,x\n" + "".join(f"{i},{value}\n" for i, value in enumerate(lines[:-1]))
    content = f"{text}99,{lines[-1]}".encode()
    return last_row.is_whole(np.frombuffer(content, np.uint8), ",")


@pytest.mark.parametrize(
    ("values", "last", "expected"),
    [
        (("1.00", "12.50"), "7.25", True),
        (("1.00", "12.50"), "12.5", False),
        (("1.00", "12.50"), "12.", False),
        (("1.00", "12.50"), "", False),
        (("5", "50", "500"), "50", False),  # may have been 500
        (("5", "50", "500"), "123", True),
        (("2026-01-01T10:00:00Z",), "2026-02-01T10:00:00Z", True),
        (("2026-01-01T10:00:00Z",), "2026-02-01T10:00:00", False),
        (('"Ann"', '"Benny"'), '"Cyd"', True),
        (('"Ann"', '"Benny"'), '"Cyd', False),
        (("Ann", "Benny"), "Cyd", False),
        (("",), "", True),
    ],
)
def test_a_value_that_no_cut_could_leave_is_whole(
    values: tuple[str, ...], last: str, expected: bool
) -> None:
    earlier = [values[i % len(values)] for i in range(60)]
    assert whole([*earlier, last]) == expected


def test_a_row_without_all_its_cells_is_not_whole() -> None:
    text = "n,x\n" + "1,2\n" * 60
    for last, expected in (("1,2", True), ("1", False), ("1,2,3", False)):
        content = np.frombuffer((text + last).encode(), np.uint8)
        assert last_row.is_whole(content, ",") == expected


def test_few_rows_prove_nothing() -> None:
    assert not whole(["1.00"] * 20)


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_file_whose_last_row_is_whole_is_read_to_its_end(tmp_path: Path, end: str) -> None:
    rows = [f"R{i},a,2026-01-01 00:00:00,1,1.00" for i in range(40)]
    text = end.join([HEADER.rstrip(), *rows])
    ended, unended = run_ingest(tmp_path, text + end), run_ingest(tmp_path, text)
    assert unended.events.equals(ended.events)
    assert (len(ended.summary.unended_files), len(unended.summary.unended_files)) == (0, 1)
