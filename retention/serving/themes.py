"""What the themes of features are about, in words, and which of them staff can act on today."""

from typing import Final

from retention.i18n.language import Language, gettext_noop

ACTIONABLE: Final = {
    "billing": gettext_noop("bills and payments"),
    "contacts": gettext_noop("contacts"),
    "journey": gettext_noop("what went wrong"),
    "portal": gettext_noop("the portal"),
    "promises": gettext_noop("deliveries"),
    "resolution": gettext_noop("open and slow cases"),
    "returns": gettext_noop("returns"),
    "satisfaction": gettext_noop("satisfaction"),
    "solutions": gettext_noop("problems not solved"),
    "touches": gettext_noop("effort"),
}
"""The themes that tell staff what to put right today, and their words: what the company did to the
customer or owes them. A bill is corrected, an order delivered, a case ended, a low rating asked
about, a task that failed in the portal done for them, goods that came back replaced."""

CONTEXT: Final = {
    "advocacy": gettext_noop("referrals"),
    "basket": gettext_noop("what they buy"),
    "campaigns": gettext_noop("campaigns"),
    "channels": gettext_noop("ways of getting in touch"),
    "contracts": gettext_noop("the contract"),
    "customer": gettext_noop("who they are"),
    "discounts": gettext_noop("discounts"),
    "frequency": gettext_noop("how often they buy"),
    "monetary": gettext_noop("how much they spend"),
    "recency": gettext_noop("the last purchase"),
    "regularity": gettext_noop("how regularly they buy"),
    "rhythm": gettext_noop("silence against habit"),
    "season": gettext_noop("the season"),
    "trend": gettext_noop("buying less"),
}
"""The themes that tell how the customer behaves: whether to call, and not what to put right. A
discount or a campaign is the playbook's to offer, under its limits, and mends nothing. A theme of
neither counts as one of these, under its own name."""


FAMILIES: Final = {
    "habit": ("frequency", "recency", "regularity", "rhythm", "season", "trend"),
    "spending": ("basket", "discounts", "monetary"),
    "offers": ("campaigns",),
    "contract": ("contracts", "customer"),
    "bills": ("billing",),
    "orders": ("promises", "returns"),
    "cases": ("resolution", "solutions", "contacts", "touches", "channels"),
    "opinion": ("satisfaction", "advocacy"),
    "portal": ("portal",),
    "journey": ("journey",),
}
"""Themes that tell of one matter: a customer gets one sentence of each, so that nothing is said
twice. Within a family the theme with the gravest issues comes first."""

_FAMILY_OF: Final = {theme: family for family, themes in FAMILIES.items() for theme in themes}


def family_of(theme: str) -> str:
    """The family of a theme; a theme of the company's own is a family by itself."""
    return _FAMILY_OF.get(theme, theme)


def theme_name(theme: str, language: Language) -> str:
    """A theme in words; one of the company's own is a kind of its events, as params names it."""
    words = (ACTIONABLE | CONTEXT).get(theme)
    return language.gettext(words) if words else theme.replace("_", " ").strip()
