"""Stage `params`: params.yaml, read in this one place, checked, and handed on as typed values."""

import datetime as dt
import re
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, available_timezones

import yaml
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)
from pydantic_core import ErrorDetails

from pipeline import artefacts, files
from pipeline.errors import BadParams, nearest, run
from pipeline.schema import CUSTOMER_COLUMNS, MAPPABLE

_LAG = re.compile(r"(\d+)\s*(m|h|d)")
_LAG_UNITS = {"m": "minutes", "h": "hours", "d": "days"}


def _zone(name: str) -> str:
    if name not in available_timezones():
        raise ValueError(f"no such time zone{nearest(name, available_timezones())}")
    return name


def _lag(text: Any) -> Any:
    match = _LAG.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        raise ValueError("write a lag as 30m, 12h or 2d")
    return dt.timedelta(**{_LAG_UNITS[match[2]]: int(match[1])})


def _date(text: Any) -> Any:
    if text is None:
        return None
    if not isinstance(text, str):
        raise ValueError('write a date in quotes, as "2026-11-22"')
    try:
        return dt.date.fromisoformat(text)
    except ValueError as error:
        raise ValueError(f'not a day of the calendar as "2026-11-22" ({error})') from None


Zone = Annotated[str, AfterValidator(_zone)]
Lag = Annotated[dt.timedelta, BeforeValidator(_lag)]
Day = Annotated[dt.date | None, BeforeValidator(_date)]
Days = Annotated[int, Field(ge=1)]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
Sql = Annotated[str, Field(min_length=1)]
Type = Literal["text", "double", "decimal", "integer", "boolean", "timestamp", "date"]


class Strict(BaseModel):
    """Frozen, and a stranger among the keys is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Engine(Strict):
    name: Literal["duckdb", "spark"] = "duckdb"
    memory: str = "4GB"
    master: str | None = None
    remote: str | None = None


class Format(Strict):
    time: str | None = None
    date: str | None = None


class EventMapping(Strict):
    """One event that a raw row emits; values are column names or scalar SQL over the row."""

    kind: Name
    where: Sql | None = None
    customer_id: Sql
    occurred_at: Sql
    known_at: Sql | None = None
    channel: Sql | None = None
    topic: Sql | None = None
    cause: Sql | None = None
    amount: Sql | None = None
    quoted_amount: Sql | None = None
    cost: Sql | None = None
    quantity: Sql | None = None
    promised_at: Sql | None = None
    effective_at: Sql | None = None
    order_id: Sql | None = None
    item_id: Sql | None = None
    case_id: Sql | None = None
    contract_id: Sql | None = None
    rating: Sql | None = None
    resolved: Sql | None = None
    agent_id: Sql | None = None
    treatment: Sql | None = None

    def columns(self) -> dict[str, str]:
        """The mapped event columns and their SQL, without kind and where."""
        names = [name for name in MAPPABLE if name != "kind"]
        return {name: sql for name in names if (sql := getattr(self, name)) is not None}


class RawFile(Strict):
    path: str
    types: dict[str, Type] = {}
    format: Format = Format()
    time_zone: Zone | None = None
    dst: Literal["reject", "earlier", "later"] = "reject"
    delimiter: str = Field(default=",", min_length=1, max_length=1)
    encoding: Literal["utf-8", "latin-1"] = "utf-8"


class Source(RawFile):
    """Rows that become events; what `expect` says of a row must be true, or the row is doubtful."""

    key: list[str] | Literal["row_number"]
    events: list[EventMapping] = Field(min_length=1)
    expect: dict[Name, Sql] = {}
    known_after: Lag | None = None


class Customers(RawFile):
    columns: dict[Literal[tuple(CUSTOMER_COLUMNS)], str]  # type: ignore[valid-type]

    @model_validator(mode="after")
    def _has_id(self) -> "Customers":
        if "customer_id" not in self.columns:
            raise ValueError("columns needs customer_id")
        return self


class Ingest(Strict):
    max_reject_share: float = Field(default=0.01, ge=0, le=1)


class ChurnLabel(Strict):
    rule: Literal["silence", "cancel"]
    kinds: list[str] = ["purchase"]
    active_days: Days = 180
    horizon_days: Days = 90
    gap_days: int = Field(default=0, ge=0)
    settle_days: int = Field(default=0, ge=0)


class ValueLabel(Strict):
    kinds: list[str] = ["purchase", "return"]
    cost_kinds: list[str] = []
    horizon_days: Days = 90
    margin: float = Field(default=1.0, gt=0, le=1)
    annual_discount: float = Field(default=0.0, ge=0, lt=1)


class Labels(Strict):
    churn: ChurnLabel
    value: ValueLabel = ValueLabel()


class Snapshots(Strict):
    every_days: Days = 30
    most: Days = 24


class Service(Strict):
    """What good service is: the first answer and the end of a case come within these."""

    answer_hours: float = Field(default=24, gt=0)
    resolution_days: int = Field(default=5, ge=0)


class Features(Strict):
    windows: list[Days] = [7, 14, 30, 60, 90, 180, 365]


Treated = Literal["weight", "drop", "keep"]


class Train(Strict):
    """treated: what is done with rows of customers who were contacted before their outcome.

    weight: they are left out, and those held out from the same outreach stand for them, with the
    weight of one over their share; drop: they are left out; keep: they count as any other.
    """

    treated: Treated = "weight"
    folds: int = Field(default=5, ge=1)
    min_churners: int = Field(default=30, ge=1)
    seed: int = 20260401
    threads: int = Field(default=2, ge=1)
    models: dict[str, dict[str, Any]] = {}


class Evaluate(Strict):
    bootstrap: int = Field(default=200, ge=20)
    seed: int = 20260402


class Staff(RawFile):
    """Who serves: agent_id, and the team and branch each belongs to."""

    columns: dict[Literal["agent_id", "team", "branch"], str]

    @model_validator(mode="after")
    def _has_id(self) -> "Staff":
        if "agent_id" not in self.columns:
            raise ValueError("columns needs agent_id")
        return self


class Scorecard(Strict):
    """What the service scorecard shows. `targets` names the measures that count; null: none set."""

    period_days: Days = 91
    targets: dict[str, float | None] = {}
    staff: Staff | None = None
    groups: list[Literal["region", "language", "preferred_channel", "acquisition_channel"]] = [
        "region", "language", "preferred_channel", "acquisition_channel",
    ]  # fmt: skip
    least: int = Field(default=30, ge=5)


class AtRisk(Strict):
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
    share: float = Field(default=0.5, gt=0)


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
    does: str = Field(min_length=1)
    wording: str = ""
    avoid: str = ""
    when: list[str] = []
    lane: Literal["contact", "fix_first", "cooling_off", "gave_notice"] = "contact"
    type: Literal["talk", "gesture", "upsell", "cross_sell"] = "talk"
    cost: float = Field(default=0.0, ge=0)
    offer: float = Field(default=0.0, ge=0)
    taken: float = Field(default=1.0, ge=0, le=1)
    approval: float | None = Field(default=None, ge=0)
    channels: list[str] = []
    saves: float = Field(default=0.1, ge=0, le=1)

    @model_validator(mode="after")
    def _no_offer_while_open(self) -> "Play":
        if self.lane in ("fix_first", "cooling_off") and (self.offer or self.type != "talk"):
            raise ValueError(f"no offer while something is being put right ({self.lane})")
        return self


class Policy(Strict):
    """Who is contacted, in which order, by which means; docs/policy.md tells the rules.

    lasts: for how many value windows a customer who is kept stays on, as the net gain counts it.
    """

    recent_days: int = Field(default=30, ge=0)
    least_tenure_days: int = Field(default=0, ge=0)
    fix: Fix = Fix()
    cooling_days: int = Field(default=7, ge=0)
    stay_below: float = Field(default=0.0, ge=0, lt=1)
    sleeping_days: Days | None = None
    effort: Effort | None = None
    lasts: float = Field(default=1.0, gt=0)
    least_gain: float = Field(default=0.0, ge=0)
    second_channel: float = Field(default=0.7, ge=0, le=1)
    budget: float | None = Field(default=None, ge=0)
    owners: dict[str, Owner] = {}
    channels: dict[str, Annotated[int, Field(ge=0)]] = {}
    nobody: str | None = None
    playbook: list[Play] = [Play(name="call", does="Ask how things are, and listen")]

    @model_validator(mode="after")
    def _one_of_a_name(self) -> "Policy":
        names = [play.name for play in self.playbook]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"playbook: two plays are called {twice[0]}")
        return self


class Publish(Strict):
    folder: str = "lists"
    allow_older: bool = False


class Outcomes(Strict):
    """How what contacts achieved is told.

    hoped: of customers who would leave, the share that contacts are hoped to keep; how many it
    takes to show that is worked out from it. power: the chance to show it if it is so. least:
    customers in either arm below which a part of them is not judged.
    """

    hoped: float = Field(default=0.2, gt=0, lt=1)
    power: float = Field(default=0.8, gt=0.05, lt=1)
    least: int = Field(default=30, ge=2)


class Simulation(Strict):
    """Of the simulated telecom company: its size, its chance, and what has consequences in it."""

    customers: int = Field(default=20_000, ge=100)
    weeks: int = Field(default=156, ge=52)
    seed: int = 7
    draw: int | None = None
    service_effect: float = Field(default=1.0, ge=0)
    outreach_effect: float = Field(default=1.0, ge=0)


class Params(Strict):
    """The whole configuration. `example` names a company of examples/ or is null for your own."""

    company: str = "your company"
    example: Literal["grocer", "cdnow", "telecom"] | None = None
    simulation: Simulation = Simulation()
    as_of: Day = None
    time_zone: Zone
    currency: str = Field(pattern=r"^[A-Z]{3}$")
    engine: Engine = Engine()
    ingest: Ingest = Ingest()
    sources: dict[Name, Source] = Field(min_length=1)
    customers: Customers | None = None
    labels: Labels
    snapshots: Snapshots = Snapshots()
    service: Service = Service()
    features: Features = Features()
    train: Train = Train()
    evaluate: Evaluate = Evaluate()
    scorecard: Scorecard = Scorecard()
    policy: Policy = Policy()
    at_risk: AtRisk = AtRisk()
    publish: Publish = Publish()
    outcomes: Outcomes = Outcomes()

    def zone_of(self, file: RawFile) -> ZoneInfo:
        """The zone in which a raw file's naive times are read."""
        return ZoneInfo(file.time_zone or self.time_zone)


def _fields_at(loc: tuple[int | str, ...]) -> list[str]:
    """The keys known beside the one at `loc`, found by walking the models' annotations."""
    model: type[BaseModel] | None = Params
    for step in loc[:-1]:
        if isinstance(step, int) or model is None or step not in model.model_fields:
            continue
        model = _model_in(model.model_fields[step].annotation)
    return list(model.model_fields) if model else []


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    found = [_model_in(part) for part in getattr(annotation, "__args__", ())]
    return next((model for model in found if model), None)


def sentence(error: ErrorDetails) -> str:
    """What is wrong with one key, and the nearest known one."""
    loc = error["loc"]
    steps = [str(step) for step in loc]
    where = ".".join(step for step in steps if "[" not in step) or "(top level)"
    if error["type"] == "extra_forbidden":
        return f"{where}: unknown key{nearest(str(loc[-1]), _fields_at(loc))}"
    if error["type"] == "missing":
        return f"{where}: missing"
    return f"{where}: {error['msg'].removeprefix('Value error, ')}, not {error['input']!r}"


def parse(text: str, name: str = "params.yaml") -> Params:
    """Params from YAML text; BadParams names the first wrong key and the nearest known one."""
    try:
        raw = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise BadParams(f"{name}: not YAML: {error}") from None
    if not isinstance(raw, dict):
        raise BadParams(f"{name}: expected keys and values")
    try:
        return Params.model_validate(raw)
    except ValidationError as error:
        errors = sorted(error.errors(), key=lambda one: one["type"] != "extra_forbidden")
        raise BadParams(f"{name}: {sentence(errors[0])}") from None


def load(path: Path = Path("params.yaml")) -> Params:
    """The params of the folder one stands in."""
    if not path.is_file():
        raise BadParams(f"{path}: no such file; copy one from examples/")
    return parse(path.read_text(encoding="utf-8"), str(path))


def resolved(chosen: Params) -> str:
    """The params as YAML with every default written out: what the stages depend on."""
    return yaml.safe_dump(chosen.model_dump(mode="json"), sort_keys=True, allow_unicode=True)


def main() -> None:
    files.write_text(artefacts.PARAMS, resolved(load()))


if __name__ == "__main__":
    run(main)
