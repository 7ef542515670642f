"""Conclusions of an experiment in plain words, none of which claims more than the data show."""

from math import inf, isnan
from typing import Final

from retention.experiments import incremental
from retention.experiments.incremental import Estimate
from retention.i18n.language import Language, gettext_noop
from retention.stats.power import ArmSizes, months_to_sample_size
from retention.stats.two_sample import EffectEstimate

_EARNED: Final = gettext_noop("earned {value} more than it cost, between {low} and {high}")
_COST: Final = gettext_noop("cost {value} more than it earned, between {low} and {high}")
_UNSURE: Final = gettext_noop(
    "not shown to earn its cost: {value} after cost, between {low} and {high}"
)
_TOO_FEW: Final = gettext_noop("cannot be measured yet: too few customers have left so far")


def retention_conclusion(
    churn_effect: EffectEstimate,
    required: ArmSizes,
    enrolment_rate: ArmSizes,
    language: Language,
) -> str:
    """Say whether contact retained customers, how many, or when that will be known.

    An effect that is significant early is reported early. "No effect" is reported only once
    there are enough customers to show the target effect.

    Parameters
    ----------
    churn_effect : EffectEstimate
        On the churn rate, contact less holdout; from `sequential.confidence_sequence` where it is
        read more than once.
    required : ArmSizes
        Customers that the target effect needs, under the same reading.
    enrolment_rate : ArmSizes
        Customers per month whose outcome becomes known.
    language : Language

    Returns
    -------
    str
        A sentence without its full stop.
    """
    observed = ArmSizes(churn_effect.treated, churn_effect.control)
    saved = incremental.saved_customers(churn_effect)
    if churn_effect.significant:
        return _saved(saved, language) if saved.value > 0 else _lost(saved.times(-1), language)
    if not observed.covers(required):
        months = months_to_sample_size(required, observed, enrolment_rate)
        return _not_yet(required, observed, months, language)
    if isnan(churn_effect.low):
        return language.gettext(_TOO_FEW)
    return language.gettext(
        "no effect shown, though there were customers enough to show one of the size looked for: "
        "between {lost} customers lost and {saved} saved",
        lost=language.number(-saved.low),
        saved=language.number(saved.high),
    )


def roi_conclusion(net: Estimate, currency: str, language: Language) -> str:
    """Say whether contact earned its cost.

    Parameters
    ----------
    net : Estimate
        Value less cost, currency.
    currency : str
        ISO 4217 code.
    language : Language

    Returns
    -------
    str
        A sentence without its full stop.
    """
    if isnan(net.low):
        return language.gettext("whether it earned its cost cannot be measured yet")
    message, shown = _UNSURE, net
    if net.low > 0:
        message = _EARNED
    elif net.high < 0:
        message, shown = _COST, net.times(-1)
    money = {name: language.money(amount, currency, 0) for name, amount in vars(shown).items()}
    return language.gettext(message, **money)


def _saved(saved: Estimate, language: Language) -> str:
    return language.ngettext(
        "saved {n} customer, between {low} and {high}",
        "saved {n} customers, between {low} and {high}",
        _whole(saved.value),
        low=language.number(saved.low),
        high=language.number(saved.high),
    )


def _lost(lost: Estimate, language: Language) -> str:
    return language.ngettext(
        "lost {n} customer who would have stayed if left alone, between {low} and {high}",
        "lost {n} customers who would have stayed if left alone, between {low} and {high}",
        _whole(lost.value),
        low=language.number(lost.low),
        high=language.number(lost.high),
    )


def _not_yet(required: ArmSizes, observed: ArmSizes, months: float, language: Language) -> str:
    if required.control == inf:
        return language.gettext(_TOO_FEW)
    if required.treated == required.control:
        return language.gettext(
            "cannot be measured yet: needs {needed} per arm, has {has}, {wait}",
            needed=language.number(required.control),
            has=language.number(min(observed.treated, observed.control)),
            wait=_how_long(months, language),
        )
    return language.gettext(
        "cannot be measured yet: needs {control} held out and {treated} to contact, "
        "has {has_control} and {has_treated}, {wait}",
        control=language.number(required.control),
        treated=language.number(required.treated),
        has_control=language.number(observed.control),
        has_treated=language.number(observed.treated),
        wait=_how_long(months, language),
    )


def _how_long(months: float, language: Language) -> str:
    if months == inf:
        return language.gettext("never at this pace")
    return language.ngettext(
        "about {n} more month at this pace", "about {n} more months at this pace", int(months)
    )


def _whole(number: float) -> int:
    """As `Language.number` rounds what is not negative."""
    return int(number + 0.5)
