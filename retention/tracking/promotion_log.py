"""What MLflow learns when the champion may change: the comparison, and which model scores.

Champion/ is the authority. Where MLflow cannot be reached, both functions return its message in
place of raising, because a champion is installed all the same.
"""

from retention.core import artefacts
from retention.core.params import Params
from retention.serving.champion import Champion
from retention.serving.comparison import Comparison
from retention.tracking import client, promotion_record


def track(
    params: Params, decision: str, comparison: Comparison, override_reason: str | None = None
) -> str:
    """Log a comparison as a run; the line to print: the run's id, or why there is none."""
    run = promotion_record.promotion_run(params, decision, comparison, override_reason)
    try:
        return f"MLflow run {client.log_figures(params.company, run)}"
    except client.TrackingDown as down:
        return str(down)


def mirror(params: Params, champion: Champion, has_challenger: bool) -> str | None:
    """Let MLflow's aliases follow champion/; the line to print where it cannot be reached."""
    folders = {
        "champion": champion.folder,
        "challenger": artefacts.CANDIDATE.path if has_challenger else None,
    }
    try:
        client.mirror(params.company, client.input_example(), folders)
    except client.TrackingDown as down:
        return str(down)
    return None
