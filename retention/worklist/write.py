"""Stage `at_risk`: what to do about every watched customer, and the list that staff read.

Everybody watched ends in one lane, by the policy of params.yaml (docs/policy.md). The list shows
whom to contact, by expected net gain, then those with something to be put right first.
"""

from pathlib import Path

from retention.core import artefacts
from retention.core.storage import atomic
from retention.worklist import to_csv
from retention.worklist.build import AtRisk
from retention.worklist.model import Listing, slug
from retention.worklist.to_html import digest, page
from retention.worklist.to_xlsx import workbook


def written(made: Listing) -> dict[str, tuple[bytes, int]]:
    """Every file of the list by its name, with its rows."""
    many = made.rows.num_rows
    whole = {
        "at_risk.csv": (to_csv.content(made), many),
        "at_risk.xlsx": (workbook.content(made), many),
        "at_risk.html": (page.content(made), many),
        "dropped.csv": (to_csv.dropped_content(made), made.dropped.num_rows),
    }
    if made.owners() in ([], [None]):
        return whole
    for owner in made.owners():
        mine, name = made.of_owner(owner), slug(owner)
        whole[f"at_risk-{name}.xlsx"] = workbook.content(mine, name), mine.rows.num_rows
        whole[f"digest-{name}.html"] = digest.content(mine, owner), mine.rows.num_rows
    return whole


def write(made: AtRisk, folder: Path) -> None:
    """The list, and beside it what is not for readers."""
    atomic.write_table(folder / artefacts.HELD_OUT.path.name, made.held_out)
    atomic.write_table(folder / artefacts.LANES.path.name, made.lanes)
    write_list(made.listing, folder)


def write_list(made: Listing, folder: Path) -> None:
    """The list in every format, and summary.json, which names what is to be published."""
    for old in [*folder.glob("at_risk-*.xlsx"), *folder.glob("digest-*.html")]:
        atomic.remove(old)
    content = written(made)
    for name, (told, _) in content.items():
        atomic.write_bytes(folder / name, told)
    named = {name: many for name, (_, many) in content.items()}
    atomic.write_json(folder / "summary.json", made.summary() | {"files": named})
