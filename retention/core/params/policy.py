"""Who is contacted, in which order, by which means; docs/policy.md tells the rules."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from retention.core.params.base import Day, Days, Name, Strict


class AtRiskParams(Strict):
    """The list: how many to contact, who is left alone to compare, and how it is read.

    campaign_days: for how long a customer stays in the arm in which a list of the campaign first
    put them: those left alone are on no list as long.
    """

    capacity: Days = 200
    holdout_share: float = Field(default=0.1, ge=0, lt=0.5)
    campaign: str = "always-on"
    campaign_days: Days = 180
    salt: str = "retention"
    others: int | None = Field(default=None, ge=0)
    language: Literal["en", "ur", "bn"] = "en"


class Fix(Strict):
    """What counts as still to be put right before anybody is offered anything, in days back."""

    billing_days: int = Field(default=60, ge=0)
    promise_days: int = Field(default=60, ge=0)


class Effort(Strict):
    """Who asks too much: so many contacts a year, at so large a share of what they bring."""

    contacts: Days = 12
    cost_share: float = Field(default=0.5, gt=0)


class Absence(Strict):
    """From the first day to the last, both away; somebody else covers."""

    first: Day
    last: Day
    cover: str = Field(min_length=1)

    @model_validator(mode="after")
    def _in_order(self) -> "Absence":
        if self.first is None or self.last is None or self.last < self.first:
            raise ValueError("an absence needs a first day and a last one not before it")
        return self


class Owner(Strict):
    """Of one who owns customers: how many contacts a list may ask for, and when away."""

    capacity: int | None = Field(default=None, ge=0)
    away: list[Absence] = []


class Play(Strict):
    """One thing staff can do, for whom, what it costs, and what it is believed to achieve.

    saves: of customers about to leave, the share it keeps: a belief until a holdout has measured
    it. taken: of all who are offered it, those who would have stayed included, how many accept.
    when: causes of trouble or themes of reasons that it answers; empty: any.
    """

    name: Name
    action: str = Field(min_length=1)
    wording: str = ""
    avoid: str = ""
    when: list[str] = []
    lane: Literal["contact", "fix_first", "cooling_off", "gave_notice"] = "contact"
    type: Literal["talk", "gesture", "upsell", "cross_sell"] = "talk"
    cost: float = Field(default=0.0, ge=0)
    offer_value: float = Field(default=0.0, ge=0)
    acceptance_rate: float = Field(default=1.0, ge=0, le=1)
    approval: float | None = Field(default=None, ge=0)
    channels: list[str] = []
    save_rate: float = Field(default=0.1, ge=0, le=1)

    @model_validator(mode="after")
    def _no_offer_while_open(self) -> "Play":
        if self.lane in ("fix_first", "cooling_off") and (self.offer_value or self.type != "talk"):
            raise ValueError(f"no offer while something is being put right ({self.lane})")
        return self


class Policy(Strict):
    """Who is contacted, in which order, by which means; docs/policy.md tells the rules.

    lasts: for how many value windows a customer who is kept stays on, as the net gain counts it.
    """

    recent_days: int = Field(default=30, ge=0)
    min_tenure_days: int = Field(default=0, ge=0)
    fix: Fix = Fix()
    cooling_days: int = Field(default=7, ge=0)
    min_churn_probability: float = Field(default=0.0, ge=0, lt=1)
    sleeping_days: Days | None = None
    effort: Effort | None = None
    retained_windows: float = Field(default=1.0, gt=0)
    min_net_gain: float = Field(default=0.0, ge=0)
    other_channel_factor: float = Field(default=0.7, ge=0, le=1)
    budget: float | None = Field(default=None, ge=0)
    owners: dict[str, Owner] = {}
    channels: dict[str, Annotated[int, Field(ge=0)]] = {}
    nobody: str | None = None
    playbook: list[Play] = [Play(name="call", action="Ask how things are, and listen")]

    @model_validator(mode="after")
    def _play_names_are_unique(self) -> "Policy":
        names = [play.name for play in self.playbook]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"playbook: two plays are called {twice[0]}")
        return self
