"""What may be said of a comparison, in plain words; nothing is claimed that it does not show."""

from math import inf, isnan
from typing import Final

from retention.experiments import incremental
from retention.experiments.incremental import Estimate
from retention.i18n.language import Language, gettext_noop
from retention.stats.power import ArmSizes, months_to_sample_size
from retention.stats.two_sample import EffectEstimate

_EARNED: Final = gettext_noop("earned {value} more than it cost, between {low} and {high}")
_COST: Final = gettext_noop("cost {value} more than it earned, between {low} and {high}")
_UNSURE: Final = gettext_noop("not shown to earn its cost: {value} after cost, between {low} and {high}")
_TOO_FEW: Final = gettext_noop("cannot be measured yet: too few customers have left so far")


def retention_conclusion(left: EffectEstimate, needed: ArmSizes, a_month: ArmSizes, language: Language) -> str:
    """Whether contact kept customers, how many, or when that will be known.

    left: of shares of leavers; read by `always.at_any_time` where it is read more than once.
    needed: for the effect looked for, from `power.size` with the same reading. a_month: customers
    whose outcome becomes known each month. What is shown early is said early; what is not shown is
    only called nothing once there were customers enough to show it.
    """
    has = ArmSizes(left.treated, left.control)
    saved = incremental.saved_customers(left)
    if left.significant:
        return _kept(saved, language) if saved.value > 0 else _lost(saved.times(-1), language)
    if not has.covers(needed):
        return _not_yet(needed, has, months_to_sample_size(needed, has, a_month), language)
    if isnan(left.low):
        return language.gettext(_TOO_FEW)
    return language.gettext(
        "no effect shown, though there were customers enough to show one of the size looked for: "
        "between {lost} customers lost and {saved} saved",
        lost=language.number(-saved.low),
        saved=language.number(saved.high),
    )


def roi_conclusion(net: Estimate, currency: str, language: Language) -> str:
    """Whether contact earned what it cost; net: of `saves.saved`."""
    if isnan(net.low):
        return language.gettext("whether it earned its cost cannot be measured yet")
    if net.low > 0:
        message, told = _EARNED, net
    elif net.high < 0:
        message, told = _COST, net.times(-1)
    else:
        message, told = _UNSURE, net
    money = {name: language.money(value, currency, 0) for name, value in vars(told).items()}
    return language.gettext(message, **money)


def _kept(saved: Estimate, language: Language) -> str:
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


def _not_yet(needed: ArmSizes, has: ArmSizes, wait: float, language: Language) -> str:
    if needed.control == inf:
        return language.gettext(_TOO_FEW)
    if needed.treated == needed.control:
        return language.gettext(
            "cannot be measured yet: needs {needed} per arm, has {has}, {wait}",
            needed=language.number(needed.control),
            has=language.number(min(has.treated, has.control)),
            wait=_how_long(wait, language),
        )
    return language.gettext(
        "cannot be measured yet: needs {control} held out and {treated} to contact, "
        "has {has_control} and {has_treated}, {wait}",
        control=language.number(needed.control),
        treated=language.number(needed.treated),
        has_control=language.number(has.control),
        has_treated=language.number(has.treated),
        wait=_how_long(wait, language),
    )


def _how_long(wait: float, language: Language) -> str:
    if wait == inf:
        return language.gettext("never at this pace")
    return language.ngettext(
        "about {n} more month at this pace", "about {n} more months at this pace", int(wait)
    )


def _whole(number: float) -> int:
    """As `Language.number` rounds what is not negative."""
    return int(number + 0.5)
