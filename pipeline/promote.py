"""Stage `promote`: the first result becomes the champion; a later one waits as challenger.

The challenger is compared with the champion on customers of a day that neither has seen. It takes
the champion's place when somebody says `retention promote`, or by itself under
`promote.automatic`; where it is worse beyond the interval, or cannot be compared, only with a
reason that is written down.
"""

from retention.core import artefacts, console, errors
from retention.core.params import load_params
from retention.core.storage import atomic
from retention.serving import champion
from retention.serving.comparison import not_comparable
from retention.serving.promotion import (
    DECISION_TEXTS,
    final_decision,
    candidate_parts,
    compare_with_champion,
    decide,
    install,
    candidate_manifest,
    side_by_side,
)
from retention.tracking import promotion as tracked_promotion


def main() -> None:
    chosen = load_params()
    with console.stage("promote") as report:
        story, figures = atomic.read_json(artefacts.SELECTION), atomic.read_json(artefacts.METRICS)
        found, parts = candidate_manifest(chosen, story, figures), candidate_parts()
        sha256, now = champion.hashes(parts), champion.current()
        decision, beside = decide(now, found, sha256), side_by_side(now, found)
        compared = compare_with_champion(now, found, chosen) if now and decision == "challenge" else None
        decision = final_decision(decision, compared, chosen)
        if now is None or decision in ("set aside", "take"):
            now = install(found, decision, compared)
        told = compared or not_comparable("there is no challenger")
        hashes = {"champion": now.sha256, "candidate": sha256}
        atomic.write_json(
            artefacts.DECISION,
            {"decision": decision, "figures": beside, "comparison": told.as_json(), **hashes},
        )
        atomic.write_json(artefacts.PROMOTE_METRICS, {"verdict": told.verdict, **told.figures()})
        if compared:
            report.info(f"the challenger is {compared}")
        if compared and compared.measures:
            report.info(tracked_promotion.track(chosen, decision, compared))
        report.info(DECISION_TEXTS[decision])
        unreachable = tracked_promotion.mirror(chosen, now, has_challenger=decision == "challenge")
        if unreachable:
            report.info(unreachable)


if __name__ == "__main__":
    errors.run(main)
