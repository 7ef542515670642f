"""The ledger of runs: a published run is entered once, and the last run is the one before."""

import datetime as dt
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.guard import guard, summary
from retention.core import artefacts
from retention.core.errors import BadInput
from retention.core.storage import atomic
from retention.ledgers import runs
from retention.monitoring.finding import REFUSED
from retention.monitoring.report_data import GuardReport
from retention.reporting.guard import page
from tests.support import campaigns, documents
from tests.support.guards import AS_OF, LAST, RAW, finding_of, guard_inputs, params_with

MANIFEST = documents.list_manifest(as_of=AS_OF, company=campaigns.COMPANY, list_id="an-id", rows=12)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write_summary(report: GuardReport) -> None:
    artefacts.GUARD_SUMMARY.write(summary(report))


def published(report: GuardReport, name: str = "2026-09-01-0123456789ab") -> bool:
    write_summary(report)
    return runs.record(artefacts.GUARD_SUMMARY.read(), runs.FOLDER, Path("lists") / name, MANIFEST)


def known_runs() -> list[runs.Run]:
    return [run.as_json() for run in runs.read(runs.FOLDER, campaigns.COMPANY)]


@pytest.mark.usefixtures("folder")
def test_a_published_run_is_entered_once_and_is_not_compared_with_itself() -> None:
    inputs = guard_inputs(published=[])
    first = guard(inputs, params_with())
    assert published(first)
    assert not published(first)
    (run,) = known_runs()
    assert (run["list"], run["listed"], run["watched"]) == ("2026-09-01-0123456789ab", 12, 400)
    again = guard(replace(inputs, published=known_runs()), params_with())
    assert page.html(again) == page.html(first)


@pytest.mark.usefixtures("folder")
def test_a_run_knows_every_folder_into_which_its_list_was_published() -> None:
    write_summary(guard(guard_inputs(published=[]), params_with()))

    def into(folder: str) -> bool:
        target = Path(folder, "2026-09-01-0123456789ab")
        return runs.record(artefacts.GUARD_SUMMARY.read(), runs.FOLDER, target, MANIFEST)

    assert [into("lists"), into("else"), into("else")] == [True, True, False]
    assert runs.folders(runs.FOLDER) == [Path("else").resolve(), Path("lists").resolve()]
    (path,) = runs.FOLDER.glob("*.json")
    record = atomic.read_json(path)
    del record["folders"]
    atomic.write_json(path, record)
    assert runs.folders(runs.FOLDER) == [], "an older record says nothing of it"
    atomic.write_json(path, record | {"of_another_version": [0.5], "mean_risk": 0})
    assert into("else")
    changed = record | {"of_another_version": [0.5], "mean_risk": 0}
    assert path.read_text() == atomic.json_text(
        changed | {"folders": [str(Path("else").resolve())]}
    )


@pytest.mark.usefixtures("folder")
def test_another_list_of_the_same_day_is_compared_with_the_one_before() -> None:
    assert published(guard(guard_inputs(published=[]), params_with()))
    inputs = guard_inputs(ingested={"till": RAW | {"read": 300}}, scores_sha256="other")
    again = replace(inputs, published=known_runs())
    assert finding_of(again, guard="row_count", about="till").level == REFUSED


@pytest.mark.usefixtures("folder")
def test_what_was_measured_of_another_list_is_not_entered() -> None:
    write_summary(guard(guard_inputs(), params_with()))
    other = MANIFEST.updated(as_of=dt.date(2026, 8, 1))
    assert not runs.record(artefacts.GUARD_SUMMARY.read(), runs.FOLDER, Path("lists/x"), other)
    assert not runs.record(None, runs.FOLDER, Path("lists/x"), MANIFEST)


def test_newer_runs_and_other_companies_are_no_last_run(tmp_path: Path) -> None:
    for name, change in {
        "a": {},
        "b": {"as_of": "2026-10-01"},
        "c": {"company": "Another"},
    }.items():
        atomic.write_json(tmp_path / f"{name}.json", LAST | change)
    of_company = runs.read(tmp_path, campaigns.COMPANY)
    assert [str(run.as_of) for run in of_company] == ["2026-08-01", "2026-10-01"]
    now = {"as_of": "2026-09-01", "sources": {}, "watched": 1, "scores_sha256": ""}
    assert [
        run["as_of"] for run in runs.earlier_runs([run.as_json() for run in of_company], now)
    ] == ["2026-08-01"]


@pytest.mark.parametrize("content", ["{", "[]", '{"as_of": "2026-08-01"}'])
def test_a_record_that_is_none_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "x.json").write_text(content)
    with pytest.raises(BadInput, match=r"x\.json: no record of a run"):
        runs.read(tmp_path, campaigns.COMPANY)
