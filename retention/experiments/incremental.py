"""What contact saved: customers and money, with intervals, and what is left after its cost."""

from dataclasses import dataclass

import numpy as np

from retention.stats.two_sample import Difference


@dataclass(frozen=True)
class Amount:
    """A number and its interval, both ends nan where it cannot be measured yet."""

    value: float
    low: float
    high: float

    def less(self, fixed: float) -> "Amount":
        """Less a number that is known."""
        return Amount(self.value - fixed, self.low - fixed, self.high - fixed)

    def times(self, fixed: float) -> "Amount":
        """Times a number that is known; the low end stays the lower one."""
        ends = sorted((self.low * fixed, self.high * fixed))
        return Amount(self.value * fixed, *ends)


@dataclass(frozen=True)
class Saved:
    """Of all who were assigned to contact, beside what they would have done if left alone.

    customers  not lost that would have been
    money      value that came in besides, currency
    cost       what contacting them cost, offers taken too, currency
    net        money less cost
    back       net for each unit of cost; nan where there was none
    """

    customers: Amount
    money: Amount
    cost: float
    net: Amount
    back: Amount


def saved(left: Difference, value: Difference, cost: float) -> Saved:
    """left: of shares of leavers; value: of net money each; both of the same customers.

    cost: of the whole arm of those assigned to contact, a sum from the books without an interval
    of its own. The intervals are those of the differences: 95 % for one look, or for any number
    of looks if `always.at_any_time` has read them.
    """
    money = total(value)
    net = money.less(cost)
    back = net.times(1 / cost) if cost else Amount(np.nan, np.nan, np.nan)
    return Saved(customers(left), money, cost, net, back)


def customers(left: Difference) -> Amount:
    """treated x (share of leavers among those held out - among those assigned to contact)."""
    return total(left).times(-1)


def total(found: Difference) -> Amount:
    """The difference summed over all who were assigned to contact."""
    return Amount(found.difference, found.low, found.high).times(found.treated)
