"""What score and guard say of a run."""

import datetime as dt
from collections.abc import Mapping

from pydantic import Field

from retention.core.documents.base import Contents, Entries, KeptContents, Number
from retention.core.documents.modelling import UpliftManifest


class ScoreSummary(Contents):
    """Where the numbers on the list come from."""

    as_of: dt.date
    champion: str  # its folder in champion/
    watched: int
    model: str  # in words
    banners: tuple[str, ...]  # of the model
    definition: str  # what churn is
    horizon_days: int
    uplift: UpliftManifest  # without the model; nothing is set where the champion has none
    mean_churn_probability: float
    lifetime_days: int | None = None  # the horizon of lifetime amounts; null without a curve
    curve_known_days: int | None = None  # up to which a history shows who leaves; a tail follows


class ForecastFigures(Contents):
    """What is expected to be lost of a group of customers."""

    by: str  # the attribute; `all` for the whole
    group: str
    days: int  # from the opening of the churn window
    customers: int
    lost: Number | None  # of them, expected to leave; null where the curve does not say
    low: Number | None  # 80 % interval; null where no past snapshot shows so many days
    high: Number | None
    money: Number | None  # what those who leave cost: sum of chance times lifetime_loss
    money_low: Number | None
    money_high: Number | None


class Forecast(Contents):
    """What is expected to be lost, by horizon and group."""

    opens_on: dt.date  # the first day of the churn window
    lifetime_days: int | None  # over which money is counted; null without a curve
    past_snapshots: Mapping[str, int]  # by days: how many past forecasts an interval is made of
    figures: tuple[ForecastFigures, ...]


class SourceCounts(Contents):
    """The rows of one source."""

    read: int
    accepted: int
    rejected: int
    unmapped: int
    ignored_columns: tuple[str, ...]


class RunReport(Contents):
    """A run, as it is recorded in ledgers/runs once its list is published."""

    as_of: dt.date
    company: str
    model: str  # the champion's folder
    trained_to: dt.date
    sources: Mapping[str, SourceCounts]
    customers: int | None  # rows of the customers file; null without one
    watched: int
    scores_sha256: str
    mean_risk: float
    drop: Number | None  # largest share missing against the last run
    drifted: int | None  # features beyond a limit
    features: int | None
    score_psi: Number | None
    levels: Mapping[str, str]  # worst level by guard
    override: Mapping[str, str]  # reason by guard


class RecordedCounts(KeptContents):
    """The rows of one source in the record of a run."""

    read: int
    accepted: int = 0
    rejected: int
    unmapped: int = 0
    ignored_columns: tuple[str, ...] = ()


class PublishedRun(KeptContents):
    """A file of ledgers/runs: a published run, by this version or an earlier one."""

    as_of: dt.date
    company: str
    model: str = ""  # the champion's folder
    trained_to: dt.date | None = None
    sources: Mapping[str, RecordedCounts]
    customers: int | None = None  # rows of the customers file
    watched: int
    scores_sha256: str
    mean_risk: Number
    drop: Number | None = None
    drifted: int | None = None
    features: int | None = None
    score_psi: Number | None = None
    levels: Mapping[str, str] = {}
    override: Mapping[str, str] = {}
    list_folder: str = Field(default="", alias="list")  # its name within each of `folders`
    list_id: str = ""
    listed: int | None = None  # customers on it
    published_at: str  # ISO 8601, UTC
    folders: tuple[str, ...] = ()  # absolute, where it was published


class GuardSummary(Contents):
    """Every guard's verdict."""

    as_of: dt.date
    banners: tuple[str, ...]
    refused: tuple[str, ...]
    run: RunReport


class GuardMetrics(Entries[Number | None]):
    """What the guards measured, flat; `rows_SOURCE` for each source."""
