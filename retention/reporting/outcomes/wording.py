"""What the page says first, and how it writes a number with its interval."""

from collections.abc import Callable, Iterator
from math import ceil, inf, isnan
from typing import Final

from retention.experiments import conclusions
from retention.experiments.incremental import Amount
from retention.experiments.report_data import Content, Group, Range
from retention.i18n.language import Language, marked
from retention.serving.themes import ACTIONABLE, CONTEXT

ARMS: Final = {"contact": marked("to contact"), "holdout": marked("held out")}
KNOWN: Final = {
    "churn_probability": marked("Chance of leaving, predicted"),
    "expected_loss": marked("Value at stake"),
}
BY: Final = {"play": marked("By action"), "theme": marked("By first reason")}
LEFT_OUT: Final = (
    marked("ended in the gap"),
    marked("had ended before the snapshot, known only later"),
    marked("had not begun before the snapshot, known only later"),
)
"""Why a label leaves a customer out, in the words of stage `labels`."""

RIGHT: Final = {
    "right": marked("as the list had said, but for chance"),
    "too low": marked("more left than the list had said"),
    "too high": marked("fewer left than the list had said"),
    "too few": marked("too few held out to tell"),
}
"""What became of a past list's held out against what it had said, by `PastList.verdict`."""

_MANY: Final = 24  # months, above which years are counted
Write = Callable[[float], str]


def headline(told: Content) -> str:
    """The page in one sentence."""
    says = told.language
    if told.result:
        sentence = told.result.verdict
        return f"{sentence[:1].upper()}{sentence[1:]}{says.gettext('.')}"
    if told.plan is None:
        return says.gettext(
            "Nothing can be measured: nobody is held out at random. Set at_risk.holdout_share."
        )
    if not told.entered.both:
        return says.gettext(
            "Nothing can be measured yet: no published list has chosen anybody. Of the list of "
            "{today} the first result can come on {date}.",
            today=says.date(told.as_of),
            date=says.date(told.first_on),
        )
    return says.gettext(
        "Nothing can be measured yet: what became of those first chosen will be known on {date}.",
        date=says.date(told.first_on),
    )


def beneath(told: Content) -> Iterator[str]:
    """What belongs to it: whether it paid, and whether the comparison is sound."""
    says = told.language
    if told.result and told.result.measured:
        paid = conclusions.paid(told.result.saved.net, told.currency, says)
        yield f"{paid[:1].upper()}{paid[1:]}{says.gettext('.')}"
    elif told.result and not isnan(told.result.saved.customers.low):
        saved = told.result.saved.customers
        yield says.gettext(
            "What is known so far leaves room for anything between {lost} customers lost and "
            "{saved} saved.",
            lost=says.number(max(0.0, -saved.low)),
            saved=says.number(max(0.0, saved.high)),
        )
    if told.balance and not told.balance.holds:
        yield says.gettext(
            "Take care: the two arms differed before anything was done, by more than chance. "
            "Until it is known why, what is said here may be wrong."
        )


def interval(amount: Amount | Range, write: Write, says: Language) -> str:
    """'6 to 56'; empty where it cannot be measured yet."""
    if isnan(amount.low) or isnan(amount.high):
        return ""
    return says.gettext("{low} to {high}", low=write(amount.low), high=write(amount.high))


def of_hundred(share: float, says: Language) -> str:
    """'64' of 0.6432: so many of 100."""
    return says.number(100 * share)


def months(number: float, says: Language) -> str:
    """'5 months', 'enough already', 'never at this pace'."""
    if number == inf:
        return says.gettext("never at this pace")
    if number <= 0:
        return says.gettext("enough already")
    if number > _MANY:
        return says.ngettext("{n} year", "{n} years", ceil(number / 12))
    return says.ngettext("{n} month", "{n} months", int(number))


def group(one: Group, plays: dict[str, str], says: Language) -> str:
    """A play by what it does, a theme in words."""
    if one.by == "play":
        return plays.get(one.name, one.name.replace("_", " "))
    return says.gettext((ACTIONABLE | CONTEXT).get(one.name, one.name))
