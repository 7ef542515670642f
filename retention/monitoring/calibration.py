"""Calibration of the churn probability on the customers whom a past list held out."""

import pandas as pd

from retention.core.params import GuardParams
from retention.i18n.language import Language
from retention.monitoring.finding import OK, REFUSED, WARNED, Finding


def holdout_calibration(
    past: pd.DataFrame, guard_params: GuardParams, language: Language
) -> Finding:
    """Calibration of the newest list that can be judged: PAST_LISTS.calibrated is not null.

    past: PAST_LISTS. Contacted customers are no evidence: they may have stayed for the contact.
    """
    judged_lists = past[past["calibrated"].notna()]
    if judged_lists.empty:
        words = "No list has enough customers held out whose outcome is known."
        return Finding(
            guard="calibration",
            about="past lists",
            figure="not known yet",
            limit=_limit(guard_params),
            meaning=words,
        )
    return _of_list(judged_lists.sort_values(["as_of", "list_id"]).iloc[-1], guard_params, language)


def distance_outside_interval(past_list: "pd.Series") -> float:
    """How far the mean prediction lies outside of the interval of the churn rate; 0 within."""
    predicted = float(past_list["predicted_held_out"])
    return max(0.0, predicted - float(past_list["high"]), float(past_list["low"]) - predicted)


def _of_list(past_list: "pd.Series", guard_params: GuardParams, language: Language) -> Finding:
    predicted = float(past_list["predicted_held_out"])
    distance = distance_outside_interval(past_list)
    interval = f"between {past_list['low']:.1%} and {past_list['high']:.1%}"
    level = OK if past_list["calibrated"] else WARNED
    if guard_params.calibration_refuse is not None and distance > guard_params.calibration_refuse:
        level = REFUSED
    return Finding(
        guard="calibration",
        about=f"list of {past_list['as_of'].date()}",
        figure=f"{predicted:.1%} predicted, {past_list['left_held_out']:.1%} left",
        limit=_limit(guard_params),
        meaning=f"Of those held out {interval} leave, 95 in 100.",
        level=level,
        do="see data/outcomes/outcomes.html; run make repro and let what it trains score",
        banner="" if level == OK else _banner(past_list, language),
    )


def _banner(past_list: "pd.Series", language: Language) -> str:
    return language.gettext(
        "Of those left alone after the list of {date} {left} left, where {said} were expected: "
        "the chances may be off.",
        date=language.date(past_list["as_of"].date()),
        left=language.percent(float(past_list["left_held_out"])),
        said=language.percent(float(past_list["predicted_held_out"])),
    )


def _limit(guard_params: GuardParams) -> str:
    if guard_params.calibration_least is None:
        return "off"
    distance = guard_params.calibration_refuse
    refusal = "" if distance is None else f", refuses {distance:.0%} beyond it"
    return f"warns outside of the interval{refusal}"
