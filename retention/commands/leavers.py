"""`retention leavers`: who of a past list's customers left, and what the list had said of them."""

import datetime as dt
from pathlib import Path
from typing import Final

from retention.cohort import calendar
from retention.core import artefacts, engine, point_in_time
from retention.core.errors import BadInput, BadParams
from retention.core.params import Params, load_params
from retention.core.storage import atomic
from retention.core.storage.locks import Say
from retention.experiments.leavers import LeaversReport, leavers_report
from retention.i18n.language import language
from retention.reporting.leavers import page
from retention.worklist import published, to_csv
from retention.worklist.model import RISK_THRESHOLDS

FOLDER: Final = artefacts.DATA / "leavers"
PAGE, TABLE = "leavers.html", "leavers.csv"


def run(list_id: str | None, say: Say) -> None:
    """Write the page and the table of a list, by default of the newest whose window has closed."""
    params = load_params()
    as_of = calendar.plan_calendar(params, artefacts.EVENTS_SUMMARY.read()).as_of
    folder = list_folder(params, as_of, list_id)
    report = read_report(folder, params, as_of)
    atomic.make_folder(FOLDER)
    atomic.write_text(
        FOLDER / PAGE, page.html(report, params.company, language(params.at_risk.language))
    )
    atomic.write_text(FOLDER / TABLE, page.csv(report))
    say(f"{report.n_left:,} of {report.n_customers:,} customers of {report.list_id} left")
    for group in report.groups:
        if group.n:
            say(f"{group.kind}: {group.n:,} ({group.proportion.value:.0%})")
    say(f"open next: {FOLDER / PAGE}")


def list_folder(params: Params, as_of: int, list_id: str | None) -> Path:
    """The folder of the list: the named one, or the newest whose label is mature."""
    folder = Path(params.publish.folder)
    delay = dt.timedelta(days=point_in_time.label_delay_days(params.labels))
    last = point_in_time.date_of(as_of) - delay
    if list_id is None:
        path = published.newest(folder, company=params.company, before=last + dt.timedelta(days=1))
        if path is None:
            raise BadInput(f"{folder}: no list up to {last}: of later ones nobody can say who left")
        return path
    path = folder / list_id
    if path not in published.published_lists(folder):
        raise BadParams(f"--list: {folder} has no list {list_id}")
    if published.read_manifest(path).as_of > last:
        raise BadInput(f"{path}: who left is known only of lists up to {last}")
    return path


def read_report(folder: Path, params: Params, as_of: int) -> LeaversReport:
    """The report of a published list, from the events known now."""
    cohort_path = folder / to_csv.COHORT
    if not cohort_path.is_file():
        raise BadInput(
            f"{cohort_path}: missing: the list is of a version that did not keep what it said"
        )
    manifest = published.read_manifest(folder)
    with engine.open_engine(params.engine) as open_engine:
        return leavers_report(
            to_csv.read_cohort(cohort_path).to_pandas(),
            to_csv.read(folder / "at_risk.csv")["customer_id"].to_pylist(),
            folder.name,
            point_in_time.day_number(manifest.as_of),
            as_of,
            open_engine.scan(artefacts.EVENTS),
            params.labels,
            params.service,
            open_engine,
            low_below=min(threshold for threshold, _ in RISK_THRESHOLDS if threshold > 0),
        )
