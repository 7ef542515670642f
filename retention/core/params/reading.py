"""Reads, checks and writes params.yaml; nothing else opens it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

import yaml
from pydantic import AfterValidator, BaseModel, Field, ValidationError, field_validator
from pydantic_core import ErrorDetails

from retention.core.errors import BadParams, suggestion
from retention.core.params.base import Currency, Day, Name, Strict, Zone
from retention.core.params.modelling import (
    EvaluateParams,
    FeatureParams,
    LabelParams,
    PromoteParams,
    ServiceParams,
    SnapshotParams,
    TrainParams,
    UpliftParams,
)
from retention.core.params.old_keys import old_keys, with_new_keys
from retention.core.params.operations import (
    GuardParams,
    OutcomesParams,
    PrivacyParams,
    PublishParams,
    ScorecardParams,
    ScoreParams,
    SimulationParams,
)
from retention.core.params.policy import AtRiskParams, Policy
from retention.core.params.sources import (
    CustomersFile,
    EngineParams,
    IngestParams,
    RawFile,
    Source,
    copied_to,
)

VERSION = 1
"""The newest version of params.yaml that is read; a file without a version has version 1."""


class Params(Strict):
    """The whole configuration."""

    version: int = Field(default=VERSION, ge=1)  # of the keys below and their meanings
    company: str = "your company"
    example: Literal["grocer", "cdnow", "telecom"] | None = None  # null: a company of your own
    simulation: SimulationParams = SimulationParams()
    as_of: Day = None
    time_zone: Zone
    currency: Currency
    engine: EngineParams = EngineParams()
    ingest: IngestParams = IngestParams()
    sources: dict[Name, Source] = Field(min_length=1)
    customers: Annotated[CustomersFile, AfterValidator(copied_to("customers"))] | None = None
    privacy: PrivacyParams = PrivacyParams()
    labels: LabelParams
    snapshots: SnapshotParams = SnapshotParams()
    service: ServiceParams = ServiceParams()
    features: FeatureParams = FeatureParams()
    train: TrainParams = TrainParams()
    uplift: UpliftParams = UpliftParams()
    evaluate: EvaluateParams = EvaluateParams()
    promote: PromoteParams = PromoteParams()
    scorecard: ScorecardParams = ScorecardParams()
    policy: Policy = Policy()
    score: ScoreParams = ScoreParams()
    guard: GuardParams = GuardParams()
    at_risk: AtRiskParams = AtRiskParams()
    publish: PublishParams = PublishParams()
    outcomes: OutcomesParams = OutcomesParams()

    @field_validator("sources")
    @classmethod
    def _tables_are_copied(cls, sources: dict[str, Source]) -> dict[str, Source]:
        return {name: copied_to(f"sources.{name}")(source) for name, source in sources.items()}

    def raw_files(self) -> dict[str, RawFile]:
        """The files and tables that ingest reads, by their key in params.yaml."""
        files: dict[str, RawFile] = {}
        for name, source in self.sources.items():
            files[f"sources.{name}"] = source
            files |= {f"sources.{name}.join.{other}": join for other, join in source.join.items()}
        others = {"customers": self.customers, "scorecard.staff": self.scorecard.staff}
        return files | {key: file for key, file in others.items() if file}

    def zone_of(self, file: RawFile) -> ZoneInfo:
        """The time zone of a raw file's naive times."""
        return ZoneInfo(file.time_zone or self.time_zone)


def _keys_beside(loc: tuple[int | str, ...]) -> list[str]:
    """The keys of the section in which `loc` stands, found through the models' annotations."""
    model: type[BaseModel] | None = Params
    for step in loc[:-1]:
        if isinstance(step, int) or model is None or step not in model.model_fields:
            continue
        model = _model_in(model.model_fields[step].annotation)
    return list(model.model_fields) if model else []


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    models = [_model_in(part) for part in getattr(annotation, "__args__", ())]
    return next((model for model in models if model), None)


def describe_error(error: ErrorDetails) -> str:
    """What is wrong with one key, and the nearest known one."""
    loc = error["loc"]
    steps = [str(step) for step in loc]
    where = ".".join(step for step in steps if "[" not in step) or "(top level)"
    if error["type"] == "extra_forbidden":
        return f"{where}: unknown key{suggestion(str(loc[-1]), _keys_beside(loc))}"
    if error["type"] == "missing":
        return f"{where}: missing"
    problem = f"{where}: {error['msg'].removeprefix('Value error, ')}"
    whole_or_secret = isinstance(error["input"], dict) or loc[-1] == "database"
    return problem if whole_or_secret else f"{problem}, not {error['input']!r}"


def parse_params(text: str, name: str = "params.yaml") -> Params:
    """Params from YAML text; BadParams names the first wrong key and the nearest known one."""
    try:
        raw = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise BadParams(f"{name}: not YAML: {error}") from None
    if not isinstance(raw, dict):
        raise BadParams(f"{name}: expected keys and values")
    _refuse_newer(raw.get("version"), name)
    for key in old_keys(raw):
        if key.is_doubled:
            raise BadParams(f"{name}: {key}")
    try:
        return Params.model_validate(with_new_keys(raw))
    except ValidationError as error:
        errors = sorted(error.errors(), key=lambda detail: detail["type"] != "extra_forbidden")
        raise BadParams(f"{name}: {describe_error(errors[0])}") from None


def _refuse_newer(version: Any, name: str) -> None:
    """Checked before the keys: an unknown one of a newer version is no mistake."""
    if isinstance(version, int) and version > VERSION:
        raise BadParams(
            f"{name}: version {version} is newer than {VERSION}, the newest that this program "
            "understands; update the program"
        )


def with_changes(text: str, changes: Mapping[str, Any]) -> str:
    """The text of a params.yaml with some keys changed; sections keep their other keys."""
    return yaml.safe_dump(_merged(yaml.safe_load(text), changes), sort_keys=False)


def _merged(old: Any, new: Any) -> Any:
    if not isinstance(old, dict) or not isinstance(new, Mapping):
        return new
    return old | {name: _merged(old.get(name), value) for name, value in new.items()}


def load_params(path: Path = Path("params.yaml")) -> Params:
    """The params of the current folder."""
    if not path.is_file():
        raise BadParams(f"{path}: no such file; copy one from examples/")
    return parse_params(path.read_text(encoding="utf-8"), str(path))


def as_yaml(params: Params) -> str:
    """The params as YAML with every default written out."""
    return yaml.safe_dump(params.model_dump(mode="json"), sort_keys=True, allow_unicode=True)
