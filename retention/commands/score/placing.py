"""Publishes a list of an earlier day: beside the newer ones, while staff go on with the current.

Nobody works such a list, so nobody enters a trial by it: the ledger of assignments stays as it is.
"""

from pathlib import Path

from pipeline import publish
from retention.core import console
from retention.core.params import load_params
from retention.worklist import published


def main() -> None:
    config = load_params().publish
    with console.stage("publish") as report:
        publish.refuse_erased(publish.SOURCE)
        published.publish_list(
            publish.SOURCE,
            Path(config.folder),
            allow_older=False,
            place_only=True,
            say=report.info,
        )
