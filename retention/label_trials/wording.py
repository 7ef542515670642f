"""The recommendation of label windows in words."""

from collections.abc import Iterator

from retention.i18n.language import Language
from retention.label_trials.gaps import USUAL
from retention.label_trials.recommendation import MAX_NOTICED, Recommendation
from retention.label_trials.setting import Setting
from retention.label_trials.trials import MAX_BACK


def verdict(recommendation: Recommendation, setting: Setting, language: Language) -> str:
    """Whom to count as lost."""
    windows = recommendation.windows
    if setting.is_cancel:
        return language.gettext(
            "Count as lost everyone whose contract ends within {days} days.",
            days=windows.horizon_days,
        )
    return language.gettext(
        "Of those who came in the last {active} days, count as lost whoever stays away for the"
        " next {days}.",
        active=windows.active_days,
        days=windows.horizon_days,
    )


def reason(recommendation: Recommendation, setting: Setting, language: Language) -> str:
    """Why, in a sentence."""
    best, compared, _ = recommendation.outcomes, recommendation.compared, language.gettext
    if best is None:
        return _short_history(recommendation, setting, language)
    longest, days = compared[-1].windows.horizon_days, best.windows.horizon_days
    back = language.percent(best.back_rate.value if best.back_rate.n else 0.0)
    match recommendation.reason:
        case "few come back":
            return _(
                "Of those so counted {back} came back within {follow} days; {days} days is the"
                " shortest horizon of which at most {mark} did.",
                back=back,
                follow=setting.follow_up_days,
                days=days,
                mark=language.percent(MAX_BACK),
            )
        case "many come back":
            return _(
                "Of those so counted {back} still came back within {follow} days, more than {mark};"
                " {days} days is the longest horizon that this history can test.",
                back=back,
                follow=setting.follow_up_days,
                mark=language.percent(MAX_BACK),
                days=longest,
            )
        case "enough leave":
            return _(
                "In {days} days {left} leave, enough for a list of {capacity}, and at most {mark}"
                " of them had given notice before; of a shorter horizon one of these does not"
                " hold.",
                days=days,
                left=language.number(best.n_lost),
                capacity=setting.capacity,
                mark=language.percent(MAX_NOTICED),
            )
        case _:
            return _(
                "No horizon fills a list of {capacity} with customers who leave without having"
                " given notice; in {days} days most leave: {left}.",
                capacity=setting.capacity,
                days=days,
                left=language.number(best.n_lost),
            )


def _short_history(recommendation: Recommendation, setting: Setting, language: Language) -> str:
    days, gaps = setting.history_days, recommendation.gaps
    start = language.gettext(
        "{days} days of history, or the customers in them, are too few to try a horizon on a later"
        " period.",
        days=days,
    )
    if gaps.usual is None:
        return start
    return f"{start} " + language.gettext(
        "{share} of the gaps between a customer's days are at most {usual} days; the horizon"
        " covers them as far as the history lasts.",
        share=language.percent(USUAL),
        usual=gaps.usual,
    )


def remarks(recommendation: Recommendation, setting: Setting, language: Language) -> Iterator[str]:
    """What to mind."""
    best, configured = recommendation.outcomes, setting.configured
    is_few = best is not None and recommendation.reason == "few come back"
    if best is not None and is_few and best.back_rate.n and best.back_rate.high > MAX_BACK:
        yield language.gettext(
            "The likely range of the share that came back, {low} to {high}, reaches above"
            " {mark}: a longer horizon could be right too.",
            low=language.percent(best.back_rate.low),
            high=language.percent(best.back_rate.high),
            mark=language.percent(MAX_BACK),
        )
    if recommendation.windows == configured:
        yield language.gettext("params.yaml says the same.")
    else:
        yield language.gettext(
            "params.yaml has horizon_days: {days}, active_days: {active}.",
            days=configured.horizon_days,
            active=configured.active_days,
        )
