"""What could be done for a customer: every play that fits, by every channel, with what it gains.

Money is in whole cents wherever two options are compared: options that differ by less are equal,
and of equals the cheaper comes first.
"""

from collections.abc import Iterator, Sequence
from typing import Final

import pandas as pd

from retention.core.params import Play, Policy
from retention.policy.owners import blank_to_null
from retention.policy.play_effects import SELLING_TYPES, expected_cost

DEFAULT_CHANNEL: Final = "phone"
OPTIONS: Final = {
    "customer_id": "str", "play": "str", "channel": "str", "gain": "int64", "price": "int64",
    "spend": "int64", "offer": "float64", "place": "int64", "second": "int64",
}  # fmt: skip
"""Columns of options and their types. gain: expected net gain, price: expected cost, spend: what of
it is the offer, all in cents; offer: the most that may be offered, in money; place: the play's in
the playbook; second: 0 in the channel that the customer prefers, else 1."""


def cents(money: "pd.Series[float]") -> "pd.Series[int]":
    """Whole cents, halves rounded up."""
    return (money.astype(float) * 100).add(0.5).floordiv(1).astype("int64")


def trigger_words(seen: pd.DataFrame, themes: pd.DataFrame) -> pd.DataFrame:
    """customer_id, word: the causes of a customer's failures and the themes of their reasons.

    seen: by customer_id, causes (lists). themes: customer_id, theme.
    """
    causes = seen["causes"].explode().dropna().rename("word").reset_index()
    reasons = themes[["customer_id", "theme"]].rename(columns={"theme": "word"})
    return pd.concat([causes, reasons], ignore_index=True).drop_duplicates()


def options(
    seen: pd.DataFrame,
    words: pd.DataFrame,
    unsettled: "pd.Series[bool]",
    playbook: Sequence[Play],
    policy: Policy,
) -> pd.DataFrame:
    """OPTIONS of the customers of `seen` in the plays given: a row a customer, play and channel.

    seen: by customer_id, expected_loss, effect, value_if_kept, value_if_lost, preferred_channel,
    usual_channel, failures_90d. words: as
    `troubles` gives them. While something is unsettled there is talk only, without an offer, and
    nothing is sold to who met a failure in 90 days.
    """
    parts = [
        _through(theirs, play, place, policy)
        for place, play in enumerate(playbook)
        if len(theirs := seen[_fits(seen, words, play) & _allowed(seen, unsettled, play)])
    ]
    if not parts:
        return pd.DataFrame(columns=list(OPTIONS)).astype(OPTIONS)
    return pd.concat(parts, ignore_index=True)[list(OPTIONS)].astype(OPTIONS)


def _fits(seen: pd.DataFrame, words: pd.DataFrame, play: Play) -> "pd.Series[bool]":
    if not play.when:
        return pd.Series(True, index=seen.index)
    met = words.loc[words["word"].isin(play.when), "customer_id"]
    return pd.Series(seen.index.isin(met), index=seen.index)


def _allowed(seen: pd.DataFrame, unsettled: "pd.Series[bool]", play: Play) -> "pd.Series[bool]":
    allowed = pd.Series(True, index=seen.index)
    if play.offer_value or play.type != "talk":
        allowed &= ~unsettled
    if play.type in SELLING_TYPES:
        allowed &= ~(seen["failures_90d"] > 0)
    return allowed


def _through(seen: pd.DataFrame, play: Play, place: int, policy: Policy) -> pd.DataFrame:
    """The options of one play for the customers whom it fits.

    By the play's channels; where it names none, by the one preferred and by those with a limit.
    """
    usual = blank_to_null(seen["preferred_channel"]).fillna(blank_to_null(seen["usual_channel"]))
    preferred = usual.fillna(play.channels[0] if play.channels else DEFAULT_CHANNEL)
    by = [*_each(play.channels or list(policy.channels), seen.index)]
    if not play.channels:
        by.insert(0, preferred)
    parts = [_priced(seen, play, channel, channel == preferred, policy) for channel in by]
    made = pd.concat(parts, ignore_index=True).drop_duplicates(["customer_id", "channel"])
    return made.assign(play=play.name, offer=play.offer_value, place=place)


def _each(channels: Sequence[str], index: pd.Index) -> Iterator["pd.Series[str]"]:
    for one in channels:
        yield pd.Series(one, index=index, dtype="str")


def _priced(
    seen: pd.DataFrame,
    play: Play,
    channel: "pd.Series[str]",
    preferred: "pd.Series[bool]",
    policy: Policy,
) -> pd.DataFrame:
    """What is saved in one value window * lasts, less by another channel than the preferred one,
    less the price."""
    reaches = preferred.map({True: 1.0, False: policy.other_channel_factor})
    saved = _saved(seen, play, policy) * policy.retained_windows
    gain = saved.where(saved < 0, saved * reaches) - expected_cost(play)
    made = pd.DataFrame({"channel": channel, "gain": cents(gain)})
    made["price"] = cents(pd.Series(expected_cost(play), index=seen.index))
    made["spend"] = cents(pd.Series(play.offer_value * play.acceptance_rate, index=seen.index))
    return made.assign(second=(~preferred).astype("int64")).reset_index(names="customer_id")


def cheapest_contact_play(policy: Policy) -> Play | None:
    """The play that contacts at the least cost; None where none does."""
    contacts = [play for play in policy.playbook if play.lane == "contact"]
    return min(contacts, key=expected_cost, default=None)


def _saved(seen: pd.DataFrame, play: Play, policy: Policy) -> "pd.Series[float]":
    """What a play saves of one value window, in money.

    By belief, saves * expected_loss. Where lots have taught what a contact changes, that change *
    what the customer is worth more if kept, for the cheapest play; for others as much more or less
    as they are believed to save. Only whom to contact is drawn by lot: other lanes go by belief.
    """
    believed = play.save_rate * seen["expected_loss"]
    usual = cheapest_contact_play(policy)
    if play.lane != "contact" or usual is None:
        return believed
    ratio = play.save_rate / usual.save_rate if usual.save_rate else 1.0
    worth = seen["value_if_kept"] - seen["value_if_lost"]
    measured: pd.Series[float] = -seen["effect"].astype(float) * worth * ratio
    return measured.fillna(believed)


def rank_options(
    found: pd.DataFrame, proven: Sequence[str], playbook: Sequence[Play], policy: Policy
) -> pd.DataFrame:
    """The options worth it, those of a customer together and the best first; adds `stand`.

    proven: selling plays that have been shown to sell, the first to try in front. stand: 0 for
    talk, a gesture and the first proven selling play of the customer; above it for further selling
    plays, the unproven last. Within a stand by gain, then the cheaper, then the playbook's order.
    """
    worth = found[found["gain"] > policy.min_net_gain * 100]
    selling = [play.name for play in playbook if play.type in SELLING_TYPES]
    turns = {name: proven.index(name) for name in selling if name in proven}
    turn = worth["play"].map(turns).astype(float)
    first = turn.groupby(worth["customer_id"]).transform("min")
    unproven = worth["play"].isin([name for name in selling if name not in turns])
    stand = (turn - first).fillna(0).where(~unproven, len(turns) + 1).astype("int64")
    return sorted_by(worth.assign(stand=stand), ("stand", True), *_BEST)


_BEST: Final = (("gain", False), ("price", True), ("place", True), ("second", True))


def sorted_by(found: pd.DataFrame, *by: tuple[str, bool]) -> pd.DataFrame:
    """Sorted by customer and columns (ascending or not); what stays equal keeps its order."""
    names = ["customer_id", *(name for name, _ in by)]
    ascending = [True, *(up for _, up in by)]
    return found.sort_values(names, ascending=ascending, kind="stable", ignore_index=True)


def matching_plays(found: pd.DataFrame, playbook: Sequence[Play], policy: Policy) -> pd.DataFrame:
    """The options of those who are not a matter of gain, the best of a customer first.

    A play that answers a trouble of theirs comes before one for any; an offer must be worth it.
    """
    general = [play.name for play in playbook if not play.when]
    paid = (found["spend"] > 0) | (found["offer"] > 0)
    kept = found[~paid | (found["gain"] > policy.min_net_gain * 100)]
    kept = kept.assign(stand=kept["play"].isin(general).astype("int64"))
    return sorted_by(kept, ("stand", True), *_BEST)


def within_budget(best: pd.DataFrame, budget: int | None) -> pd.DataFrame:
    """One row a customer of `answering`: their first option, or their first free one.

    Offers are given by gain downwards until one exceeds the budget (cents; null: no limit).
    """
    first = best.drop_duplicates("customer_id")
    if budget is None:
        return first
    paid = first.sort_values(["gain", "customer_id"], ascending=[False, True])
    over = paid.loc[paid["spend"].cumsum() > budget, "customer_id"]
    barred = best["customer_id"].isin(over) & (best["spend"] > 0)
    return best[~barred].drop_duplicates("customer_id")


def fallback_play(best: pd.DataFrame, given: pd.DataFrame) -> "pd.Series[str]":
    """By customer_id the play that comes next after the one given; left out where none does.

    best: `ordered` or `answering`; given: rows of it, one a customer, with its index.
    """
    place = pd.Series(given.index, index=given["customer_id"])
    play = given.set_index("customer_id")["play"]
    mine = best["customer_id"]
    later = best.index.to_series() > mine.map(place).astype(float)
    after = best[later & (best["play"] != mine.map(play).astype("str"))]
    return after.drop_duplicates("customer_id").set_index("customer_id")["play"]


def plays_needing_approval(playbook: Sequence[Play]) -> set[str]:
    """The plays whose offer somebody has to approve."""
    return {
        play.name for play in playbook if play.approval is not None and play.offer_value > play.approval
    }
