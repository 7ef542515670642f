"""False refusals and missed faults of the guards, on replayed histories.

Every history is cut at its past months: a champion is trained as of one month, and the lists of
that month and of the next ones are judged, each by the guards of the stage itself. Where nothing is
wrong, nothing may be refused. Then faults are planted into the raw file of a later month, which
must be refused.

    python -m benchmarks.guards FOLDER WORK [NAME ...]

FOLDER holds histories as NAME.csv.gz, of one of the forms in `FORMS`. Beside them stand the example
companies and some that are invented here. WORK is a folder in which the tables and the result of
each company stay: what lies there is not computed again, so that companies can be run one by one.
benchmarks/guards.md is written from all results in WORK.
"""

import datetime as dt
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import asdict, dataclass, field
from functools import cached_property
from importlib import import_module
from multiprocessing import get_context
from multiprocessing.queues import SimpleQueue as Queue
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import narwhals as nw
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import yaml

import models
from models.components.base import ChurnModel, Floats
from pipeline import guard
from retention.core import artefacts, engine, feature_table, point_in_time
from retention.core.documents.modelling import ChampionManifest
from retention.core.documents.scoring import ScoreSummary
from retention.core.documents.sources import IngestSummary
from retention.core.errors import Refusal
from retention.core.params import Params, load_params, with_changes
from retention.core.point_in_time import Frame
from retention.core.storage import atomic
from retention.experiments.holdout_calibration import PAST_LISTS
from retention.ledgers.runs import Run
from retention.monitoring import rhythm
from retention.monitoring.finding import WARNED
from retention.monitoring.inputs import GuardInputs
from retention.monitoring.report_data import GuardReport
from retention.monitoring.verdict import describe, refusals
from retention.training import own_past, profile
from retention.training.rows import labelled_rows

ROOT: Final = Path(__file__).resolve().parent.parent
LISTS_OF_A_CHAMPION: Final = 6
"""After its first one, and within a year: model_age would refuse later ones."""
MAX_CHAMPIONS: Final = 7
LEARNING_DAYS: Final = 720
"""Days of snapshots that a champion is fitted on, as by default: 24 snapshots every 30 days."""
MAX_AGE_DAYS: Final = 366
ROUNDS: Final = 100
RESULT: Final = "result.json"
FROZEN_DAYS: Final = 90
STAGES: Final = ("extract", "ingest", "customers", "events", "snapshots", "labels", "features")


# Companies


@dataclass(frozen=True)
class Form:
    """A form of history: how its rows are mapped, and which columns faults are planted into."""

    columns: tuple[str, ...]
    key: Any
    types: Mapping[str, str]
    formats: Mapping[str, str]
    event: Mapping[str, str]
    churn: Mapping[str, int]
    time: str  # the column of when a row is known
    every_days: int = 30
    max_snapshots: int = 60
    money: tuple[str, ...] = ()
    swapped: tuple[str, str] = ("customer", "price")


FORMS: Final = (
    Form(
        columns=("contributor", "commit", "written", "merged"),
        key=["commit"],
        types={"written": "timestamp", "merged": "timestamp"},
        formats={"time": "%Y-%m-%d %H:%M:%S"},
        event={
            "customer_id": "contributor",
            "occurred_at": "written",
            "known_at": "merged",
            "order_id": "commit",
        },
        churn={"active_days": 365, "horizon_days": 180},
        time="merged",
        every_days=90,
        max_snapshots=36,
        swapped=("contributor", "commit"),
    ),
    Form(
        columns=("customer", "day", "price"),
        key="row_number",
        types={"day": "date", "price": "decimal"},
        formats={"date": "%Y-%m-%d"},
        event={"customer_id": "customer", "occurred_at": "day", "amount": "price"},
        churn={"active_days": 365, "horizon_days": 180},
        time="day",
        money=("price",),
    ),
    Form(
        columns=("customer", "day"),
        key="row_number",
        types={"day": "date"},
        formats={"date": "%Y-%m-%d"},
        event={"customer_id": "customer", "occurred_at": "day"},
        churn={"active_days": 180, "horizon_days": 90},
        time="day",
        swapped=("customer", "day"),
    ),
)
_MAPPED: Final[Any] = {
    "columns": (),
    "key": (),
    "types": {},
    "formats": {},
    "event": {},
    "churn": {},
}
EXAMPLES: Final = {
    "grocer": Form(
        **_MAPPED,
        time="transaction_timestamp",
        money=("sales_value", "retail_disc", "coupon_match_disc"),
        swapped=("quantity", "sales_value"),
    ),
    "cdnow": Form(
        **_MAPPED,
        time="date",
        money=("dollar_value",),
        swapped=("number_of_cds", "dollar_value"),
    ),
    "telecom": Form(
        **_MAPPED,
        time="issued_on",
        money=("amount", "agreed_amount"),
        swapped=("customer_id", "contract_id"),
    ),
}
MAIN_FILE: Final = {"grocer": "transactions", "cdnow": "purchases", "telecom": "invoices"}
"""The source of an example that faults are planted into."""


def mapped(name: str, form: Form, folder: Path) -> dict[str, Any]:
    """params.yaml of a history that lies as history.csv in the folder."""
    return {
        "company": name,
        "time_zone": "Etc/UTC",
        "currency": "EUR",
        "engine": {"name": "duckdb", "memory": "2GB"},
        "sources": {
            "history": {
                "path": str(folder / "history.csv"),
                "key": form.key,
                "types": dict(form.types),
                "format": dict(form.formats),
                "events": [{"kind": "purchase", **form.event}],
            }
        },
        "labels": {
            "churn": {"rule": "silence", "kinds": ["purchase"], **form.churn},
            "value": {"kinds": ["purchase"], "horizon_days": form.churn["horizon_days"]},
        },
        "snapshots": {"every_days": form.every_days, "most": form.max_snapshots},
    }


def invented(
    seed: int,
    n: int,
    joins: Callable[[np.random.Generator, int], Floats],
    peak: float = 0.0,
    stays_days: float = 900,
    gap_days: float = 40,
) -> pd.DataFrame:
    """Three years of purchases: each customer has a rate, and leaves after a time.

    joins: days on which customers join. peak: how many times as much is bought in December, beside
    the usual.
    """
    draw = np.random.default_rng(seed)
    first = joins(draw, n)
    leaves = first + draw.exponential(stays_days, n)
    usual = draw.gamma(4.0, gap_days / 4, n) + 2
    gaps = usual[:, None] * draw.gamma(2.0, 0.5, (n, 400))
    day = np.cumsum(np.column_stack([first, gaps]), axis=1)
    who, i = np.nonzero(day < np.minimum(leaves, 1095)[:, None])
    bought = pd.DataFrame({"customer": who, "day": np.floor(day[who, i]).astype(int)})
    in_december = bought["day"] % 365 >= 334
    more = bought[in_december.to_numpy() & (draw.random(len(bought)) < min(1.0, peak))]
    gifts = more.assign(day=more["day"] + draw.integers(0, 6, len(more)))
    bought = pd.concat([bought, gifts[gifts["day"] < 1095]])
    price = draw.lognormal(3.0, 0.5, n)[bought["customer"]] * draw.lognormal(0, 0.3, len(bought))
    start = np.datetime64("2021-01-01")
    return pd.DataFrame(
        {
            "customer": [f"c{number:05d}" for number in bought["customer"]],
            "day": (start + bought["day"].to_numpy().astype("timedelta64[D]")).astype(str),
            "price": np.round(price, 2),
        }
    ).sort_values(["day", "customer"])


def _steady(draw: np.random.Generator, n: int) -> Floats:
    return np.asarray(draw.uniform(-900, 1095, n).clip(min=0))


INVENTED: Final[Mapping[str, Callable[[], pd.DataFrame]]] = {
    "steady": lambda: invented(1, 400, _steady, stays_days=3000, gap_days=30),
    "christmas": lambda: invented(2, 2000, _steady, peak=1.0, gap_days=70),
    "growing": lambda: invented(3, 2500, lambda draw, n: 1095 * draw.random(n) ** 0.5),
    "shrinking": lambda: invented(4, 2500, lambda draw, n: 1095 * draw.random(n) ** 3),
}


@dataclass(frozen=True)
class Company:
    """A company's tables at all snapshots, and what faults may be planted."""

    name: str
    folder: Path
    form: Form

    @cached_property
    def params(self) -> Params:
        return load_params(self.folder / "params.yaml")

    @cached_property
    def features(self) -> pa.Table:
        return artefacts.FEATURES.under(self.folder).read()

    @cached_property
    def labels(self) -> pa.Table:
        return artefacts.LABELS.under(self.folder).read()

    @cached_property
    def days(self) -> list[dt.date]:
        """All snapshots but the last, which does not lie on the calendar of the others."""
        days = sorted(self.features["snapshot_on"].unique().to_pylist())
        return days[:-1]

    @property
    def delay(self) -> int:
        return point_in_time.label_delay_days(self.params.labels)

    def source(self) -> tuple[str, Path]:
        """The source that faults are planted into, and its raw file."""
        name = MAIN_FILE.get(self.name, "history")
        return name, self.folder / self.params.sources[name].path


def run_stages(folder: Path, stages: Sequence[str]) -> str | None:
    """Run stages in the folder, in a process of their own; why they ended early, if they did."""
    context = get_context("fork")
    ends: Queue[str] = context.SimpleQueue()
    process = context.Process(target=_run_mains, args=(folder, stages, ends))
    process.start()
    process.join()
    return None if ends.empty() else ends.get()


def _run_mains(folder: Path, stages: Sequence[str], ends: "Queue[str]") -> None:
    os.chdir(folder)
    with Path(os.devnull).open("w") as nowhere, redirect_stdout(nowhere), redirect_stderr(nowhere):
        for words in map(str.split, stages):
            sys.argv = words
            try:
                import_module(f"pipeline.{words[0]}").main()
            except Refusal:
                ends.put(words[0])
                return
            except Exception as error:
                ends.put(f"a crash of {words[0]}: {error!r}")
                return


def stages_of(params: Mapping[str, Any]) -> list[str]:
    """The stages up to the features, with one of ingest for each source."""
    before, after = STAGES[:1], STAGES[2:]
    return [*before, *(f"ingest {name}" for name in params["sources"]), *after]


def build(name: str, folder: Path, histories: Path) -> Company:
    """The tables of a company in a folder, unless they are there."""
    if name in EXAMPLES:
        form = EXAMPLES[name]
        raw_params = yaml.safe_load((ROOT / "examples" / name / "params.yaml").read_text())
        raw_params["snapshots"]["most"] = form.max_snapshots
        raw_params["simulation"] = {"customers": 3000}
    else:
        text = (
            INVENTED[name]().to_csv(index=False)
            if name in INVENTED
            else pd.read_csv(histories / f"{name}.csv.gz", dtype=str).to_csv(index=False)
        )
        columns = tuple(text.partition("\n")[0].split(","))
        form = next(form for form in FORMS if form.columns == columns)
        raw_params = mapped(name, form, folder)
        atomic.write_text(folder / "history.csv", text)
    atomic.write_text(folder / "params.yaml", yaml.safe_dump(raw_params))
    if not artefacts.FEATURES.under(folder).path.is_file():
        written = ["example"] if name in EXAMPLES else []
        fault = run_stages(folder, [*written, *stages_of(raw_params)])
        if fault:
            raise SystemExit(f"{name}: {fault}")
    return Company(name, folder, form)


# The replay


@dataclass(frozen=True)
class FittedScorer:
    """A churn model without calibration: all that a profile and the guards need of a scorer."""

    model: ChurnModel

    def probability(self, X: pd.DataFrame) -> Floats:
        return np.asarray(self.model.predict_proba(X)[:, 1])


@dataclass(frozen=True)
class Champion:
    """A model as of a day, with the profile that training leaves beside it."""

    scorer: FittedScorer
    reference: dict[str, Any]
    trained_to: dt.date


def train(company: Company, as_of: dt.date) -> Champion | None:
    """The champion of a day; None where nothing can be learnt yet."""
    newest = as_of - dt.timedelta(days=company.delay)
    first = newest - dt.timedelta(LEARNING_DAYS)
    learning = [day for day in company.days if first < day <= newest]
    if not learning or learning[-1] != newest:
        return None
    days = pa.array([*learning, as_of], pa.date32())
    features = company.features.filter(pc.is_in(company.features["snapshot_on"], days))
    learnt = pc.is_in(company.labels["snapshot_on"], pa.array(learning, pa.date32()))
    rows = labelled_rows(features, company.labels.filter(learnt))
    if not rows.has_both_outcomes or not (np.array(features["snapshot_on"]) == as_of).any():
        return None
    model = models.discover()["churn_lightgbm"](rounds=ROUNDS, seeds=1, threads=1)
    scorer = FittedScorer(model.fit(rows.X, rows.churned, rows.weight))
    reference = profile.reference_profile(features, scorer, newest)  # type: ignore[arg-type]
    past = own_past.own_past(features, scorer, newest)  # type: ignore[arg-type]
    return Champion(scorer, reference | {"past": past}, newest)


def old_reference(champion: Champion) -> dict[str, Any]:
    """The profile as a guard reads it that knows nothing of the past: its limits are constants."""
    score = {key: value for key, value in champion.reference["score"].items() if key != "quantiles"}
    kept_keys = ("rows", "features", "on")
    return {key: champion.reference[key] for key in kept_keys} | {"score": score}


def judge(
    company: Company,
    tables: Path,
    as_of: dt.date,
    champion: Champion,
    earlier: list[Run],
    spoil: Callable[[pd.DataFrame], pd.DataFrame] | None = None,
) -> tuple[GuardReport, GuardReport]:
    """The guards' report on the list of a day, and that by constants alone.

    tables: the folder with the events and features of that day. spoil: changes the features.
    """
    whole = artefacts.FEATURES.under(tables).read(filters=pc.field("snapshot_on") == as_of)
    X = feature_table.matrix(whole)
    X = spoil(X) if spoil else X
    p = pd.Series(champion.scorer.probability(X))
    day = point_in_time.day_number(as_of)
    events_path = artefacts.EVENTS.under(tables).path
    with engine.open_engine(company.params.engine) as open_engine:
        events = open_engine.scan(events_path)
        label_days = rhythm.label_days(open_engine, events, company.params, day)
        repeated_days = rhythm.repeated_days(open_engine, events, day)
        counts = dict(nw.to_native(_rows_by_source(events, day)).fetchall())
    inputs = GuardInputs(
        label_days=label_days,
        repeated_days=repeated_days,
        ingested={name: _ingest_summary(counts.get(name, 0)) for name in company.params.sources},
        scored=_score_summary(as_of, len(X)),
        scores_sha256=f"{as_of} {len(X)} {p.mean()}",
        X=X,
        p=p,
        champion=_manifest(champion),
        reference=champion.reference,
        past=pd.DataFrame(columns=list(PAST_LISTS)),
        published=earlier,
    )
    by_constants = GuardInputs(**{**vars(inputs), "reference": old_reference(champion)})
    return guard.guard(inputs, company.params), guard.guard(by_constants, company.params)


def _manifest(champion: Champion) -> ChampionManifest:
    """A manifest, of which the guards read only up to when its models learnt."""
    return ChampionManifest.model_construct(
        models=str(champion.trained_to), trained_to=champion.trained_to
    )


def _rows_by_source(events: Frame, day: int) -> Frame:
    """How many rows of each source were known before a day."""
    return events.filter(nw.col("known_day") < day).group_by("source").agg(n=nw.len())


def _ingest_summary(rows: int) -> IngestSummary:
    nothing = dict.fromkeys(("first_day", "last_day", "first_known_day", "last_known_day"))
    return IngestSummary.model_validate(
        {
            "read": rows,
            "accepted": rows,
            **dict.fromkeys(("rejected", "unmapped", "erased", "expired", "held_back"), 0),
            "rules": {},
            "collisions": {"keys": 0, "lost": 0, "first": None},
            "ignored_columns": [],
            "unended_files": [],
            "doubtful": {},
            "events": {"rows": rows, **nothing},
            "kinds": {},
        }
    )


def _score_summary(as_of: dt.date, n: int) -> ScoreSummary:
    return ScoreSummary.model_validate(
        {
            "as_of": as_of,
            "champion": "",
            "watched": n,
            "model": "",
            "banners": [],
            "definition": "",
            "horizon_days": 1,
            "uplift": {},
            "mean_churn_probability": 0.0,
        }
    )


def published(report: GuardReport) -> Run:
    """The record that the ledger would keep of a list."""
    return dict(report.run) | {"published_at": f"{report.as_of}T08:00:00+00:00"}


@dataclass
class Tally:
    """What the guards said of the lists of a company; the fields are those of its result file."""

    lists: int = 0
    first_lists: int = 0
    refused_lists: int = 0
    refused_by_constants: int = 0
    first_refused_by_constants: int = 0
    warned: dict[str, int] = field(default_factory=dict)  # lists, by guard
    refused: list[str] = field(default_factory=list)  # every refusal in a line
    faults: dict[str, str] = field(default_factory=dict)  # what refused, by fault

    def add(self, report: GuardReport, by_constants: GuardReport, *, is_first: bool) -> None:
        """Count one list."""
        refused, old = refusals(report.findings), bool(refusals(by_constants.findings))
        self.lists += 1
        self.first_lists += is_first
        self.refused_lists += bool(refused)
        self.refused_by_constants += old
        self.first_refused_by_constants += is_first and old
        for name, level in report.run["levels"].items():
            if level == WARNED:
                self.warned[name] = self.warned.get(name, 0) + 1
        self.refused += [
            f"{report.company}, {report.as_of}: {describe(finding)}" for finding in refused
        ]


def months_of_champions(company: Company) -> list[int]:
    """Positions of the days on which a champion is trained, evenly spread over the history."""
    first = next(
        (i for i, day in enumerate(company.days) if (day - company.days[0]).days >= company.delay),
        len(company.days),
    )
    positions = np.arange(first, len(company.days))
    spread = np.linspace(0, len(positions) - 1, min(MAX_CHAMPIONS, len(positions)))
    return [int(positions[round(place)]) for place in spread]


def replay(company: Company) -> Tally:
    """The guards on past months in which nothing was wrong."""
    tally = Tally()
    for position in months_of_champions(company):
        champion = train(company, company.days[position])
        if champion is None:
            continue
        earlier: list[Run] = []
        lists = company.days[position : position + 1 + LISTS_OF_A_CHAMPION]
        for as_of in (day for day in lists if (day - lists[0]).days <= MAX_AGE_DAYS):
            report, by_constants = judge(company, company.folder, as_of, champion, earlier)
            tally.add(report, by_constants, is_first=as_of == company.days[position])
            earlier.append(published(report))
    return tally


# Faults


def halved(rows: pd.DataFrame, _form: Form, _as_of: dt.date) -> pd.DataFrame:
    """A random half of the rows."""
    return rows.sample(frac=0.5, random_state=7).sort_index()


def frozen(rows: pd.DataFrame, form: Form, as_of: dt.date) -> pd.DataFrame:
    """Nothing of the last FROZEN_DAYS."""
    end = str(as_of - dt.timedelta(days=FROZEN_DAYS))
    return rows[_as_iso(rows[form.time]) < end]


def _as_iso(times: "pd.Series[str]") -> "pd.Series[str]":
    """Days as text that sorts: some files write 20170131."""
    compact = times.str.fullmatch(r"\d{8}")
    return times.mask(compact, times.str[:4] + "-" + times.str[4:6] + "-" + times.str[6:])


def swapped(rows: pd.DataFrame, form: Form, _as_of: dt.date) -> pd.DataFrame:
    """Two columns with each other's content."""
    one_column, other = form.swapped
    return rows.assign(**{one_column: rows[other], other: rows[one_column]})


def scaled(rows: pd.DataFrame, form: Form, _as_of: dt.date) -> pd.DataFrame | None:
    """Money in hundredths."""
    if not form.money:
        return None
    return rows.assign(
        **{name: (rows[name].astype(float) * 100).astype(str) for name in form.money}
    )


def doubled_day(rows: pd.DataFrame, form: Form, as_of: dt.date) -> pd.DataFrame | None:
    """The busiest of the last 30 days is in the file twice. With a key, copies count once."""
    day = _as_iso(rows[form.time]).str[:10]
    recent = day[day >= str(as_of - dt.timedelta(days=30))]
    return None if recent.empty else pd.concat([rows, rows[day == recent.mode()[0]]])


RAW_FAULTS: Final = {
    "halved file": halved,
    "frozen feed": frozen,
    "swapped columns": swapped,
    "money x 100": scaled,
    "day twice": doubled_day,
}
CONSTANT: Final = "constant feature"
FAULTS: Final = (*RAW_FAULTS, CONSTANT)


def constant_feature(X: pd.DataFrame) -> pd.DataFrame:
    """The days since the last purchase are the same for everybody."""
    return X.assign(days_since_purchase=X["days_since_purchase"].median())


def plant(company: Company, position: int) -> Iterator[tuple[str, str]]:
    """Each fault of a list, two months after its champion was trained, and what refused it."""
    champion, as_of = train(company, company.days[position - 2]), company.days[position]
    if champion is None:
        return
    earlier: list[Run] = []
    for day in company.days[max(0, position - 4) : position]:
        earlier.append(published(judge(company, company.folder, day, champion, earlier)[0]))
    report, _ = judge(company, company.folder, as_of, champion, earlier, constant_feature)
    yield CONSTANT, _refused_by(report)
    _, path = company.source()
    rows = pd.read_csv(path, dtype=str, keep_default_na=False)
    past_rows = rows[_as_iso(rows[company.form.time]) < str(as_of)]
    for fault, change in RAW_FAULTS.items():
        changed = change(past_rows, company.form, as_of)
        if changed is None:
            yield fault, "does not apply"
            continue
        with TemporaryDirectory(prefix="guards-") as place:
            yield fault, _verdict(company, Path(place), changed, as_of, champion, earlier)


def _verdict(
    company: Company,
    folder: Path,
    rows: pd.DataFrame,
    as_of: dt.date,
    champion: Champion,
    earlier: list[Run],
) -> str:
    """What refused the list of changed rows, a stage or a guard."""
    name, _ = company.source()
    paths = {
        source: {"path": str((company.folder / mapping.path).resolve())}
        for source, mapping in company.params.sources.items()
    }
    paths[name] = {"path": str(folder / "changed.csv")}
    changes = {"as_of": str(as_of), "snapshots": {"most": 1}, "sources": paths}
    if len(paths) > 1:  # the other files go on after that day, and such rows are rejected
        changes["ingest"] = {"max_reject_share": 1.0}
    customers = company.params.customers
    if customers:
        changes["customers"] = {"path": str((company.folder / customers.path).resolve())}
    text = with_changes((company.folder / "params.yaml").read_text(), changes)
    atomic.write_text(folder / "params.yaml", text)
    rows.to_csv(folder / "changed.csv", index=False)
    raw_params = yaml.safe_load(text)
    stage = run_stages(folder, [stage for stage in stages_of(raw_params) if stage != "labels"])
    if stage is None and _features(folder, as_of).equals(_features(company.folder, as_of)):
        return "changes nothing"
    return stage or _refused_by(judge(company, folder, as_of, champion, earlier)[0])


def _features(folder: Path, as_of: dt.date) -> pa.Table:
    on_day = pc.field("snapshot_on") == as_of
    return artefacts.FEATURES.under(folder).read(filters=on_day).sort_by("customer_id")


def _refused_by(report: GuardReport) -> str:
    names = dict.fromkeys(finding.guard for finding in refusals(report.findings))
    return ", ".join(names) or "not refused"


def plant_all(company: Company) -> dict[str, str]:
    """By fault, what refused it, at three quarters of the history."""
    position = max(2, 3 * len(company.days) // 4)
    return dict(plant(company, position)) if position < len(company.days) else {}


# The page


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


def page(tallies: Mapping[str, Tally], missing: Sequence[str]) -> str:
    """The result page, in Markdown. missing: companies without a result."""
    clean = [
        (
            name,
            tally.lists,
            tally.refused_by_constants,
            f"{tally.first_refused_by_constants} of {tally.first_lists}",
            tally.refused_lists,
            ", ".join(f"{guard_name} {n}" for guard_name, n in sorted(tally.warned.items())),
        )
        for name, tally in tallies.items()
    ]
    planted = [
        (
            name,
            *(tally.faults.get(fault, "not run") for fault in FAULTS),
        )
        for name, tally in tallies.items()
    ]
    refused_lines = [f"- {line}" for tally in tallies.values() for line in tally.refused]
    return "\n\n".join(
        [
            "# Guards on replayed histories",
            "Written by `python -m benchmarks.guards FOLDER WORK`, which says how.",
            "## Where nothing is wrong",
            "Lists of past months; every champion judges that of its own day (its first list) and "
            f"those of the {LISTS_OF_A_CHAMPION} snapshots after it. By constants: the same guards "
            "without the company's own past, without points, and with first lists judged.",
            table(
                (
                    "company",
                    "lists",
                    "refused by constants",
                    "of these first lists",
                    "refused",
                    "lists with a warning, by guard",
                ),
                clean,
            ),
            *(["Refused:", "\n".join(refused_lines)] if refused_lines else []),
            "## Where a fault is planted",
            "What refused, a guard or a stage, at three quarters of the history; the champion is "
            "two snapshots old, and there are up to four runs to compare with. "
            f"The frozen feed lacks {FROZEN_DAYS} days. Where rows have a key, the copies of a day "
            "count once, and nothing changes.",
            table(("company", *FAULTS), planted),
            *([f"Not run yet: {', '.join(missing)}."] if missing else []),
        ]
    )


def result(name: str, histories: Path, work: Path) -> None:
    """Replay a company, plant the faults into it, and write what came of it, unless it is there."""
    path = work / name / RESULT
    if path.is_file():
        return
    company = build(name, work / name, histories)
    tally = replay(company)
    tally.faults = plant_all(company)
    atomic.write_json(path, asdict(tally))
    print(name, tally, flush=True)


def main() -> None:
    if len(sys.argv) < 3:
        raise SystemExit(__doc__)
    histories, work = Path(sys.argv[1]), Path(sys.argv[2])
    real = sorted(path.name.removesuffix(".csv.gz") for path in histories.glob("*.csv.gz"))
    names = [*real, *EXAMPLES, *INVENTED]
    for name in sys.argv[3:] or names:
        result(name, histories, work)
    paths = {name: work / name / RESULT for name in names}
    tallies = {
        name: Tally(**atomic.read_json(path)) for name, path in paths.items() if path.is_file()
    }
    atomic.write_text(
        ROOT / "benchmarks/guards.md",
        page(tallies, [name for name in names if name not in tallies]) + "\n",
    )


if __name__ == "__main__":
    main()
