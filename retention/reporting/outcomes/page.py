"""Whether contacts helped, as one page that opens from disk: no network, no script.

It is read from the top: the verdict in a sentence, then both arms and the money, then by action,
then what the verdict rests on.
"""

from functools import partial
from pathlib import Path
from typing import Any, Final

from retention.experiments.incremental import Amount, Saved
from retention.experiments.report_data import Content
from retention.reporting import page
from retention.reporting.outcomes import charts, wording

_HERE: Final = Path(__file__).parent
MOST_BATCHES: Final = 12
MOST_LISTS: Final = 12


def html(told: Content) -> str:
    """The whole page; the same content is the same text."""
    says = told.language
    environment = page.environment(_HERE, says)
    environment.filters |= {
        "cut": page.cut,
        "money": partial(_money, told),
        "percent": says.percent,
        "day": partial(says.date, short=True),
        "months": partial(wording.months, says=says),
        "group": partial(wording.group, plays=told.plays, says=says),
        "share": partial(_share, told),
    }
    environment.globals |= {
        "arms": partial(charts.arms, says=says),
        "calibration": partial(charts.calibration, says=says),
        "interval": partial(wording.interval, says=says),
        "of_hundred": partial(wording.of_hundred, says=says),
        "percent": partial(says.percent, digits=1),
    }
    return environment.get_template("outcomes.html.j2").render(_page(told))


def _page(told: Content) -> dict[str, Any]:
    style = page.style(_HERE / "outcomes.css")
    waiting = [one for one in told.batches if not one.known]
    past = [one for one in told.lists if one.known]
    return {
        "told": told,
        "says": told.language,
        "style": style,
        "policy": page.policy(style),
        "headline": wording.headline(told),
        "beneath": list(wording.beneath(told)),
        "figures": _figures(told),
        "arm_words": wording.ARMS,
        "known_words": wording.KNOWN,
        "parts": _parts(told),
        "past": past[:MOST_LISTS],
        "more_past": max(0, len(past) - MOST_LISTS),
        "right_words": wording.RIGHT,
        "waiting": waiting[::-1][:MOST_BATCHES],
        "more_waiting": max(0, len(waiting) - MOST_BATCHES),
    }


def _parts(told: Content) -> list[tuple[str, list[Any]]]:
    parts = [
        (words, [one for one in told.groups if one.by == by]) for by, words in wording.BY.items()
    ]
    return [(words, rows) for words, rows in parts if rows]


def _money(told: Content, amount: float) -> str:
    """Whole units: pennies of an estimate only distract."""
    return told.language.money(amount, told.currency, 0)


def _share(told: Content, many: int, of: int) -> str:
    """'34 of 40 (85%)'."""
    says = told.language
    if not of:
        return says.number(many)
    return says.gettext(
        "{many} of {all} ({share})", many=many, all=of, share=says.percent(many / of)
    )


def _figures(told: Content) -> list[tuple[str, str, str]]:
    """The result in a few numbers, as (number, interval, words)."""
    if told.result is None or not told.result.measured:
        return []
    saved, says = told.result.saved, told.language
    money = partial(_money, told)
    back = partial(says.number, digits=1)
    rows = [
        _figure(told, saved.customers, says.number, says.gettext("customers saved")),
        _figure(told, saved.money, money, says.gettext("value kept")),
        (money(saved.cost), "", says.gettext("cost of contacts")),
        _figure(told, saved.net, money, says.gettext("net")),
    ]
    return rows + _back(told, saved, back)


def _back(told: Content, saved: Saved, write: wording.Write) -> list[tuple[str, str, str]]:
    if not saved.cost:
        return []
    words = told.language.gettext("net for each 1 spent")
    return [_figure(told, saved.back, write, words)]


def _figure(
    told: Content, amount: Amount, write: wording.Write, words: str
) -> tuple[str, str, str]:
    return write(amount.value), wording.interval(amount, write, told.language), words
