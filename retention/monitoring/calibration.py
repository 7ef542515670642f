"""Whether the chances of leaving came true among those left alone after a past list."""

import pandas as pd

from retention.core.params import Guards
from retention.i18n.language import Language
from retention.monitoring.finding import OK, REFUSED, WARNED, Finding


def calibration(past: pd.DataFrame, rules: Guards, says: Language) -> Finding:
    """The newest list that can be judged: PAST_LISTS.calibrated is not null.

    past: PAST_LISTS. Those contacted say nothing of it: they may have stayed for the contact.
    """
    judged = past[past["calibrated"].notna()]
    if judged.empty:
        words = "No list has enough customers held out whose outcome is known."
        return Finding("calibration", "past lists", "not known yet", _limit(rules), words)
    return _of_list(judged.sort_values(["as_of", "list_id"]).iloc[-1], rules, says)


def outside(one: "pd.Series") -> float:
    """How far the mean prediction lies outside of the interval of what happened; 0 within."""
    said = float(one["predicted_held_out"])
    return max(0.0, said - float(one["high"]), float(one["low"]) - said)


def _of_list(one: "pd.Series", rules: Guards, says: Language) -> Finding:
    said, far = float(one["predicted_held_out"]), outside(one)
    level = OK if one["calibrated"] else WARNED
    if rules.calibration_refuse is not None and far > rules.calibration_refuse:
        level = REFUSED
    return Finding(
        guard="calibration",
        about=f"list of {one['as_of'].date()}",
        figure=f"{said:.1%} predicted, {one['left_held_out']:.1%} left",
        limit=_limit(rules),
        says=f"Of those held out between {one['low']:.1%} and {one['high']:.1%} leave, 95 in 100.",
        level=level,
        do="see data/outcomes/outcomes.html; run make repro and let what it trains score",
        banner="" if level == OK else _banner(one, says),
    )


def _banner(one: "pd.Series", says: Language) -> str:
    return says.gettext(
        "Of those left alone after the list of {date} {left} left, where {said} were expected: "
        "the chances may be off.",
        date=says.date(one["as_of"].date()),
        left=says.percent(float(one["left_held_out"])),
        said=says.percent(float(one["predicted_held_out"])),
    )


def _limit(rules: Guards) -> str:
    if rules.calibration_least is None:
        return "off"
    far = rules.calibration_refuse
    told = "" if far is None else f", refuses {far:.0%} beyond it"
    return f"warns outside of the interval{told}"
