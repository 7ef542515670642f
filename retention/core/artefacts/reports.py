"""The service scorecard and the report on outcomes."""

from typing import Final

from retention.core.artefacts.artefact import DATA, Artefact
from retention.core.artefacts.document import Document
from retention.core.artefacts.table import Column, CsvTable
from retention.core.artefacts.types import DATE, LARGE, NUMBER, TEXT
from retention.core.documents import reports as documents

_SECTION: Final = Column("section", TEXT, "the section of the page")
_MEASURE: Final = Column("measure", TEXT, "what is measured")
_BREAKDOWN: Final = Column("by", TEXT, "what it is broken down by; empty for the whole")
_GROUP: Final = Column("group", TEXT, "the group of that; empty for the whole")
_VALUE: Final = Column("value", NUMBER, "the figure; empty where unknown")
_N: Final = Column("n", LARGE, "how many cases it rests on")
_UNIT: Final = Column("unit", TEXT, "the unit of value, low and high; empty for plain numbers")

SCORECARD_PAGE: Final = Artefact(
    DATA / "scorecard/scorecard.html", "service quality and what it costs, to read"
)
SCORECARD_TABLE: Final = CsvTable(
    DATA / "scorecard/scorecard.csv",
    "the same figures",
    "a figure",
    ("section", "measure", "by", "group", "period_from", "period_to"),
    (
        _SECTION,
        _MEASURE,
        _BREAKDOWN,
        _GROUP,
        Column("period_from", DATE, "the first day"),
        Column("period_to", DATE, "the last day"),
        _VALUE,
        Column("low", NUMBER, "lower end of the 95 % interval; in `over time` of the normal band"),
        Column("high", NUMBER, "upper end of it"),
        _N,
        _UNIT,
        Column("target", NUMBER, "the target in params.yaml; empty without one"),
        Column("verdict", TEXT, "whether the target is reached, and the trend"),
    ),
)
SCORECARD_METRICS: Final = Document(
    DATA / "scorecard/metrics.json",
    "the measures of the period, losses by cause",
    documents.ScorecardMetrics,
)
OUTCOMES_PAGE: Final = Artefact(DATA / "outcomes/outcomes.html", "whether contacts helped, to read")
OUTCOMES_TABLE: Final = CsvTable(
    DATA / "outcomes/outcomes.csv",
    "the same figures",
    "a figure",
    ("section", "measure", "by", "group"),
    (
        _SECTION,
        _MEASURE,
        _BREAKDOWN,
        _GROUP,
        _VALUE,
        Column(
            "low",
            NUMBER,
            "lower end of the 95 % interval; in `result` and `groups` valid at every look, in "
            "`arms` and `once` for a single look",
        ),
        Column("high", NUMBER, "upper end of it"),
        _N,
        _UNIT,
    ),
)
OUTCOMES_METRICS: Final = Document(
    DATA / "outcomes/metrics.json",
    "customers and money saved, cost, the checks",
    documents.OutcomesMetrics,
)
