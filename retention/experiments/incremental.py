"""Incremental outcomes of contact: customers and money, with intervals, before and after cost."""

from dataclasses import dataclass

import numpy as np

from models.components.retention_value import net_gain
from retention.stats.two_sample import EffectEstimate


@dataclass(frozen=True)
class Estimate:
    """A number with its 95 % interval."""

    value: float  # point estimate
    low: float  # lower end; nan where there are too few customers for an interval
    high: float  # upper end; nan likewise

    def times(self, constant: float) -> "Estimate":
        """Multiply by a number that is known without error; low stays the lower end."""
        ends = sorted((self.low * constant, self.high * constant))
        return Estimate(self.value * constant, *ends)


@dataclass(frozen=True)
class Incremental:
    """What contact changed, summed over all who were assigned to it."""

    customers: Estimate  # customers who stayed and would have churned if held out
    value: Estimate  # worth of those customers over the windows they stay, currency
    cost: float  # of contacts and accepted offers, currency
    net: Estimate  # value less cost, currency
    roi: Estimate  # net per unit of cost; nan where there was no cost


def incremental_outcomes(
    churn_effect: EffectEstimate, value_effect: EffectEstimate, cost: float
) -> Incremental:
    """Turn effects per customer into totals of the contact arm.

    Parameters
    ----------
    churn_effect : EffectEstimate
        On the churn rate, contact less holdout.
    value_effect : EffectEstimate
        On what customers are worth who stayed (`kept_value`), currency, of the same customers;
        nan where no customer brings money.
    cost : float
        Of the whole contact arm, currency: a sum from the books, without an interval of its own.

    Returns
    -------
    Incremental
        Its intervals are those of the effects: for one look, or for any number of looks where
        the effects come from `sequential.confidence_sequence`.
    """
    value = total_effect(value_effect)
    ends = (net_gain(1.0, end, cost) for end in (value.value, value.low, value.high))
    net = Estimate(*ends)
    roi = net.times(1 / cost) if cost else Estimate(np.nan, np.nan, np.nan)
    return Incremental(saved_customers(churn_effect), value, cost, net, roi)


def saved_customers(churn_effect: EffectEstimate) -> Estimate:
    """Number of treated customers times (churn rate of holdout less that of contact).

    Parameters
    ----------
    churn_effect : EffectEstimate
        On the churn rate, contact less holdout.

    Returns
    -------
    Estimate
        Customers; below 0 where contact made customers leave.
    """
    return total_effect(churn_effect).times(-1)


def total_effect(effect: EffectEstimate) -> Estimate:
    """Sum an effect over all customers assigned to contact.

    Parameters
    ----------
    effect : EffectEstimate
        Difference of means, contact less holdout.

    Returns
    -------
    Estimate
        In the unit of the outcome.
    """
    return Estimate(effect.difference, effect.low, effect.high).times(effect.treated)
