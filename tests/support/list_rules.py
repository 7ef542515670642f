"""What must hold of every row of a list in English, whatever company it is of."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from retention.core import artefacts
from retention.serving.sentences import SILENT_FROM
from retention.serving.themes import family_of

DATE = re.compile(r"\d{1,2} [A-Z][a-z]{2} \d{4}")
CALM = ("as many as", "as much as", " -", "\u2212", "by contract for", "{", "None", "nan")
"""What no reason may contain: no change, a negative share, tenure, an unfilled template."""


def reasons(row: Mapping[str, Any]) -> list[str]:
    return [row[name] for name in artefacts.REASON_COLUMNS if row[name]]


def broken_rules(rows: Iterable[Mapping[str, Any]]) -> list[str]:
    """The customers whose row breaks a rule, with the rule."""
    broken = []
    for row in rows:
        texts = reasons(row)
        dates = [date for text in texts for date in DATE.findall(text)]
        families = {family_of(theme) for theme in (row["themes"] or "").split()}
        is_calm = _number(row["days_since_purchase"]) <= SILENT_FROM * _number(
            row["usual_gap_days"]
        )
        all_texts = " ".join(texts)
        checks = {
            "a date twice": len(dates) > len(set(dates)),
            "a reason twice": len(texts) > len(set(texts)),
            "a family twice": len(texts) > len(families),
            "a reason without a date": any(not DATE.search(text) for text in texts),
            "a calm reason": any(calm in all_texts for calm in CALM),
            "silent, and yet as usual": is_calm and "nothing for" in all_texts,
            "nothing to say": not row["wording"] or not row["avoid"],
            "nothing to do": not row["action"],
            "called in writing": str(row["action"]).startswith("Call")
            and row["channel"] not in (None, "", "phone", "office", "store"),
        }
        broken += [f"{row['customer_id']}: {rule}" for rule, breaks in checks.items() if breaks]
    return broken


def _number(cell: Any) -> float:
    return float(cell) if cell not in (None, "") else float("nan")
