"""Texts that the page, the workbook and the digest share, in the language of the list."""

from typing import Final

import pandas as pd

from retention.core.documents.modelling import UpliftManifest
from retention.core.params import Params
from retention.i18n.language import Language, gettext_noop
from retention.policy.lanes import LANE_REASONS, LANES
from retention.policy.play_effects import VERDICTS
from retention.policy.save_rates import SaveRates
from retention.policy.selection import ShadowPrice
from retention.worklist.model import (
    LEFT_COHORT,
    RISK_THRESHOLDS,
    RISK_WORDS,
    Listing,
    round_half_up,
)

CHANNELS: Final = {
    "phone": gettext_noop("phone"),
    "email": gettext_noop("e-mail"),
    "office": gettext_noop("office"),
    "web": gettext_noop("web"),
    "portal": gettext_noop("portal"),
    "app": gettext_noop("app"),
    "store": gettext_noop("shop"),
    "chat": gettext_noop("chat"),
    "post": gettext_noop("post"),
    "sms": gettext_noop("text message"),
}


def channel_words(channel: str | None, language: Language) -> str | None:
    """A channel as staff read it; a channel of the company's own stays as it is."""
    return channel and language.gettext(CHANNELS.get(channel, channel))


BY_CHANNEL: Final = {
    "phone": gettext_noop("by phone"),
    "email": gettext_noop("by e-mail"),
    "post": gettext_noop("by post"),
    "office": gettext_noop("in the office"),
    "store": gettext_noop("in the shop"),
    "web": gettext_noop("on the web"),
    "portal": gettext_noop("through the portal"),
    "app": gettext_noop("in the app"),
    "chat": gettext_noop("by chat"),
    "sms": gettext_noop("by text message"),
}


def by_channel(channel: str | None, language: Language) -> str | None:
    """How to get in touch; a channel of the company's own by its name."""
    if channel is None:
        return None
    if channel in BY_CHANNEL:
        return language.gettext(BY_CHANNEL[channel])
    return language.gettext("through: {channel}", channel=channel)


def lane_words(lane: str, why: str, language: Language) -> tuple[str, str]:
    """A lane and the reason for it, as staff read them."""
    if lane in LANES:
        return language.gettext(LANES[lane]), language.gettext(LANE_REASONS[lane][why])
    reasons = LEFT_COHORT[""]
    return "", language.gettext(reasons[why])


def how_to_read(listing: Listing) -> list[tuple[str, str]]:
    """(term, explanation) pairs for the page and the workbook."""
    language = listing.language
    days, _ = language.number(listing.value_days), language.gettext
    return [
        (_("Risk"), _risk_scale(listing)),
        (_("Leaving"), listing.target_description),
        (
            _("Likely loss"),
            _(
                "What the company would lose, on average, by this customer's leaving: the chance "
                "of leaving times the difference between keeping and losing the customer over the "
                "next {days} days.",
                days=days,
            ),
        ),
        (
            _("Expected value"),
            _(
                "What this customer should bring in the next {days} days, the chance of leaving "
                "counted in. Eight times in ten the true figure lies between low and high.",
                days=days,
            ),
        ),
        (
            _("Net gain expected"),
            _(
                "The part of the likely loss that the action is believed to keep, as long as a "
                "customer who is kept stays on, less what the action costs. It is a belief until a "
                "comparison has measured it."
            ),
        ),
        (
            _("Order"),
            _(
                "One queue of all that is to do: first where waiting for a week loses most. That "
                "is all that is at stake where a contract ends within the week, a share of it "
                "where there is more time, and for what is owed a share for each day that it is "
                "late. Where that is equal: who is due first, then more value at stake, then the "
                "higher chance of leaving, then the customer number."
            ),
        ),
        (
            _("When"),
            _(
                "Today: as many as the owner can work in a day, from the top of the queue, "
                "whatever there is to do. This week: as many as in the other working days. Later: "
                "the rest. Who is to be called or asked on a certain day is not planned before it."
            ),
        ),
        (
            _("Fix first"),
            _(
                "Something is owed to this customer, until it is put right. Do that, tell them so, "
                "and note it as fixed; make no offer before that."
            ),
        ),
        (
            _("Held out"),
            _(
                "A few customers, chosen at random, are left alone on purpose: the comparison "
                "shows what the contacts are worth."
            ),
        ),
        (
            _("Model"),
            _(
                "{model}, as of the start of {date}.",
                model=listing.model,
                date=language.date(listing.as_of),
            ),
        ),
    ]


def _risk_scale(listing: Listing) -> str:
    language = listing.language
    steps = [
        language.gettext(
            "{word} from {share}",
            word=language.gettext(RISK_WORDS[code]),
            share=language.percent(threshold),
        )
        for threshold, code in RISK_THRESHOLDS[:-1]
    ]
    scale = language.gettext(
        "The words: {steps}; {low} below.",
        steps=language.join(steps),
        low=language.gettext(RISK_WORDS["low"]),
    )
    if not listing.rows.num_rows:
        return scale
    first = listing.rows["churn_probability"][0].as_py()
    example = language.gettext(
        "Of 100 customers like the first on this list, about {many} {leaving}.",
        many=language.number(round_half_up(100 * first)),
        leaving=listing.churn_description,
    )
    return f"{example} {scale}"


COUNTED: Final = {
    "contact": gettext_noop("to contact"),
    "fix_first": gettext_noop("to fix first"),
    "gave_notice": gettext_noop("who gave notice"),
    "cooling_off": gettext_noop("given time"),
}
"""The customers of a listed lane after their number."""


def lane_counts(listing: Listing) -> list[tuple[str, int, list[tuple[str, int]]]]:
    """(lane, customers, [(reason, customers), ...]) of each lane that is not empty.

    The counts of the lanes add up to cohort_size.
    """
    language = listing.language
    return [
        (
            language.gettext(LANES[lane]),
            listing.lane_count(lane),
            [
                (language.gettext(words), listing.lanes[lane][why])
                for why, words in LANE_REASONS[lane].items()
                if listing.lanes[lane].get(why)
            ],
        )
        for lane in LANES
        if listing.lane_count(lane)
    ]


def limit_sentences(listing: Listing) -> list[str]:
    """What each binding limit costs, the dearest first, and what choosing together gained."""
    limits = sorted(listing.limits, key=lambda limit: (-limit.worth, limit.kind, limit.name))
    sentences = [_limit_sentence(limit, listing) for limit in limits]
    return [*sentences, *filter(None, [choice_sentence(listing)])]


def _limit_sentence(limit: ShadowPrice, listing: Listing) -> str:
    language = listing.language
    worth = language.money(limit.worth, listing.currency)
    if limit.kind == "budget":
        more = language.money(limit.more, listing.currency)
        return language.gettext(
            "{more} more to offer would be worth {worth}.", more=more, worth=worth
        )
    if limit.kind == "owner":
        return language.ngettext(
            "{n} more contact by {name} would be worth {worth}.",
            "{n} more contacts by {name} would be worth {worth}.",
            int(limit.more),
            worth=worth,
            name=limit.name,
        )
    if limit.kind == "channel":
        return language.ngettext(
            "{n} more contact {how} would be worth {worth}.",
            "{n} more contacts {how} would be worth {worth}.",
            int(limit.more),
            worth=worth,
            how=by_channel(limit.name, language),
        )
    return language.ngettext(
        "{n} more contact would be worth {worth}.",
        "{n} more contacts would be worth {worth}.",
        int(limit.more),
        worth=worth,
    )


def ranking_sentence(uplift: UpliftManifest, params: Params, language: Language) -> str:
    """Whether the customers to contact are ranked by uplift or by expected loss, and why.

    uplift: of stage `uplift`; nothing is set where it has not run.
    """
    if not uplift.asked:
        return language.gettext(
            "Ranked by expected loss: the settings do not ask whom a contact keeps."
        )
    if not uplift.name:
        return language.gettext(
            "Ranked by expected loss: too few customers chosen at random have left so far to learn "
            "whom a contact keeps."
        )
    better, low, high = (
        language.money(amount or 0.0, params.currency)
        for amount in (uplift.better, uplift.low, uplift.high)
    )
    if uplift.ranks:
        return language.gettext(
            "Ranked by what a contact changes, learnt from {lots} customers chosen at random: "
            "worth {better} more per customer than ranking by expected loss ({low} to {high}).",
            lots=uplift.lots,
            better=better,
            low=low,
            high=high,
        )
    return language.gettext(
        "Ranked by expected loss: on {lots} customers chosen at random, ranking by what a contact "
        "changes was not shown to be better ({better} per customer, {low} to {high}).",
        lots=uplift.lots,
        better=better,
        low=low,
        high=high,
    )


def save_rate_sentences(rates: SaveRates, language: Language) -> list[str]:
    """Of the customers who would leave, the share that each play keeps; none where none is known.

    Beliefs alone are not repeated: the sentence on the gain says that it rests on them.
    """
    sentences = []
    for play, row in rates.table.iterrows():
        values = {
            name: language.percent(row[name])
            for name in ("belief", "rate", "interval_low", "interval_high")
        }
        values["play"] = str(play).replace("_", " ")
        if row["basis"] == "measured":
            sentences.append(
                language.gettext(
                    "{play}: keeps {rate} of those who would leave, between {interval_low} and "
                    "{interval_high}; measured on {n} customers chosen at random, {belief} was "
                    "believed.",
                    n=language.number(row["contact"] + row["held_out"]),
                    **values,
                )
            )
        elif row["basis"] == "pooled":
            sentences.append(
                language.gettext(
                    "{play}: counts as keeping {rate} of those who would leave; {belief} was "
                    "believed, and what was measured of other actions moved it.",
                    **values,
                )
            )
    return sentences


def evidence_sentences(
    play_evidence: pd.DataFrame, params: Params, language: Language
) -> list[str]:
    """One sentence for each selling play: its measured effect (policy.play_effects)."""
    sentences = []
    for row in play_evidence.to_dict("records"):
        values = {"play": str(row["play"]).replace("_", " ")}
        verdict = VERDICTS[row["verdict"]]
        values["verdict"] = language.gettext(verdict)
        if row["verdict"] == "too_few":
            sentences.append(language.gettext("{play}: {verdict}.", **values))
            continue
        values |= {
            name: language.money(row[name], params.currency)
            for name in ("difference", "low", "high")
        }
        sentences.append(
            language.gettext(
                "{play}: {verdict}; {difference} more bought in 91 days, between {low} and {high}.",
                **values,
            )
        )
    return sentences


def stability_sentence(listing: Listing) -> str | None:
    """How many customers stand on this list and the last; None without a last list."""
    if listing.previous is None or listing.previous.stability is None:
        return None
    overlap = listing.language.percent(listing.previous.stability)
    return listing.language.gettext(
        "Of those to contact then or now, {share} stand on both lists.", share=overlap
    )


def choice_sentence(listing: Listing) -> str | None:
    """What joint selection gained over greedy selection; None where it gained nothing."""
    if listing.greedy_loss <= 0:
        return None
    loss = listing.language.money(listing.greedy_loss, listing.currency)
    return listing.language.gettext(
        "Chosen together under these limits; one after another would have gained {loss} less.",
        loss=loss,
    )
