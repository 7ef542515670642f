"""Who left, and what a list had said of them: HTML that opens from disk, without network."""

from functools import partial
from pathlib import Path
from typing import Any, Final

import pandas as pd

from retention.experiments import leavers
from retention.experiments.incremental import Estimate
from retention.experiments.leavers import LeaversReport
from retention.i18n.language import Language, gettext_noop
from retention.interactions.wording import CAUSES, plain
from retention.policy.lanes import LANE_REASONS, LANES
from retention.reporting import figures, page

_HERE: Final = Path(__file__).parent
STYLES: Final = (_HERE.parent / "outcomes" / "outcomes.css",)
"""The style of pages with figures."""
MAX_ROWS: Final = 200  # leavers on the page; the CSV has all

KINDS: Final = {
    leavers.ON_LIST: gettext_noop("they were on the list"),
    leavers.HELD_OUT: gettext_noop("held out at random, for comparison"),
    leavers.RULE: gettext_noop("a rule kept them off the list"),
    leavers.CAPACITY: gettext_noop("below what staff can handle"),
    leavers.NOT_WORTH: gettext_noop("expected to leave, but no action was worth its cost"),
    leavers.MODEL: gettext_noop("trouble was known, but the risk was taken for low"),
    leavers.KNOWN_LATE: gettext_noop("trouble had happened, but was known only later"),
    leavers.NOT_KNOWABLE: gettext_noop("nothing had happened yet that could be known"),
}
WHAT_TO_DO: Final = {
    leavers.ON_LIST: gettext_noop("see whether contacts help: the page Did it help?"),
    leavers.HELD_OUT: gettext_noop("the price of knowing what contacts change"),
    leavers.RULE: gettext_noop("look whether the rule is worth what it costs"),
    leavers.CAPACITY: gettext_noop("more capacity reaches them"),
    leavers.NOT_WORTH: gettext_noop("a cheaper or a better action reaches them"),
    leavers.MODEL: gettext_noop("more history, or features of that trouble"),
    leavers.KNOWN_LATE: gettext_noop("load that source sooner"),
    leavers.NOT_KNOWABLE: gettext_noop("shorter gaps between lists"),
}
SIGNS: Final = {
    leavers.COMPLAINT: gettext_noop("complained"),
    leavers.NOTICE: gettext_noop("gave notice"),
    leavers.SILENCE: gettext_noop("came no more as usual"),
}


def html(report: LeaversReport, company: str, language: Language) -> str:
    """The whole page; the same report gives the same text."""
    style = page.style(*STYLES)
    environment = page.environment(_HERE, language)
    environment.filters |= {"cut": page.cut, "percent": language.percent}
    environment.globals |= {"interval": partial(_interval, language)}
    return environment.get_template("leavers.html.j2").render(
        report=report,
        company=company,
        language=language,
        style=style,
        policy=page.policy(style),
        headline=headline(report, language),
        kinds=KINDS,
        what_to_do=WHAT_TO_DO,
        rows=[_row(row, language) for row in report.leavers.head(MAX_ROWS).to_dict("records")],
        n_more=max(0, report.n_left - MAX_ROWS),
    )


def headline(report: LeaversReport, language: Language) -> str:
    """The page in one sentence."""
    if not report.n_left:
        return language.gettext("Nobody left.")
    counts = {group.kind: group.n for group in report.groups}
    return language.gettext(
        "Of {left} customers who left, {listed} had been on the list; of {unknown} nothing had "
        "happened yet that could be known.",
        left=language.number(report.n_left),
        listed=language.number(counts[leavers.ON_LIST]),
        unknown=language.number(counts[leavers.NOT_KNOWABLE]),
    )


def _interval(language: Language, proportion: Estimate) -> str:
    return language.gettext(
        "{low} to {high}",
        low=language.percent(proportion.low),
        high=language.percent(proportion.high),
    )


def _row(row: dict[Any, Any], language: Language) -> dict[str, str | None]:
    sign, sign_on = row["sign"], row["sign_on"]
    lane, why, kind = row["lane"], row["why"], KINDS[row["kind"]]
    reason = LANE_REASONS.get(lane, {}).get(why)
    return {
        "customer_id": page.cut(row["customer_id"]),
        "left_on": language.date(row["left_on"], short=True),
        "lane": language.gettext(LANES[lane]) if lane in LANES else plain(lane),
        "reason": language.gettext(reason) if reason else None,
        "chance": language.percent(row["churn_probability"]),
        "sign": None if pd.isna(sign) else _sign_words(sign, language),
        "sign_on": None if sign_on is None else language.date(sign_on, short=True),
        "kind": language.gettext(kind),
    }


def _sign_words(sign: str, language: Language) -> str:
    words = SIGNS.get(sign) or CAUSES.get(sign)
    return language.gettext(words) if words else plain(sign)


def csv(report: LeaversReport) -> str:
    """One row a leaver, with codes; formulas escaped."""
    records = report.leavers.astype(object).where(report.leavers.notna(), None).to_dict("records")
    rows = [figures.row(leavers.LEAVERS, {str(k): v for k, v in row.items()}) for row in records]
    return figures.as_csv(leavers.LEAVERS, rows)
