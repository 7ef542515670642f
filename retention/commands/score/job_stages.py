"""The stages that only `retention score` has: check of the registry, backfill, and both pages.

job.py runs the stages, request.py lists them. Each works in the current folder, like those of
pipeline/.
"""

from pathlib import Path

from pipeline import outcomes, publish, scorecard
from retention.core import console
from retention.core.errors import Guarded
from retention.core.params import load_params
from retention.serving import champion
from retention.tracking import client
from retention.worklist import published


def check_registry() -> None:
    """Guarded unless MLflow's registry and champion/ name the same models, before they score.

    champion/ scores in any case: no file of the registry is ever run.
    """
    params = load_params()
    with console.stage("registry") as log:
        try:
            registered = client.registered_sha256(params.company)
        except client.TrackingDown as down:
            if params.score.without_registry == "refuse":
                raise Guarded(f"{down}; or set score.without_registry: pinned") from None
            log.info(f"not reached, so champion/ scores unchecked: {down}")
            return
        current = champion.current()
        _compare(registered, current.sha256 if current else {})
        log.info("the registry's champion is that of champion/")


def _compare(registered: dict[str, str], pinned: dict[str, str]) -> None:
    """Guarded where a model of the registry is not the pinned one; both: sha256 by part."""
    different = [part for part, sha256 in registered.items() if pinned.get(part) != sha256]
    if different:
        raise Guarded(
            f"the registry's champion is not the one of champion/ ({', '.join(sorted(different))}"
            " differ); nothing of it was run; retention promote or rollback makes them one again,"
            " score.champion: pinned goes without the registry"
        )


def publish_backfill() -> None:
    """Publish a list of an earlier day beside newer ones; the current list stays.

    Nobody works such a list, so it assigns nobody to an arm: ledgers/assignments stays as it is.
    """
    publish_params = load_params().publish
    with console.stage("publish") as log:
        publish.refuse_erased(publish.SOURCE)
        published.publish_list(
            publish.SOURCE,
            Path(publish_params.folder),
            allow_older=False,
            place_only=True,
            say=log.info,
        )


def reports() -> None:
    """Make the scorecard and the outcomes page of the day, in one process."""
    scorecard.main()
    outcomes.main()
