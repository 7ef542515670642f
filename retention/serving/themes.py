"""What the themes of features are about, in words, and which of them staff can act on today."""

from typing import Final

from retention.i18n.language import marked

ACTIONABLE: Final = {
    "billing": marked("bills and payments"),
    "contacts": marked("contacts"),
    "journey": marked("what went wrong"),
    "portal": marked("the portal"),
    "promises": marked("deliveries"),
    "resolution": marked("open and slow cases"),
    "returns": marked("returns"),
    "satisfaction": marked("satisfaction"),
    "solutions": marked("problems not solved"),
    "touches": marked("effort"),
}
"""The themes that tell staff what to put right today, and their words: what the company did to the
customer or owes them. A bill is corrected, an order delivered, a case ended, a low rating asked
about, a task that failed in the portal done for them, goods that came back replaced."""

CONTEXT: Final = {
    "advocacy": marked("referrals"),
    "basket": marked("what they buy"),
    "campaigns": marked("campaigns"),
    "channels": marked("ways of getting in touch"),
    "contracts": marked("the contract"),
    "customer": marked("who they are"),
    "discounts": marked("discounts"),
    "frequency": marked("how often they buy"),
    "monetary": marked("how much they spend"),
    "recency": marked("the last purchase"),
    "regularity": marked("how regularly they buy"),
    "rhythm": marked("silence against habit"),
    "season": marked("the season"),
    "trend": marked("buying less"),
}
"""The themes that tell how the customer behaves: whether to call, and not what to put right. A
discount or a campaign is the playbook's to offer, under its limits, and mends nothing. A theme of
neither counts as one of these, under its own name."""
