"""The sentences of the outcomes page, and how it writes a number with its interval."""

from collections.abc import Callable, Iterator
from math import ceil, inf, isnan
from typing import Final

from retention.experiments import conclusions
from retention.experiments.incremental import Estimate
from retention.experiments.report_data import OutcomesReport, SubgroupResult
from retention.i18n.language import Language, gettext_noop
from retention.serving.themes import theme_name

ARMS: Final = {"contact": gettext_noop("to contact"), "holdout": gettext_noop("held out")}
COVARIATES: Final = {
    "churn_probability": gettext_noop("Chance of leaving, predicted"),
    "expected_loss": gettext_noop("Likely loss"),
}
SUBGROUP_TITLES: Final = {
    "play": gettext_noop("By action"),
    "theme": gettext_noop("By first reason"),
}
LEFT_OUT: Final = (
    gettext_noop("ended in the gap"),
    gettext_noop("had ended before the snapshot, known only later"),
    gettext_noop("had not begun before the snapshot, known only later"),
)
"""Why a label leaves a customer out, in the words of stage `labels`."""

CALIBRATION_VERDICTS: Final = {
    "right": gettext_noop("as predicted, within chance"),
    "too low": gettext_noop("more left than predicted"),
    "too high": gettext_noop("fewer left than predicted"),
    "too few": gettext_noop("too few held out to tell"),
}
"""Whether the customers a past list held out churned as predicted, by `PastList.verdict`."""

_MAX_MONTHS: Final = 24  # above which years are counted
Write = Callable[[float], str]


def headline(report: OutcomesReport) -> str:
    """The page in one sentence."""
    language = report.language
    if report.result:
        conclusion = report.result.conclusion
        return f"{conclusion[:1].upper()}{conclusion[1:]}{language.gettext('.')}"
    if report.plan is None:
        return language.gettext(
            "Nothing can be measured: nobody is held out at random. Set at_risk.holdout_share."
        )
    if not report.assigned.total:
        return language.gettext(
            "Nothing can be measured yet: no published list has chosen anybody. Of the list of "
            "{today} the first result can come on {date}.",
            today=language.date(report.as_of),
            date=language.date(report.first_result_on),
        )
    return language.gettext(
        "Nothing can be measured yet: what became of those first chosen will be known on {date}.",
        date=language.date(report.first_result_on),
    )


def supporting_sentences(report: OutcomesReport) -> Iterator[str]:
    """Whether contact paid, and whether the comparison is sound."""
    language = report.language
    if report.result and report.result.is_conclusive:
        net = report.result.incremental.net
        conclusion = conclusions.roi_conclusion(net, report.currency, language)
        if not isnan(net.value):  # nothing is said of money where no customer brings any
            yield f"{conclusion[:1].upper()}{conclusion[1:]}{language.gettext('.')}"
    elif report.result and not isnan(report.result.incremental.customers.low):
        saved = report.result.incremental.customers
        yield language.gettext(
            "What is known so far leaves room for anything between {lost} customers lost and "
            "{saved} saved.",
            lost=language.number(max(0.0, -saved.low)),
            saved=language.number(max(0.0, saved.high)),
        )
    gain = conclusions.expected_gain(report.expected, report.currency, language)
    if gain:
        yield gain
    if report.balance and not report.balance.holds:
        yield language.gettext(
            "Take care: the two arms differed before anything was done, by more than chance. "
            "Until it is known why, what is said here may be wrong."
        )


def without_place(report: OutcomesReport) -> str:
    """Why more are to be contacted than the lists named; empty where they are as many."""
    number = sum(batch.without_place for batch in report.batches)
    if not number:
        return ""
    return report.language.ngettext(
        "{n} of those to contact had no place on a list, as chance left fewer alone than planned; "
        "it counts with them all the same, for the arms were drawn before places were given.",
        "{n} of those to contact had no place on a list, as chance left fewer alone than planned; "
        "they count with them all the same, for the arms were drawn before places were given.",
        number,
    )


def proposal(report: OutcomesReport) -> str:
    """The holdout that would answer within a year; empty where nothing is to be proposed."""
    if report.design is None or report.plan is None:
        return ""
    if report.result and report.result.is_conclusive:
        return ""
    target = report.plan.target_effect
    return conclusions.holdout_proposal(report.design, target, report.currency, report.language)


def format_interval(estimate: Estimate, write: Write, language: Language) -> str:
    """'6 to 56'; empty where there is no interval yet."""
    if isnan(estimate.low) or isnan(estimate.high):
        return ""
    return language.gettext("{low} to {high}", low=write(estimate.low), high=write(estimate.high))


def per_hundred(proportion: float, language: Language) -> str:
    """'64' of 0.6432."""
    return language.number(100 * proportion)


def format_months(months: float, language: Language) -> str:
    """'5 months', 'enough already', 'never at this pace'."""
    if months == inf:
        return language.gettext("never at this pace")
    if months <= 0:
        return language.gettext("enough already")
    if months > _MAX_MONTHS:
        return language.ngettext("{n} year", "{n} years", ceil(months / 12))
    return language.ngettext("{n} month", "{n} months", int(months))


def subgroup_name(subgroup: SubgroupResult, plays: dict[str, str], language: Language) -> str:
    """A play by its action, a theme in words."""
    if subgroup.column == "play":
        return plays.get(subgroup.name, subgroup.name.replace("_", " "))
    return theme_name(subgroup.name, language)
