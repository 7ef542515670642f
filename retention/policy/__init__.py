"""What is done about each watched customer: the lanes, and why one is in a lane.

Lanes are tried in the order of LANES_IN_ORDER; the first that holds is the customer's only one.
"""

from typing import Final

from retention.i18n.language import marked

LANES: Final = {
    "contact": marked("to contact"),
    "fix_first": marked("fix first"),
    "gave_notice": marked("gave notice"),
    "cooling_off": marked("cooling off"),
    "leave_alone": marked("leave alone"),
    "excluded": marked("excluded"),
}
"""Every lane, in the order in which the list shows them, in the words that staff read."""

IN_TROUBLE: Final = ("fix_first", "gave_notice", "cooling_off")
"""The lanes of those listed for a trouble of theirs, whatever their risk."""
LISTED: Final = ("contact", *IN_TROUBLE)
"""The lanes that appear on a list."""

WHYS: Final = {
    "contact": {"chosen": marked("most to gain within what staff can handle")},
    "fix_first": {
        "open_case": marked("a case is still open"),
        "billing_error": marked("billed above the agreed price, not yet corrected"),
        "broken_promise": marked("still waiting for what was promised"),
    },
    "gave_notice": {"notice": marked("gave notice")},
    "cooling_off": {"just_fixed": marked("put right a few days ago")},
    "leave_alone": {
        "would_stay": marked("would stay anyway"),
        "may_be_disturbed": marked("a call might be what makes them leave"),
        "not_worth_saving": marked("costs more than it would bring"),
        "below_capacity": marked("below what staff can handle"),
    },
    "excluded": {
        "opted_out": marked("asked not to be contacted"),
        "erased": marked("erased"),
        "gone": marked("died, or merged with another customer"),
        "held_out": marked("held out at random, for comparison"),
        "contacted_recently": marked("contacted a short while ago"),
        "too_new": marked("not with us long enough"),
    },
}
"""Per lane the reasons to be in it, in the order in which they are tried, and their words."""
