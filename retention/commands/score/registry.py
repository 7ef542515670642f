"""Whether MLflow's registry and champion/ name the same models, before they score.

What scores is champion/ in any case: nothing that lies in the registry is ever run.
"""

from retention.core.console import stage
from retention.core.errors import Guarded
from retention.core.params import load_params
from retention.serving import champion
from retention.tracking import client


def agree(registered: dict[str, str], pinned: dict[str, str]) -> None:
    """Guarded where a model of the registry is not the pinned one; both: sha256 by part."""
    other = [name for name, sha256 in registered.items() if pinned.get(name) != sha256]
    if other:
        raise Guarded(
            f"the registry's champion is not the one of champion/ ({', '.join(sorted(other))}"
            " differ); nothing of it was run; retention promote or rollback makes them one again,"
            " score.champion: pinned goes without the registry"
        )


def main() -> None:
    chosen = load_params()
    with stage("registry") as report:
        try:
            found = client.registered_sha256(chosen.company)
        except client.TrackingDown as down:
            if chosen.score.without_registry == "refuse":
                raise Guarded(f"{down}; or set score.without_registry: pinned") from None
            report.info(f"not reached, so champion/ scores unchecked: {down}")
            return
        now = champion.current()
        agree(found, now.sha256 if now else {})
        report.info("the registry's champion is that of champion/")
