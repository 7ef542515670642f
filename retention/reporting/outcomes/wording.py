"""What the page says first, and how it writes a number with its interval."""

from collections.abc import Callable, Iterator
from math import ceil, inf, isnan
from typing import Final

from retention.experiments import conclusions
from retention.experiments.incremental import Estimate
from retention.experiments.report_data import OutcomesReport, SubgroupResult, RangeEstimate
from retention.i18n.language import Language, gettext_noop
from retention.serving.themes import ACTIONABLE, CONTEXT

ARMS: Final = {"contact": gettext_noop("to contact"), "holdout": gettext_noop("held out")}
BASELINE_COLUMNS: Final = {
    "churn_probability": gettext_noop("Chance of leaving, predicted"),
    "expected_loss": gettext_noop("Value at stake"),
}
SUBGROUP_TITLES: Final = {"play": gettext_noop("By action"), "theme": gettext_noop("By first reason")}
LEFT_OUT: Final = (
    gettext_noop("ended in the gap"),
    gettext_noop("had ended before the snapshot, known only later"),
    gettext_noop("had not begun before the snapshot, known only later"),
)
"""Why a label leaves a customer out, in the words of stage `labels`."""

CALIBRATION_VERDICTS: Final = {
    "right": gettext_noop("as the list had said, but for chance"),
    "too low": gettext_noop("more left than the list had said"),
    "too high": gettext_noop("fewer left than the list had said"),
    "too few": gettext_noop("too few held out to tell"),
}
"""What became of a past list's held out against what it had said, by `PastList.verdict`."""

_MANY: Final = 24  # months, above which years are counted
Write = Callable[[float], str]


def headline(told: OutcomesReport) -> str:
    """The page in one sentence."""
    says = told.language
    if told.result:
        sentence = told.result.conclusion
        return f"{sentence[:1].upper()}{sentence[1:]}{says.gettext('.')}"
    if told.plan is None:
        return says.gettext(
            "Nothing can be measured: nobody is held out at random. Set at_risk.holdout_share."
        )
    if not told.assigned.total:
        return says.gettext(
            "Nothing can be measured yet: no published list has chosen anybody. Of the list of "
            "{today} the first result can come on {date}.",
            today=says.date(told.as_of),
            date=says.date(told.first_result_on),
        )
    return says.gettext(
        "Nothing can be measured yet: what became of those first chosen will be known on {date}.",
        date=says.date(told.first_result_on),
    )


def supporting_sentences(told: OutcomesReport) -> Iterator[str]:
    """What belongs to it: whether it paid, and whether the comparison is sound."""
    says = told.language
    if told.result and told.result.is_conclusive:
        paid = conclusions.roi_conclusion(told.result.incremental.net, told.currency, says)
        yield f"{paid[:1].upper()}{paid[1:]}{says.gettext('.')}"
    elif told.result and not isnan(told.result.incremental.customers.low):
        saved = told.result.incremental.customers
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


def format_interval(amount: Estimate | RangeEstimate, write: Write, says: Language) -> str:
    """'6 to 56'; empty where it cannot be measured yet."""
    if isnan(amount.low) or isnan(amount.high):
        return ""
    return says.gettext("{low} to {high}", low=write(amount.low), high=write(amount.high))


def per_hundred(share: float, says: Language) -> str:
    """'64' of 0.6432: so many of 100."""
    return says.number(100 * share)


def format_months(number: float, says: Language) -> str:
    """'5 months', 'enough already', 'never at this pace'."""
    if number == inf:
        return says.gettext("never at this pace")
    if number <= 0:
        return says.gettext("enough already")
    if number > _MANY:
        return says.ngettext("{n} year", "{n} years", ceil(number / 12))
    return says.ngettext("{n} month", "{n} months", int(number))


def subgroup_name(one: SubgroupResult, plays: dict[str, str], says: Language) -> str:
    """A play by what it does, a theme in words."""
    if one.column == "play":
        return plays.get(one.name, one.name.replace("_", " "))
    return says.gettext((ACTIONABLE | CONTEXT).get(one.name, one.name))
