"""The faults found from outside, in docs/reliability.md: each names a test that exists."""

import re
from pathlib import Path
from typing import Final

_TEXT: Final = Path("docs/reliability.md").read_text(encoding="utf-8")
TABLE: Final = _TEXT.partition("<!-- outside -->")[2].partition("<!-- /outside -->")[0]
_LINK: Final = re.compile(r"\[`([\w.]+)`\]\(\.\./(tests/[\w/]+\.py)\) \|$", re.MULTILINE)


def test_every_row_names_a_test_that_exists() -> None:
    rows = [line for line in TABLE.splitlines() if line.startswith("| ") and "| test |" not in line]
    links = _LINK.findall(TABLE)
    assert len(links) == len(rows) > 50
    for name, path in links:
        text = Path(path).read_text(encoding="utf-8")
        assert path.endswith(name) or f"def {name}(" in text, (name, path)
