"""What is done about each watched customer: the lanes, and why one is in a lane.

Lanes are tried in the order of LANES_IN_ORDER; the first that holds is the customer's only one.
"""

from typing import Final

from retention.i18n.language import gettext_noop

LANES: Final = {
    "contact": gettext_noop("to contact"),
    "fix_first": gettext_noop("fix first"),
    "gave_notice": gettext_noop("gave notice"),
    "cooling_off": gettext_noop("cooling off"),
    "leave_alone": gettext_noop("leave alone"),
    "excluded": gettext_noop("excluded"),
}
"""Every lane, in the order in which the list shows them, in the words that staff read."""

ISSUE_LANES: Final = ("fix_first", "gave_notice", "cooling_off")
"""The lanes of those listed for a trouble of theirs, whatever their risk."""
LISTED_LANES: Final = ("contact", *ISSUE_LANES)
"""The lanes that appear on a list."""

LANE_REASONS: Final = {
    "contact": {"chosen": gettext_noop("most to gain within what staff can handle")},
    "fix_first": {
        "open_case": gettext_noop("a case is still open"),
        "billing_error": gettext_noop("billed above the agreed price, not yet corrected"),
        "broken_promise": gettext_noop("still waiting for what was promised"),
    },
    "gave_notice": {"notice": gettext_noop("gave notice")},
    "cooling_off": {"just_fixed": gettext_noop("put right a few days ago")},
    "leave_alone": {
        "would_stay": gettext_noop("would stay anyway"),
        "may_be_disturbed": gettext_noop("a call might be what makes them leave"),
        "not_worth_saving": gettext_noop("costs more than it would bring"),
        "below_capacity": gettext_noop("below what staff can handle"),
    },
    "excluded": {
        "opted_out": gettext_noop("asked not to be contacted"),
        "erased": gettext_noop("erased"),
        "gone": gettext_noop("died, or merged with another customer"),
        "held_out": gettext_noop("held out at random, for comparison"),
        "contacted_recently": gettext_noop("contacted a short while ago"),
        "too_new": gettext_noop("not with us long enough"),
    },
}
"""Per lane the reasons to be in it, in the order in which they are tried, and their words."""
