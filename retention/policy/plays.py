"""Options: every play that fits a customer, by every channel, with its expected net gain.

Money is in whole cents wherever two options are compared: options that differ by less are equal,
and of equal options the cheaper one comes first.
"""

from collections.abc import Sequence
from typing import Final

import pandas as pd

from models.components.retention_value import retained_value
from retention.core.params import Play, Policy
from retention.policy.owners import blank_to_null
from retention.policy.play_effects import SELLING_TYPES, expected_cost

DEFAULT_CHANNEL: Final = "phone"
SPEECH: Final = {
    "spoken": ("phone", "office", "store"),
    "written": ("email", "post", "portal", "app", "web", "chat", "sms"),
}
"""The channels by which one speaks with a customer, and those by which one writes."""
_DEFAULT_OF_SPEECH: Final = {"spoken": "phone", "written": "email"}
THEIR_FAULTS: Final = ("payment_failed",)
NOBODYS_FAULTS: Final = ("price_rise",)
"""Causes of failures that are not the company's fault, as features/engine/service_grains.py names
them; every other one is."""
OPTIONS: Final = {
    "customer_id": "str",
    "play": "str",
    "channel": "str",
    "gain": "int64",  # expected net gain, cents
    "price": "int64",  # expected cost, cents
    "spend": "int64",  # of the price, the expected cost of the offer, cents
    "offer": "float64",  # the most that may be offered, currency
    "place": "int64",  # position of the play in the playbook
    "second": "int64",  # 0 in the channel that the customer prefers, else 1
}
"""Columns of options and their types; one row per customer, play and channel."""


def cents(money: "pd.Series[float]") -> "pd.Series[int]":
    """Convert money to whole cents.

    Parameters
    ----------
    money : Series of float, shape (n,)
        Currency.

    Returns
    -------
    Series of int, shape (n,)
        Halves are rounded up.
    """
    return (money.astype(float) * 100).add(0.5).floordiv(1).astype("int64")


def trigger_words(customers: pd.DataFrame, themes: pd.DataFrame) -> pd.DataFrame:
    """List the words by which `Play.when` finds customers.

    Parameters
    ----------
    customers : DataFrame
        causes of service failures (lists); the index is customer_id.
    themes : DataFrame
        customer_id, theme of the customers' reasons.

    Returns
    -------
    DataFrame
        customer_id, word: causes and themes, each once per customer.
    """
    causes = customers["causes"].explode().dropna().rename("word").reset_index()
    reasons = themes[["customer_id", "theme"]].rename(columns={"theme": "word"})
    return pd.concat([causes, reasons], ignore_index=True).drop_duplicates()


def options(
    customers: pd.DataFrame,
    words: pd.DataFrame,
    has_open_issue: "pd.Series[bool]",
    playbook: Sequence[Play],
    policy: Policy,
) -> pd.DataFrame:
    """List what could be done for each customer.

    While an issue is open there is talk only, without an offer, and a remedy, which may cost money
    and is no offer. Nothing is sold to customers who met a failure in the last 90 days.

    Parameters
    ----------
    customers : DataFrame of n rows
        expected_loss, saving (currency), treatment, preferred_channel, usual_channel,
        failures_90d; the index is customer_id.
    words : DataFrame
        As `trigger_words` returns it.
    has_open_issue : Series of bool, shape (n,)
    playbook : sequence of Play
        Plays to try.
    policy : Policy

    Returns
    -------
    DataFrame
        OPTIONS.
    """
    parts = []
    for place, play in enumerate(playbook):
        fits = _matches(customers, words, play) & _is_allowed(customers, has_open_issue, play)
        if fits.any():
            parts.append(_play_options(customers[fits], play, place, policy))
    if not parts:
        return pd.DataFrame(columns=list(OPTIONS)).astype(OPTIONS)
    return pd.concat(parts, ignore_index=True)[list(OPTIONS)].astype(OPTIONS)


def _matches(customers: pd.DataFrame, words: pd.DataFrame, play: Play) -> "pd.Series[bool]":
    if not play.when:
        return pd.Series(True, index=customers.index)
    if play.needs == "unsettled":
        return customers["unsettled"].map(lambda left: _any_of(left, play.when))
    if play.needs or play.fault:  # what is said of the latest failure must be of that one
        return _latest_cause(customers).isin(play.when)
    matching = words.loc[words["word"].isin(play.when), "customer_id"]
    return pd.Series(customers.index.isin(matching), index=customers.index)


def _any_of(words: Sequence[str] | None, wanted: Sequence[str]) -> bool:
    return words is not None and any(word in wanted for word in words)


def _latest_cause(customers: pd.DataFrame) -> "pd.Series[str]":
    """The cause of each customer's latest failure; null without one."""
    return customers["causes"].map(
        lambda causes: causes[0] if len(causes) else None, na_action="ignore"
    )


def _is_allowed(
    customers: pd.DataFrame, has_open_issue: "pd.Series[bool]", play: Play
) -> "pd.Series[bool]":
    allowed = pd.Series(True, index=customers.index)
    if play.type != "remedy" and (play.offer_value or play.type != "talk"):
        allowed &= ~has_open_issue
    if play.type in SELLING_TYPES:
        allowed &= ~(customers["failures_90d"] > 0)
    if play.needs == "settled":
        is_left = customers["unsettled"].map(lambda left: left is not None and len(left) > 0)
        allowed &= ~has_open_issue & ~is_left
    if play.fault:
        cause = _latest_cause(customers)
        is_ours = cause.notna() & ~cause.isin([*THEIR_FAULTS, *NOBODYS_FAULTS])
        allowed &= is_ours if play.fault == "ours" else cause.isin(THEIR_FAULTS)
    if play.min_tenure_days:
        allowed &= customers["tenure_days"] >= play.min_tenure_days
    return allowed


def _play_options(customers: pd.DataFrame, play: Play, place: int, policy: Policy) -> pd.DataFrame:
    """One play's options: by its channels, or by the preferred one and by those with a limit."""
    usual = blank_to_null(customers["preferred_channel"]).fillna(
        blank_to_null(customers["usual_channel"])
    )
    preferred = usual.fillna(play.channels[0] if play.channels else DEFAULT_CHANNEL)
    fitting = _fitting_channels(play, policy)
    channels = [pd.Series(name, index=customers.index, dtype="str") for name in fitting]
    if not play.channels:
        default = fitting[0] if fitting else _DEFAULT_OF_SPEECH.get(play.speech or "")
        fits = preferred.isin(SPEECH[play.speech]) if play.speech else preferred.notna()
        channels.insert(0, preferred.where(fits, default))
    parts = [
        _with_gain(customers, play, channel, channel == preferred, policy) for channel in channels
    ]
    play_options = pd.concat(parts, ignore_index=True).drop_duplicates(["customer_id", "channel"])
    return play_options.assign(play=play.name, offer=play.offer_value, place=place)


def _fitting_channels(play: Play, policy: Policy) -> list[str]:
    """The channels that a play names, or those with a limit by which it works."""
    if play.channels or play.speech is None:
        return list(play.channels or policy.channels)
    return [name for name in policy.channels if name in SPEECH[play.speech]]


def _with_gain(
    customers: pd.DataFrame,
    play: Play,
    channel: "pd.Series[str]",
    is_preferred: "pd.Series[bool]",
    policy: Policy,
) -> pd.DataFrame:
    """Compute the gain and price of a play in one channel.

    Gain is the saving, times a factor below 1 in another channel than the preferred one, less the
    price. Harm is not reduced by the channel.

    Returns
    -------
    DataFrame
        customer_id, channel, gain, price, spend (cents), second: 1 for another channel.
    """
    factor = is_preferred.map({True: 1.0, False: policy.other_channel_factor})
    saving = _saving(customers, play, policy)
    gain = saving.where(saving < 0, saving * factor) - expected_cost(play)
    # A remedy is owed: no budget of offers limits it.
    spend = 0.0 if play.type == "remedy" else play.offer_value * play.acceptance_rate
    rows = pd.DataFrame({"channel": channel, "gain": cents(gain)})
    rows["price"] = cents(pd.Series(expected_cost(play), index=customers.index))
    rows["spend"] = cents(pd.Series(spend, index=customers.index))
    return rows.assign(second=(~is_preferred).astype("int64")).reset_index(names="customer_id")


def cheapest_contact_play(policy: Policy) -> Play | None:
    """Find the play that contacts at the lowest expected cost.

    Parameters
    ----------
    policy : Policy

    Returns
    -------
    Play or None
        None where no play has lane contact.
    """
    contacts = [play for play in policy.playbook if play.lane == "contact"]
    return min(contacts, key=expected_cost, default=None)


def contact_costs(policy: Policy) -> dict[str, float]:
    """Expected cost of each play that contacts.

    Parameters
    ----------
    policy : Policy

    Returns
    -------
    dict of str to float
        Currency, by play.
    """
    return {play.name: expected_cost(play) for play in policy.playbook if play.lane == "contact"}


def _saving(customers: pd.DataFrame, play: Play, policy: Policy) -> "pd.Series[float]":
    """What a play saves over the windows for which a retained customer stays, currency.

    By assumption, save_rate * expected_loss of each window. Where an experiment has measured what
    a contact saves, that is for the cheapest play, and other plays save more or less in proportion
    to their assumed save rates. Where it compared several plays, the saving is that of the
    customer's best one, and no other is tried. Only contact is randomised, so other lanes go by
    the assumption.

    Returns
    -------
    Series of float
        Currency, by customer.
    """
    loss = retained_value(customers["expected_loss"], policy.retained_windows)
    assumed = play.save_rate * loss
    cheapest = cheapest_contact_play(policy)
    if play.lane != "contact" or cheapest is None:
        return assumed
    ratio = play.save_rate / cheapest.save_rate if cheapest.save_rate else 1.0
    is_compared = customers["treatment"].notna()
    is_best = customers["treatment"] == play.name
    relative = is_best.astype(float).where(is_compared, ratio)
    measured: pd.Series[float] = customers["saving"].astype(float) * relative
    return measured.fillna(assumed)


def rank_options(
    candidates: pd.DataFrame, proven: Sequence[str], playbook: Sequence[Play], policy: Policy
) -> pd.DataFrame:
    """Rank each customer's options that gain more than the policy's minimum.

    Parameters
    ----------
    candidates : DataFrame
        OPTIONS.
    proven : sequence of str
        Selling plays that were shown to sell, the one to try first in front.
    playbook : sequence of Play
    policy : Policy
        min_net_gain, currency.

    Returns
    -------
    DataFrame
        OPTIONS and tier, a customer's options together and the best first. Tier 0 is talk, a
        gesture and the customer's first proven selling play; further selling plays are above it,
        unproven ones last. Within a tier by gain, then the cheaper, then the playbook's order.
    """
    worthwhile = candidates[candidates["gain"] > policy.min_net_gain * 100]
    selling = [play.name for play in playbook if play.type in SELLING_TYPES]
    turns = {name: proven.index(name) for name in selling if name in proven}
    turn = worthwhile["play"].map(turns).astype(float)
    first_turn = turn.groupby(worthwhile["customer_id"]).transform("min")
    is_unproven = worthwhile["play"].isin([name for name in selling if name not in turns])
    tier = (turn - first_turn).fillna(0).where(~is_unproven, len(turns) + 1).astype("int64")
    return sort_options(worthwhile.assign(tier=tier), ("tier", True), *_BEST_FIRST)


_BEST_FIRST: Final = (("gain", False), ("price", True), ("place", True), ("second", True))


def sort_options(candidates: pd.DataFrame, *columns: tuple[str, bool]) -> pd.DataFrame:
    """Sort options by customer, and then by columns.

    Parameters
    ----------
    candidates : DataFrame
        OPTIONS.
    *columns : tuple of str and bool
        Column, and whether it ascends.

    Returns
    -------
    DataFrame
        With a new index; equal rows keep their order.
    """
    names = ["customer_id", *(name for name, _ in columns)]
    ascending = [True, *(ascends for _, ascends in columns)]
    return candidates.sort_values(names, ascending=ascending, kind="stable", ignore_index=True)


def matching_plays(
    candidates: pd.DataFrame, playbook: Sequence[Play], policy: Policy
) -> pd.DataFrame:
    """Rank the options of customers who are listed for an issue, whatever they gain.

    Parameters
    ----------
    candidates : DataFrame
        OPTIONS.
    playbook : sequence of Play
    policy : Policy
        min_net_gain, currency, that an option with an offer must exceed.

    Returns
    -------
    DataFrame
        OPTIONS and tier, a customer's options together and the best first. A play that answers
        their issue (tier 0) comes before a general one (tier 1).
    """
    general = [play.name for play in playbook if not play.when]
    remedies = [play.name for play in playbook if play.type == "remedy"]
    has_offer = (candidates["offer"] > 0) & ~candidates["play"].isin(remedies)
    usable = candidates[~has_offer | (candidates["gain"] > policy.min_net_gain * 100)]
    usable = usable.assign(tier=usable["play"].isin(general).astype("int64"))
    return sort_options(usable, ("tier", True), *_BEST_FIRST)


def within_budget(ranked: pd.DataFrame, budget: int | None) -> pd.DataFrame:
    """Take each customer's first option, or their first free one where the budget is spent.

    Offers are given by falling gain until one exceeds the budget.

    Parameters
    ----------
    ranked : DataFrame
        As `matching_plays` returns it.
    budget : int or None
        Cents; None is no limit.

    Returns
    -------
    DataFrame
        Rows of `ranked`, at most one per customer.
    """
    first = ranked.drop_duplicates("customer_id")
    if budget is None:
        return first
    by_gain = first.sort_values(["gain", "customer_id"], ascending=[False, True])
    over_budget = by_gain.loc[by_gain["spend"].cumsum() > budget, "customer_id"]
    is_barred = ranked["customer_id"].isin(over_budget) & (ranked["spend"] > 0)
    return ranked[~is_barred].drop_duplicates("customer_id")


def fallback_play(ranked: pd.DataFrame, selected: pd.DataFrame) -> "pd.Series[str]":
    """Find each customer's next play, for the case that the selected one does not work.

    Parameters
    ----------
    ranked : DataFrame
        As `rank_options` or `matching_plays` returns it.
    selected : DataFrame
        Rows of `ranked` with its index, at most one per customer.

    Returns
    -------
    Series of str
        By customer_id; customers without another play are absent.
    """
    position = pd.Series(selected.index, index=selected["customer_id"])
    play = selected.set_index("customer_id")["play"]
    customer = ranked["customer_id"]
    is_later = ranked.index.to_series() > customer.map(position).astype(float)
    later = ranked[is_later & (ranked["play"] != customer.map(play).astype("str"))]
    return later.drop_duplicates("customer_id").set_index("customer_id")["play"]


def plays_needing_approval(playbook: Sequence[Play]) -> set[str]:
    """List the plays whose offer somebody has to approve.

    Parameters
    ----------
    playbook : sequence of Play

    Returns
    -------
    set of str
    """
    return {
        play.name
        for play in playbook
        if play.approval is not None and play.offer_value > play.approval
    }
