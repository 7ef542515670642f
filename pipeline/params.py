"""Stage `params`: params.yaml, read in this one place, checked, and handed on as typed values."""

import datetime as dt
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar
from zoneinfo import ZoneInfo, available_timezones

import yaml
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_core import ErrorDetails

from pipeline import artefacts, files, private
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


def _variable(name: Any) -> Any:
    if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
        raise ValueError(
            "name the environment variable that holds the database's URL; the URL itself, with its"
            " password, must not stand here"
        )
    return name


Zone = Annotated[str, AfterValidator(_zone)]
Variable = Annotated[str, BeforeValidator(_variable)]
Lag = Annotated[dt.timedelta, BeforeValidator(_lag)]
Day = Annotated[dt.date | None, BeforeValidator(_date)]
Days = Annotated[int, Field(ge=1)]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
Sql = Annotated[str, Field(min_length=1)]
Currency = Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
Type = Literal["text", "double", "decimal", "integer", "boolean", "timestamp", "date"]


VERSION = 1
"""The newest version of params.yaml that is understood; one without a number is of version 1."""


class Strict(BaseModel):
    """Frozen, and a stranger among the keys is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Engine(Strict):
    name: Literal["duckdb", "spark"] = "duckdb"
    memory: str = "4GB"
    master: str | None = None
    remote: str | None = None


class Format(Strict):
    """How times, dates and numbers are written; decimal: the sign before the decimals."""

    time: str | None = None
    date: str | None = None
    decimal: Literal[".", ","] = "."


class EventMapping(Strict):
    """One event that a raw row emits; values are column names or scalar SQL over the row.

    currency: in which its money is written, where that is not the same for all rows.
    """

    kind: Name
    where: Sql | None = None
    currency: Sql | None = None
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
    """Files of one form.

    dst: which instant a wall clock time means that the zone's clocks skip or repeat; without it
    such a time refuses the file. rows_at_least: with fewer rows, in all files together, the export
    counts as cut.

    table: a PostgreSQL table or view in place of files; `path` is then where its rows are copied
    to. database: the environment variable that holds the database's URL. database_timeout: seconds
    within which connecting and reading must end.
    """

    path: str = ""
    table: str | None = Field(default=None, min_length=1)
    database: Variable = "DATABASE_URL"
    database_timeout: float = Field(default=900, ge=1)
    types: dict[str, Type] = {}
    format: Format = Format()
    time_zone: Zone | None = None
    dst: Literal["reject", "earlier", "later"] | None = None
    delimiter: str = Field(default=",", min_length=1, max_length=1)
    encoding: Literal["utf-8", "latin-1"] = "utf-8"
    rows_at_least: int | None = Field(default=None, ge=1)

    @model_validator(mode="after")
    def _lies_in_one_place(self) -> "RawFile":
        if bool(self.path) == bool(self.table):
            raise ValueError("write either path, for files, or table, for a database")
        if "://" in f"{self.path}{self.table}":
            raise ValueError("an address must not stand here; see docs/databases.md")
        return self


class Source(RawFile):
    """Rows that become events; what `expect` says of a row must be true, or the row is doubtful.

    incremental: the table's column of when a row became known; only rows newer than those copied
    before are read. incremental_overlap: so much of the time before is read again, for rows that
    were committed late. Without `incremental` the whole table is read each time.
    """

    key: list[str] | Literal["row_number"]
    events: list[EventMapping] = Field(min_length=1)
    expect: dict[Name, Sql] = {}
    known_after: Lag | None = None
    incremental: str | None = Field(default=None, min_length=1)
    incremental_overlap: Lag = dt.timedelta(days=1)

    @model_validator(mode="after")
    def _can_be_incremental(self) -> "Source":
        if self.incremental and not self.table:
            raise ValueError("incremental is for a table; files are read whole")
        if self.incremental and self.key == "row_number":
            raise ValueError("incremental needs a key: rows that are read twice must be recognised")
        return self


class Customers(RawFile):
    columns: dict[Literal[tuple(CUSTOMER_COLUMNS)], str]  # type: ignore[valid-type]

    @model_validator(mode="after")
    def _has_id(self) -> "Customers":
        if "customer_id" not in self.columns:
            raise ValueError("columns needs customer_id")
        return self


File = TypeVar("File", bound=RawFile)


def _copied_to(key: str) -> Callable[[File], File]:
    """Says of a table under a key of params.yaml where its rows are copied to."""

    def placed(file: File) -> File:
        place = str(artefacts.TABLES / key)
        return file.model_copy(update={"path": place}) if file.table else file

    return placed


class Ingest(Strict):
    """conversion: what one unit of another currency is worth in that of the company."""

    max_reject_share: float = Field(default=0.01, ge=0, le=1)
    conversion: dict[Currency, Annotated[float, Field(ge=1e-6, le=1e6)]] = {}


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


Treated = Literal["weight", "drop", "adjust", "keep"]


class Train(Strict):
    """treated: what is done with rows of customers who were contacted before their outcome.

    weight: they are left out, and those held out from the same outreach stand for them, with the
    weight of one over their share; drop: they are left out; adjust: they stay, models are told
    who they are, and foretell everybody as left alone; keep: they count as any other.
    """

    treated: Treated = "weight"
    folds: int = Field(default=5, ge=1)
    min_churners: int = Field(default=30, ge=1)
    seed: int = 20260401
    threads: int = Field(default=2, ge=1)
    models: dict[str, dict[str, Any]] = {}


class Uplift(Strict):
    """Which model learns whom a contact keeps, from those drawn by lot; null: none is asked."""

    model: str | None = "uplift_dr"


class Evaluate(Strict):
    """least: customers of a group, below which nothing is told of it."""

    bootstrap: int = Field(default=200, ge=20)
    seed: int = 20260402
    least: int = Field(default=50, ge=10)


class Promote(Strict):
    """When a challenger takes the champion's place.

    automatic: the stage lets it, where it is no worse than the champion; otherwise somebody says
    `retention promote`. bootstrap: resamples of the customers for the interval of the difference.
    """

    automatic: bool = False
    bootstrap: int = Field(default=1000, ge=100)
    seed: int = 20260406


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
    staff: Annotated[Staff, AfterValidator(_copied_to("scorecard.staff"))] | None = None
    groups: list[Literal["region", "language", "preferred_channel", "acquisition_channel"]] = [
        "region", "language", "preferred_channel", "acquisition_channel",
    ]  # fmt: skip
    least: int = Field(default=30, ge=5)


class Score(Strict):
    """How `retention score` goes; docs/operating.md tells it.

    folder: where it works, and keeps the log and the summary of each day. champion: pinned scores
    with champion/; registry does too, but only if the alias `champion` of MLflow's registry names
    the same models. without_registry: what is done when MLflow cannot be reached. keep: of how
    many days the logs stay.
    """

    folder: str = "runs"
    champion: Literal["pinned", "registry"] = "pinned"
    without_registry: Literal["pinned", "refuse"] = "pinned"
    keep: Days = 90


GuardName = Literal["freshness", "row_count", "schema", "drift", "model_age", "calibration"]
Share = Annotated[float, Field(ge=0, le=1)]
Amount = Annotated[float, Field(gt=0)]


class Guards(Strict):
    """When a list gets a warning or is not published at all; null switches a limit off.

    stale_warn_days, stale_refuse_days: whole days before as_of of which a source that the label
    needs tells nothing. row_drop: so large a share fewer rows, or watched customers, than in the
    last run refuses. rejects_times: so many times the last run's share of rejects warns. psi_warn,
    psi_refuse: of the chances of leaving, against when the champion was made; psi_warn counts a
    number among features as drifted, distance_warn (Jensen-Shannon, 0 to 1) a category, and
    drifted_warn, drifted_refuse are shares of all features. model_warn_days, model_refuse_days:
    since when the champion could have learnt anew. calibration_least: customers held out with a
    known outcome, below which a list is not judged; calibration_refuse: so far outside of the
    interval refuses.
    override: the guard that may not refuse, and why and by whom; it holds for the list of
    override_on only. docs/monitoring.md tells more.
    """

    stale_warn_days: int | None = Field(default=3, ge=0)
    stale_refuse_days: int | None = Field(default=14, ge=0)
    row_drop: Share | None = 0.5
    rejects_times: Amount | None = 3.0
    psi_warn: Amount | None = 0.25
    psi_refuse: Amount | None = 0.5
    distance_warn: Share | None = 0.2
    drifted_warn: Share | None = 0.2
    drifted_refuse: Share | None = 0.5
    model_warn_days: int | None = Field(default=92, ge=0)
    model_refuse_days: int | None = Field(default=366, ge=0)
    calibration_least: int | None = Field(default=30, ge=2)
    calibration_refuse: Share | None = 0.2
    override: dict[GuardName, Annotated[str, Field(pattern=r"\S")]] = {}
    override_on: Day = None

    @model_validator(mode="after")
    def _override_has_a_day(self) -> "Guards":
        if self.override and self.override_on is None:
            raise ValueError('override needs override_on, the as_of that it is for: "2026-11-22"')
        return self


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
    """Where lists are put for staff. `folder` may lie on a shared drive.

    keep: how many lists stay; null: all. The oldest of the company go, but never the current one,
    nor the newest of a day whose outcomes are still to come. What staff hand back of a list that
    went cannot be taken any more.
    """

    folder: str = "lists"
    allow_older: bool = False
    keep: int | None = Field(default=400, ge=2)


class Privacy(Strict):
    """For how long personal data are kept; docs/security.md tells it.

    keep_days: events that happened longer before as_of are dropped when they are read, and
    `retention tidy` removes lists and ledgers' entries that old. null: everything is kept.
    """

    keep_days: Days | None = None


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
    """The whole configuration. `example` names a company of examples/ or is null for your own.

    version: of the keys below and their meanings.
    """

    version: int = Field(default=VERSION, ge=1)
    company: str = "your company"
    example: Literal["grocer", "cdnow", "telecom"] | None = None
    simulation: Simulation = Simulation()
    as_of: Day = None
    time_zone: Zone
    currency: Currency
    engine: Engine = Engine()
    ingest: Ingest = Ingest()
    sources: dict[Name, Source] = Field(min_length=1)
    customers: Annotated[Customers, AfterValidator(_copied_to("customers"))] | None = None
    privacy: Privacy = Privacy()
    labels: Labels
    snapshots: Snapshots = Snapshots()
    service: Service = Service()
    features: Features = Features()
    train: Train = Train()
    uplift: Uplift = Uplift()
    evaluate: Evaluate = Evaluate()
    promote: Promote = Promote()
    scorecard: Scorecard = Scorecard()
    policy: Policy = Policy()
    score: Score = Score()
    guard: Guards = Guards()
    at_risk: AtRisk = AtRisk()
    publish: Publish = Publish()
    outcomes: Outcomes = Outcomes()

    @field_validator("sources")
    @classmethod
    def _tables_are_copied(cls, sources: dict[str, Source]) -> dict[str, Source]:
        return {name: _copied_to(f"sources.{name}")(one) for name, one in sources.items()}

    def raw_files(self) -> dict[str, RawFile]:
        """Everything that is read from outside, by its key in params.yaml."""
        every = {f"sources.{name}": one for name, one in self.sources.items()}
        others = {"customers": self.customers, "scorecard.staff": self.scorecard.staff}
        return every | {key: one for key, one in others.items() if one}

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
    said = f"{where}: {error['msg'].removeprefix('Value error, ')}"
    whole_or_secret = isinstance(error["input"], dict) or loc[-1] == "database"
    return said if whole_or_secret else f"{said}, not {error['input']!r}"


def parse(text: str, name: str = "params.yaml") -> Params:
    """Params from YAML text; BadParams names the first wrong key and the nearest known one."""
    try:
        raw = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise BadParams(f"{name}: not YAML: {error}") from None
    if not isinstance(raw, dict):
        raise BadParams(f"{name}: expected keys and values")
    _refuse_newer(raw.get("version"), name)
    try:
        return Params.model_validate(raw)
    except ValidationError as error:
        errors = sorted(error.errors(), key=lambda one: one["type"] != "extra_forbidden")
        raise BadParams(f"{name}: {sentence(errors[0])}") from None


def _refuse_newer(version: Any, name: str) -> None:
    """Before any key is looked at: those that a newer version has are no mistakes."""
    if isinstance(version, int) and version > VERSION:
        raise BadParams(
            f"{name}: version {version} is newer than {VERSION}, the newest that this program "
            "understands; update the program"
        )


def changed(text: str, changes: Mapping[str, Any]) -> str:
    """The text of a params.yaml with some keys changed; sections keep their other keys."""
    return yaml.safe_dump(_merged(yaml.safe_load(text), changes), sort_keys=False)


def _merged(old: Any, new: Any) -> Any:
    if not isinstance(old, dict) or not isinstance(new, Mapping):
        return new
    return old | {name: _merged(old.get(name), one) for name, one in new.items()}


def load(path: Path = Path("params.yaml")) -> Params:
    """The params of the folder one stands in."""
    if not path.is_file():
        raise BadParams(f"{path}: no such file; copy one from examples/")
    return parse(path.read_text(encoding="utf-8"), str(path))


def resolved(chosen: Params) -> str:
    """The params as YAML with every default written out: what the stages depend on."""
    return yaml.safe_dump(chosen.model_dump(mode="json"), sort_keys=True, allow_unicode=True)


def main() -> None:
    loaded = load()
    private.close(Path(), [loaded.score.folder])
    files.write_text(artefacts.PARAMS, resolved(loaded))


if __name__ == "__main__":
    run(main)
