"""The numbers of the causal model, each with its reason; README.md tells the model in words."""

from dataclasses import dataclass, fields, replace

import numpy as np

CAUSES = (
    "late",
    "not_right_first_time",
    "overcharged",
    "not_addressed",
    "unprofessional",
    "price_rise",
    "payment_failed",
)
"""What can go wrong, in the order of the columns of a state's `hurt`."""

HORIZON = 13  # weeks: the horizon of the truth
NOTICE = 4  # weeks from giving notice to the contract's end


@dataclass(frozen=True)
class Mechanism:
    """Rates are per week and customer, effects are added to the weekly hazard at a hurt of 1."""

    # Twins: 0 switches off everything that such an effect does
    service_effect: float = 1.0
    outreach_effect: float = 1.0

    # Leaving without a reason of ours
    base_hazard: float = 0.0019
    young: float = 1.5  # a new customer's extra, as a multiple of the base
    young_weeks: float = 26.0  # in which it falls to 1/e
    renewal: float = 2.0  # in the four weeks around a contract's anniversary
    season: float = 0.25  # swing over the year, highest in January
    frailty: float = 0.2  # spread (sigma of a lognormal) that nothing shows
    telesales: float = 1.6  # customers talked into it
    notice_share: float = 0.6  # of those who leave, give four weeks' notice

    # What goes wrong
    orders: float = 0.05
    late: float = 0.14
    defect: float = 0.09
    hidden: float = 0.5  # of the defects surface only weeks later
    order_overcharged: float = 0.03
    bill_overcharged: float = 0.022
    rude: float = 0.04  # of contacts; poor agents twice, good ones half as often
    unsolved: float = 0.25  # of contacts about a failure are not solved at once
    payment_late: float = 0.07
    payment_failed: float = 0.004
    risky_payers: float = 0.07  # share of customers whose payments fail often
    risky_failed: float = 0.10
    questions: float = 0.02  # contacts for no failure of ours
    portal: float = 0.35
    portal_failed: float = 0.05
    referrals: float = 0.004

    # What it does
    late_effect: float = 0.0055
    not_right_first_time_effect: float = 0.026
    overcharged_effect: float = 0.01
    not_addressed_effect: float = 0.036
    unprofessional_effect: float = 0.012
    price_rise_effect: float = 0.006
    payment_failed_effect: float = 0.022
    escalation: float = 0.5  # a failure on top of a hurt of 1 hurts that much more
    silent: float = 1.3  # those who do not complain are hurt more
    repair: float = 0.85  # of the hurt goes when it is solved at once
    unsolved_hurt: float = 0.6  # a contact that solves nothing adds
    waiting_hurt: float = 0.12  # an open case adds each week
    half_life: float = 10.0  # weeks in which a hurt halves
    warmth_buffer: float = 0.7  # earlier good service
    tenure_buffer: float = 0.5  # three years of it
    order_drop: float = 0.35
    portal_drop: float = 0.5
    referral_drop: float = 1.2
    impossible: float = 1.0  # extra base hazard of those who cannot be pleased

    # Outreach: factors exp(-effect) on the hazard for eight weeks
    outreach_share: float = 0.06  # of customers, every four weeks, half of them held out
    outreach_weeks: int = 8
    persuaded: float = 0.25
    persuaded_hurt: float = 0.55  # more, for those whom we hurt
    disturbed: float = 0.9  # less, for those who had forgotten us

    @property
    def effects(self) -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
        """Per cause what a hurt of 1 adds to the weekly hazard."""
        return self.service_effect * np.array(
            [getattr(self, f"{cause}_effect") for cause in CAUSES]
        )


_FIXED = ("service_effect", "outreach_effect", "outreach_weeks", "notice_share", "hidden")


def redraw(seed: int, spread: float = 0.2) -> Mechanism:
    """Another company: every number but the switches multiplied by a lognormal of `spread`."""
    rng = np.random.default_rng(seed)
    free = [field.name for field in fields(Mechanism) if field.name not in _FIXED]
    factors = np.exp(rng.normal(0, spread, len(free)))
    plain = Mechanism()
    scaled = {
        name: getattr(plain, name) * factor for name, factor in zip(free, factors, strict=True)
    }
    return replace(
        plain,
        **{name: min(value, 0.95) if name in _SHARES else value for name, value in scaled.items()},
    )


_SHARES = ("repair", "unsolved", "late", "defect", "risky_payers")
