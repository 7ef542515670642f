"""Channels: how the customer gets in touch, and whether that changed."""

import narwhals as nw

from features.engine import service_grains
from features.engine.base import Declaration, Past, count, feature, grain, ratio, within
from retention.core.point_in_time import Frame

ONLINE = ("portal", "web", "chat", "app")
_YEAR = 365


@grain("contact")
def channel_use(past: Past) -> Frame:
    """One row a customer and channel of contacts: customer_id, channel.

    usual: 1 for the channel used most, of several the first by name, else 0; recent: contacts in
    the last 365 days.
    """
    contacts = past[service_grains.contacts].filter(~nw.col("channel").is_null())
    used = contacts.group_by("customer_id", "channel").agg(
        contacts=nw.len(), recent=count(within(_YEAR))
    )
    ranked = used.with_columns(max_contacts=nw.col("contacts").max().over("customer_id"))
    candidate = nw.when(nw.col("contacts") == nw.col("max_contacts")).then(nw.col("channel"))
    named = ranked.with_columns(candidate=candidate)
    first = named.with_columns(first=nw.col("candidate").min().over("customer_id"))
    return first.select(
        "customer_id",
        "channel",
        "recent",
        usual=service_grains.flag(nw.col("channel") == nw.col("first")),
    )


def _channel_share(name: str, channels: tuple[str, ...], how: str, words: str) -> Declaration:
    """A feature: the contacts through some channels among those of known channel, in a year."""
    declare = feature(
        service_grains.contacts,
        name=name,
        meaning=f"Share of the contacts of the last {{days}} days that {how}.",
        unit="share",
        windows=(_YEAR,),
        words=words,
        alarming="high",
    )

    def share_of(days: int) -> nw.Expr:
        with_channel = within(days) & ~nw.col("channel").is_null()
        return ratio(count(with_channel & nw.col("channel").is_in(channels)), count(with_channel))

    return declare(share_of)


phone_share = _channel_share(
    "phone_share",
    ("phone",),
    "came by phone",
    "{phone_share_Nd:percent} of their contacts by phone in the last {days} days",
)
email_share = _channel_share(
    "email_share",
    ("email",),
    "came by e-mail",
    "{email_share_Nd:percent} of their contacts by e-mail in the last {days} days",
)
office_share = _channel_share(
    "office_share",
    ("office", "store"),
    "were visits to an office or shop",
    "came to an office for {office_share_Nd:percent} of the contacts in the last {days} days",
)
online_share = _channel_share(
    "online_share",
    ONLINE,
    "came by portal, web, chat or app",
    "{online_share_Nd:percent} of their contacts online in the last {days} days",
)


@feature(
    service_grains.contacts,
    unit="contacts",
    none=0,
    windows=(_YEAR,),
    words="changed channel within a case {channel_switches_Nd:times} in the last {days} days",
    alarming="high",
)
def channel_switches(days: int) -> nw.Expr:
    """Contacts in the last {days} days through another channel than the one before on the case."""
    return count(within(days) & (nw.col("channel") != nw.col("channel_before")))


@feature(channel_use, unit="category")
def usual_channel() -> nw.Expr:
    """The channel used most for contacts ever, of several the first by name."""
    return nw.when(nw.col("usual") == 1).then(nw.col("channel")).min()


@feature(
    channel_use,
    unit="share",
    spans=_YEAR,
    words="{unusual_channel_share:percent} of the last year's contacts not by the usual channel",
    alarming="high",
)
def unusual_channel_share() -> nw.Expr:
    """Share of the contacts of the last 365 days through another channel than the usual one."""
    other = nw.when(nw.col("usual") == 0).then(nw.col("recent")).otherwise(0)
    return ratio(other.sum(), nw.col("recent").sum())
