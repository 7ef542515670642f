"""Conclusions of an experiment in plain words, none of which claims more than the data show."""

from math import inf, isnan
from typing import Final

from retention.core.documents.reports import ListGain
from retention.experiments import incremental
from retention.experiments.incremental import Estimate
from retention.experiments.report_data import HoldoutDesign
from retention.i18n.language import Language, gettext_noop
from retention.stats.power import ArmSizes, months_to_sample_size
from retention.stats.two_sample import EffectEstimate

_EARNED: Final = gettext_noop("earned {value} more than it cost, between {low} and {high}")
_COST: Final = gettext_noop("cost {value} more than it earned, between {low} and {high}")
_UNSURE: Final = gettext_noop(
    "not shown to earn its cost: {value} after cost, between {low} and {high}"
)
_TOO_FEW: Final = gettext_noop("cannot be measured yet: too few customers have left so far")


BASES: Final = {
    "belief": gettext_noop("a belief: no comparison has measured it yet"),
    "measured": gettext_noop("measured on {n} customers chosen at random"),
    "mixed": gettext_noop("in part a belief, in part measured on {n} customers chosen at random"),
}
"""What the expected gain of a list rests on, by `ListGain.basis`."""


def expected_gain(expected: ListGain | None, currency: str, language: Language) -> str:
    """Say what the contacts of a list are expected to gain, and whether that was measured.

    List, proposal and outcomes page say it in these words.

    Parameters
    ----------
    expected : ListGain or None
    currency : str
        ISO 4217 code.
    language : Language

    Returns
    -------
    str
        A sentence; empty where nobody is contacted or no customer brings money.
    """
    if expected is None or expected.value is None or not expected.contacts:
        return ""
    basis = language.gettext(BASES[expected.basis], n=language.number(expected.randomised))
    value, low, high = (
        language.money(amount or 0.0, currency, 0)
        for amount in (expected.value, expected.low, expected.high)
    )
    if expected.low is None:
        return language.ngettext(
            "The {n} contact of this list is expected to gain {value} after cost: {basis}.",
            "The {n} contacts of this list are expected to gain {value} after cost: {basis}.",
            expected.contacts,
            value=value,
            basis=basis,
        )
    return language.ngettext(
        "The {n} contact of this list is expected to gain {value} after cost, between {low} and "
        "{high}: {basis}.",
        "The {n} contacts of this list are expected to gain {value} after cost, between {low} and "
        "{high}: {basis}.",
        expected.contacts,
        value=value,
        low=low,
        high=high,
        basis=basis,
    )


def holdout_proposal(
    design: HoldoutDesign, target_effect: float, currency: str, language: Language
) -> str:
    """Say which share to hold out for an answer by a day, and what that costs.

    Parameters
    ----------
    design : HoldoutDesign
    target_effect : float
        Share of those who would leave whom contacts are to keep.
    currency : str
        ISO 4217 code.
    language : Language

    Returns
    -------
    str
        Sentences.
    """
    values = {
        "share": language.percent(design.holdout_share),
        "day": language.date(design.answer_by),
        "effect": language.percent(target_effect),
        "first": language.date(design.answer_day) if design.answer_day else "",
    }
    if design.is_in_time:
        answer = language.gettext(
            "To know by {day} whether contacts keep {effect} of those who would leave, hold out "
            "{share}.",
            **values,
        )
    elif design.answer_day:
        answer = language.gettext(
            "No share shows by {day} whether contacts keep {effect} of those who would leave; "
            "{share} held out shows it first, about {first}.",
            **values,
        )
    else:
        return language.gettext(
            "No share will ever show whether contacts keep {effect} of those who would leave: too "
            "few customers are chosen.",
            **values,
        )
    sentences = [answer]
    if not isnan(design.lost_customers):
        sentences.append(
            language.gettext(
                "Until {day} that leaves about {held} customers alone, which costs at most {lost} "
                "customers kept and {money}.",
                day=values["day"],
                held=language.number(design.held_out),
                lost=language.number(design.lost_customers, 1),
                money=language.money(design.lost_money, currency, 0),
            )
        )
    if not design.is_in_time and not isnan(design.smallest_effect):
        sentences.append(
            language.gettext(
                "By {day} it shows if contacts keep {least} or more.",
                day=values["day"],
                least=language.percent(design.smallest_effect),
            )
        )
    return " ".join(sentences)


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
