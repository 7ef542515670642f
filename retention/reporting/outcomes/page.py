"""Whether contacts helped, as one page that opens from disk: no network, no script.

It is read from the top: the verdict in a sentence, then both arms and the money, then by action,
then what the verdict rests on.
"""

from functools import partial
from pathlib import Path
from typing import Any, Final

from retention.experiments.incremental import Estimate, Incremental
from retention.experiments.report_data import OutcomesReport
from retention.reporting import page
from retention.reporting.outcomes import charts, wording

_HERE: Final = Path(__file__).parent
MAX_BATCHES: Final = 12
MAX_LISTS: Final = 12


def html(told: OutcomesReport) -> str:
    """The whole page; the same content is the same text."""
    says = told.language
    environment = page.environment(_HERE, says)
    environment.filters |= {
        "cut": page.cut,
        "money": partial(_money, told),
        "percent": says.percent,
        "day": partial(says.date, short=True),
        "months": partial(wording.format_months, says=says),
        "group": partial(wording.subgroup_name, plays=told.plays, says=says),
        "share": partial(_share, told),
    }
    environment.globals |= {
        "arms": partial(charts.arms_chart, says=says),
        "calibration": partial(charts.calibration_chart, says=says),
        "interval": partial(wording.format_interval, says=says),
        "of_hundred": partial(wording.per_hundred, says=says),
        "percent": partial(says.percent, digits=1),
    }
    return environment.get_template("outcomes.html.j2").render(_page(told))


def _page(told: OutcomesReport) -> dict[str, Any]:
    style = page.style(_HERE / "outcomes.css")
    waiting = [one for one in told.batches if not one.is_known]
    past = [one for one in told.past_lists if one.n_known]
    return {
        "told": told,
        "says": told.language,
        "style": style,
        "policy": page.policy(style),
        "headline": wording.headline(told),
        "beneath": list(wording.supporting_sentences(told)),
        "figures": _figures(told),
        "arm_words": wording.ARMS,
        "known_words": wording.BASELINE_COLUMNS,
        "parts": _parts(told),
        "past": past[:MAX_LISTS],
        "more_past": max(0, len(past) - MAX_LISTS),
        "right_words": wording.CALIBRATION_VERDICTS,
        "waiting": waiting[::-1][:MAX_BATCHES],
        "more_waiting": max(0, len(waiting) - MAX_BATCHES),
    }


def _parts(told: OutcomesReport) -> list[tuple[str, list[Any]]]:
    parts = [
        (words, [one for one in told.subgroups if one.column == by]) for by, words in wording.SUBGROUP_TITLES.items()
    ]
    return [(words, rows) for words, rows in parts if rows]


def _money(told: OutcomesReport, amount: float) -> str:
    """Whole units: pennies of an estimate only distract."""
    return told.language.money(amount, told.currency, 0)


def _share(told: OutcomesReport, many: int, of: int) -> str:
    """'34 of 40 (85%)'."""
    says = told.language
    if not of:
        return says.number(many)
    return says.gettext(
        "{many} of {all} ({share})", many=many, all=of, share=says.percent(many / of)
    )


def _figures(told: OutcomesReport) -> list[tuple[str, str, str]]:
    """The result in a few numbers, as (number, interval, words)."""
    if told.result is None or not told.result.is_conclusive:
        return []
    saved, says = told.result.incremental, told.language
    money = partial(_money, told)
    back = partial(says.number, digits=1)
    rows = [
        _figure(told, saved.customers, says.number, says.gettext("customers saved")),
        _figure(told, saved.value, money, says.gettext("value kept")),
        (money(saved.cost), "", says.gettext("cost of contacts")),
        _figure(told, saved.net, money, says.gettext("net")),
    ]
    return rows + _roi(told, saved, back)


def _roi(told: OutcomesReport, saved: Incremental, write: wording.Write) -> list[tuple[str, str, str]]:
    if not saved.cost:
        return []
    words = told.language.gettext("net for each 1 spent")
    return [_figure(told, saved.roi, write, words)]


def _figure(
    told: OutcomesReport, amount: Estimate, write: wording.Write, words: str
) -> tuple[str, str, str]:
    return write(amount.value), wording.format_interval(amount, write, told.language), words
