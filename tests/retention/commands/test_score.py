"""`retention score` makes the list of `dvc repro` without DVC, in its own folder, repeatably."""

import csv
import datetime as dt
import json
import os
import signal
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipeline import score
from retention.commands.score import job, log, process, request, workspace
from retention.commands.score.log import summary
from retention.commands.score.request import ScoreRequest
from retention.core import artefacts, errors
from retention.core.params import GuardParams, load_params, parse_params, with_changes
from retention.core.storage import atomic, locks
from retention.ledgers import outcomes
from retention.monitoring.rhythm import Rhythm
from retention.worklist import published
from tests.faults import refusal
from tests.support import company
from tests.support.company import AS_OF, Checkout


def hashes(folder: Path) -> dict[str, str]:
    """sha256 of every file under a folder."""
    paths = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {str(path.relative_to(folder)): atomic.sha256(path) for path in paths}


def last_summary(stdout: str) -> dict[str, str]:
    """The summary of the last line."""
    return dict(part.split("=", 1) for part in stdout.splitlines()[-1].split())


def _wait_for(path: Path, seconds: float = 120) -> None:
    until = time.monotonic() + seconds
    while not path.exists():
        assert time.monotonic() < until, f"{path} did not appear"
        time.sleep(0.02)


def _children(pid: int) -> list[int]:
    """The child processes of a process, on Linux."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii")
    return [int(child) for child in children.split()]


def kill_while_it_works(shop: Checkout) -> int:
    """Kill a run in the middle of a stage, which ends with it; the id of its process."""
    with refusal.assert_unchanged(shop / "lists"):
        running = shop.start("score")
        _wait_for(shop / "runs/work/data/ingest/sales")
        children = _children(running.pid)
        running.kill()
        running.wait()
        until = time.monotonic() + 10
        while any(Path(f"/proc/{child}").exists() for child in children):
            assert time.monotonic() < until, "a stage outlived its job"
            time.sleep(0.02)
    assert (shop / "runs/work").exists()
    return running.pid


@pytest.fixture(scope="module")
def scored(shop: Checkout, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The shop after a run was killed, one has published elsewhere, and one where DVC had."""
    checkout = shop.copy(tmp_path_factory.mktemp("scored") / "shop")
    before = hashes(checkout / "data") | {"dvc.lock": atomic.sha256(checkout / "dvc.lock")}
    killed = kill_while_it_works(checkout)
    first = checkout.retention("score", "--publish", "shared", "--log", "json")
    lists = hashes(checkout / "lists")
    again = checkout.retention("score", "--as-of", AS_OF)
    after = hashes(checkout / "data") | {"dvc.lock": atomic.sha256(checkout / "dvc.lock")}
    return {
        "shop": checkout,
        "killed": killed,
        "first": first,
        "again": again,
        "lists": lists,
        "before": before,
        "after": after,
    }


# The list


def test_the_list_is_byte_for_byte_that_of_dvc(scored: dict[str, Any]) -> None:
    assert scored["first"].returncode == 0, scored["first"].stderr
    by_dvc, by_job = (published.current(scored["shop"] / name) for name in ("lists", "shared"))
    assert by_dvc is not None
    assert by_job is not None
    assert hashes(by_job) == hashes(by_dvc)
    assert by_job.name == by_dvc.name


def test_the_same_day_again_publishes_nothing(scored: dict[str, Any]) -> None:
    assert scored["again"].returncode == 0, scored["again"].stderr
    assert last_summary(scored["again"].stdout)["state"] == "unchanged"
    assert hashes(scored["shop"] / "lists") == scored["lists"]


def test_nothing_that_dvc_keeps_is_touched(scored: dict[str, Any]) -> None:
    assert scored["after"] == scored["before"]


def test_the_stages_of_a_run_are_those_of_dvc_without_what_is_learnt_or_reported() -> None:
    stages = yaml.safe_load(Path("dvc.yaml").read_text(encoding="utf-8"))["stages"]
    of_run = ["ingest", *(stage[0] for stage in (*request.LIST_STAGES, request.PUBLISH))]
    left_out = {
        "params",
        "example",
        "extract",
        "labels",
        "scorecard",
        "train",
        "uplift",
        "evaluate",
        "promote",
        "forecast",
        "outcomes",
    }
    assert [stage for stage in stages if stage not in left_out] == of_run


def test_as_many_earlier_days_are_described_as_a_list_shows() -> None:
    assert score.RISK_HISTORY_DAYS - 1 == workspace.EARLIER_DAYS


# What it says and what it leaves


def test_a_day_ends_in_one_line_of_figures(scored: dict[str, Any]) -> None:
    (line,) = scored["again"].stdout.splitlines()
    figures = last_summary(line)
    by_dvc = published.current(scored["shop"] / "lists")
    assert by_dvc is not None
    assert figures["as_of"] == AS_OF
    assert figures["list"] == by_dvc.name
    assert figures["rejected"] == "2"
    assert int(figures["watched"]) > int(figures["listed"]) > 0
    assert float(figures["seconds"]) > 0
    assert float(figures["peak_mb"]) > 50


def test_a_log_for_machines_is_a_line_of_json_each(scored: dict[str, Any]) -> None:
    lines = [json.loads(line) for line in scored["first"].stderr.splitlines()]
    stages = [record["stage"] for record in lines if record["event"] == "stage"]
    assert stages[0] == "ingest sales"
    assert stages[-2:] == ["publish", "reports"]
    sales = next(
        record for record in lines if record.get("stage") == "ingest sales" and "read" in record
    )
    assert sales["read"] == sales["accepted"] + sales["rejected"] + sales["unmapped"] > 10_000
    assert sales["rejected"] == 2
    assert sales["peak_mb"] > 50
    assert [record["event"] for record in lines][-1] == "published"
    assert json.loads(scored["first"].stdout)["state"] == "published"


def test_no_log_names_a_customer(scored: dict[str, Any]) -> None:
    runs = scored["shop"] / "runs"
    output = "".join(scored[run].stdout + scored[run].stderr for run in ("first", "again"))
    assert not any(canary.decode() in output.lower() for canary in company.CANARIES)
    assert not any(company.canaries(path) for path in runs.rglob("*") if path.is_file())


def test_the_work_folder_goes_and_the_log_stays_for_its_owner_alone(
    scored: dict[str, Any],
) -> None:
    runs: Path = scored["shop"] / "runs"
    left = {".lock", "events.json", "guard.html", f"{AS_OF}.json", f"{AS_OF}.jsonl"}
    pages = {f"{name}.{kind}" for name in ("scorecard", "outcomes") for kind in ("html", "csv")}
    assert {path.name for path in runs.iterdir()} == left | pages | {"newest"}
    for name in ("scorecard", "outcomes"):
        of_dvc = (scored["shop"] / f"data/{name}/{name}.csv").read_text(encoding="utf-8")
        assert (runs / f"{name}.csv").read_text(encoding="utf-8") == of_dvc
    assert runs.stat().st_mode & 0o777 == 0o700


def test_a_dry_run_says_what_it_would_take_and_changes_nothing(scored: dict[str, Any]) -> None:
    shop: Checkout = scored["shop"]
    before = {str(path): path.stat().st_mtime_ns for path in shop.folder.rglob("*")}
    done = shop.retention("score", "--dry-run")
    after = {str(path): path.stat().st_mtime_ns for path in shop.folder.rglob("*")}
    assert done.returncode == 0, done.stderr
    assert "about 14,0" in done.stdout
    assert published.current(shop / "lists").name in done.stdout  # type: ignore[union-attr]
    assert {path for path in before if "__pycache__" not in path} == {
        path for path in after if "__pycache__" not in path
    }
    assert all(after[path] == mtime for path, mtime in before.items() if "__pycache__" not in path)


def test_the_logs_of_the_newest_days_are_kept(tmp_path: Path) -> None:
    place = workspace.Workspace(tmp_path, tmp_path / "runs")
    for day in range(1, 6):
        atomic.write_text(place.log_of(f"2026-11-0{day}"), "")
        atomic.write_json(place.summary_of(f"2026-11-0{day}"), {})
    place.remove_old_days(2)
    assert {path.stem for path in place.runs.iterdir()} == {"2026-11-04", "2026-11-05"}


def test_what_people_read_has_units_and_what_machines_read_has_names(
    capsys: pytest.CaptureFixture[str],
) -> None:
    figures = {"seconds": 1.5, "peak_mb": 99.0, "rows": 12_345}
    forms: tuple[log.Format, ...] = ("text", "json")
    for form in forms:
        log.start(form)
        log.event("stage", f"events: {log.figures_text(figures)}", {"stage": "events", **figures})
    words, line = capsys.readouterr().err.splitlines()
    assert words == "retention score: events: 1.5 s, 99.0 MB, 12,345 rows"
    assert json.loads(line)["rows"] == 12_345
    assert summary({"list": None, "exit": 0}, "text") == "list=- exit=0"


# Refusals


@pytest.fixture
def small(tmp_path: Path) -> Checkout:
    """A company with data and a champion's name, in which nothing has ever run."""
    checkout = company.make(tmp_path / "small")
    atomic.write_json(checkout / "champion/champion.json", {})
    return checkout


def change_params(shop: Checkout, **keys: Any) -> None:
    shop.set_params(shop.params() | keys)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--as-of", "2026-11-20", "--from", "2026-11-20"], "one or the other"),
        (["--from", "2026-11-20"], "give both"),
        (["--from", "2026-11-20", "--to", "2026-11-19"], "lies before"),
    ],
)
def test_days_that_make_no_sense_are_refused(
    small: Checkout, words: list[str], message: str
) -> None:
    refusal.assert_refused(small.retention("score", *words), 2, message)


def test_params_of_a_newer_program_are_refused_whatever_they_hold(small: Checkout) -> None:
    change_params(small, version=2, novelty={})
    refusal.assert_refused(small.retention("score"), 2, "version 2", "update the program")


def test_a_wrong_key_is_refused_with_the_nearest(small: Checkout) -> None:
    change_params(small, score={"folded": "x"})
    refusal.assert_refused(small.retention("score"), 2, "score.folded", "folder")


def test_a_file_that_is_missing_is_refused_before_anything_runs(small: Checkout) -> None:
    (small / "data/raw/returns.csv").unlink()
    refusal.assert_refused(small.retention("score"), 3, "data/raw/returns.csv", "no such file")


def test_a_file_that_was_cut_is_refused_in_the_words_of_its_stage(small: Checkout) -> None:
    path = small / "data/raw/sales.csv"
    path.write_bytes(path.read_bytes()[:-5])
    done = small.retention("score")
    refusal.assert_refused(done, 3, "data/raw/sales.csv", after_progress=True)
    assert last_summary(done.stdout)["state"] == "refused"
    assert last_summary(done.stdout)["exit"] == "3"
    assert not (small / "runs/work").exists()
    assert not (small / "lists").exists()


def test_without_a_champion_a_guard_refuses(small: Checkout) -> None:
    (small / "champion/champion.json").unlink()
    refusal.assert_refused(small.retention("score"), 4, "no champion", "make repro")


def test_a_refusal_for_machines_is_json_too(small: Checkout) -> None:
    (small / "champion/champion.json").unlink()
    done = small.retention("score", "--log", "json")
    assert done.returncode == 4
    (line,) = [json.loads(line_text) for line_text in done.stderr.splitlines()]
    assert (line["event"], line["exit"]) == ("refused", 4)


def test_what_nobody_foresaw_is_a_line_and_a_file_for_its_owner(small: Checkout) -> None:
    broken = small / "pipeline/customers.py"
    broken.write_text("def main() -> None:\n    raise KeyError('Zoë Quibbleworth')\n")
    done = small.retention("score")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("failed: stage customers: KeyError; failed.txt")
    assert "Quibbleworth" not in done.stderr
    assert "Quibbleworth" in (small / "runs/failed.txt").read_text(encoding="utf-8")
    assert last_summary(done.stdout)["state"] == "failed"


def test_what_is_printed_after_a_refusal_hides_neither_its_reason_nor_its_code(
    small: Checkout,
) -> None:
    (small / "pipeline/customers.py").write_text(
        "import atexit, sys\n"
        "from retention.core.errors import BadInput\n"
        "def main() -> None:\n"
        "    atexit.register(sys.stderr.write, 'ResourceWarning: something late\\n')\n"
        "    raise BadInput('customers.csv: cut')\n"
    )
    done = small.retention("score")
    refusal.assert_refused(done, 3, "customers.csv: cut", after_progress=True)
    assert "something late" in done.stderr


@pytest.mark.parametrize("folder", [".", ".."])
def test_a_folder_that_holds_the_project_is_no_place_to_work(small: Checkout, folder: str) -> None:
    change_params(small, score={"folder": folder})
    mode = (small / folder).stat().st_mode
    refusal.assert_refused(small.retention("score"), 2, "score.folder", "holds the project")
    assert (small / folder).stat().st_mode == mode


@pytest.mark.parametrize("words", [["score"], ["erase", "00007"]])
def test_a_folder_named_work_that_no_run_made_is_never_removed(
    small: Checkout, words: list[str]
) -> None:
    change_params(small, score={"folder": "mine"})
    atomic.write_text(small / "mine/work/thesis.txt", "years of it")
    raw = hashes(small / "data/raw")
    refusal.assert_refused(small.retention(*words), 2, "work", "score.folder")
    assert (small / "mine/work/thesis.txt").read_text(encoding="utf-8") == "years of it"
    assert hashes(small / "data/raw") == raw


# A day that follows the data


ENDS, DAY = dt.date.fromisoformat(AS_OF), dt.timedelta(days=1)
OVERRIDE = {"override": {"freshness": "closed for the fair, A. Khan"}, "override_on": AS_OF}


def check_freshness_events(
    days: int, guard_params: Mapping[str, Any], silence: int = 0
) -> list[dict[str, Any]]:
    """What is told of a list of ENDS when so many days have gone by since.

    silence: the longest that the data ever had.
    """
    records = log.start("json")
    of_label = Rhythm(last_day=0, longest_silence=silence, n_silences=300)
    request.check_freshness(ENDS, ENDS + days * DAY, GuardParams(**guard_params), of_label)
    return [json.loads(line) for line in log.take_lines(records).splitlines()]


@pytest.mark.parametrize(
    ("days", "guard_params", "events"),
    [
        (-1, {}, []),
        (3, {}, []),
        (4, {}, ["stale"]),
        (14, {}, ["stale"]),
        (15, OVERRIDE, ["override", "stale"]),
        (400, {"stale_refuse_days": None}, ["stale"]),
        (400, {"stale_refuse_days": None, "stale_warn_days": None}, []),
    ],
)
def test_the_end_of_the_data_is_held_against_today(
    days: int, guard_params: dict[str, Any], events: list[str]
) -> None:
    assert [event["event"] for event in check_freshness_events(days, guard_params)] == events


def test_data_that_were_silent_for_as_long_before_are_not_old() -> None:
    assert check_freshness_events(20, {}, silence=20) == []
    assert [event["event"] for event in check_freshness_events(24, {}, silence=20)] == ["stale"]
    with pytest.raises(errors.Guarded, match="stale_refuse_days: 14; the data's own rhythm allows"):
        check_freshness_events(26, {}, silence=20)


def test_an_override_of_another_day_lets_no_old_data_through() -> None:
    with pytest.raises(errors.Guarded, match="15 days before today"):
        check_freshness_events(15, OVERRIDE | {"override_on": "2026-03-01"})


def score_without_a_day(small: Checkout, days: int) -> int:
    """Score without a day, so many days after the day that follows from the data."""
    return job.score(ScoreRequest([None]), lambda _: ENDS + days * DAY)


@pytest.mark.parametrize(
    ("days", "code", "words"),
    [
        (15, 4, ["guard freshness", "15 days", "stale_refuse_days: 14", "deliver newer files"]),
        (-2, 3, ["the data ends in the future", "2026-03-01", "2026-02-28"]),
    ],
)
def test_data_of_no_present_day_are_refused_where_nobody_named_a_day(
    small: Checkout,
    days: int,
    code: int,
    words: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    change_params(small, as_of=None)
    monkeypatch.chdir(small.folder)
    assert score_without_a_day(small, days) == code
    out, err = capsys.readouterr()
    assert err.splitlines()[-1].startswith("refused: ")
    assert [word for word in words if word not in err.splitlines()[-1]] == []
    assert (last_summary(out)["as_of"], last_summary(out)["state"]) == (AS_OF, "refused")
    assert not (small / "runs/events.json").exists()


def test_a_day_that_somebody_named_is_held_against_no_clock(
    small: Checkout, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The run goes on to the champion, which is none."""
    monkeypatch.chdir(small.folder)
    score_without_a_day(small, 4000)
    err = capsys.readouterr().err
    assert "retention score: interactions:" in err
    assert "freshness" not in err


# What the last run knew


def log_of_inputs(small: Checkout, **sections: Any) -> str:
    """What a run says up to its events, which it ends well with."""
    change_params(small, **sections)
    params = load_params(small / "params.yaml")
    place, records = workspace.Workspace(small.folder, small / "runs"), log.start("text")
    with place.held(lambda _: None):
        place.prepare(params)
        place.configure({})
        for words in (*request.input_stages(params), ("events",)):
            process.run(words, place.work, place.root)
        place.keep(artefacts.EVENTS_SUMMARY, workspace.LAST_EVENTS_SUMMARY)
        place.clear()
    return log.take_lines(records)


def test_a_past_that_changed_since_the_last_run_is_told(small: Checkout) -> None:
    change_params(small, sources={"returns": company.PARAMS["sources"]["returns"]})
    assert "restated" not in log_of_inputs(small)
    assert "restated" not in log_of_inputs(small)
    path = small / "data/raw/returns.csv"
    header, first, *rows = path.read_text(encoding="utf-8").splitlines(keepends=True)
    path.write_text("".join([header, *rows]), encoding="utf-8")
    assert "restated: what was known on 1 earlier days" in log_of_inputs(small)
    path.write_text("".join([header, first, *rows]), encoding="utf-8")
    assert "restated" not in log_of_inputs(small, privacy={"keep_days": 200})


# Where the raw files lie


def test_raw_files_may_lie_anywhere(small: Checkout) -> None:
    """The file of customers is cut: the run ends after the others were read."""
    places = ("exports", "data/mine", "../outside")
    changes = small.params()
    for where, (name, source) in zip(places, changes["sources"].items(), strict=True):
        move_raw(small, source, f"{where}/{name}.csv")
    move_raw(small, changes["customers"], "data/ingest/customers.csv")
    small.set_params(changes)
    path = small / "data/ingest/customers.csv"
    path.write_bytes(path.read_bytes()[:-5])
    done = small.retention("score")
    refusal.assert_refused(done, 3, "data/ingest/customers.csv", after_progress=True)
    for where, name in zip(places, changes["sources"], strict=True):
        assert f"ingest {name}: done" in done.stderr
        assert [path.name for path in (small / where).iterdir()] == [f"{name}.csv"]
    assert [path.name for path in (small / "data/ingest").iterdir()] == ["customers.csv"]


def move_raw(shop: Checkout, source: dict[str, Any], to: str) -> None:
    """Move a raw file, and say in its source where it lies."""
    (shop / to).parent.mkdir(parents=True, exist_ok=True)
    (shop / source["path"]).rename(shop / to)
    source["path"] = to


# Ends before its time


def test_after_a_kill_no_stage_goes_on_and_the_next_run_completes(scored: dict[str, Any]) -> None:
    """The fixture has seen the stages end."""
    texts = [json.loads(line)["text"] for line in scored["first"].stderr.splitlines()]
    assert f"took over the lock of process {scored['killed']}" in texts[0]
    assert "left by a run that did not end" in texts[1]
    assert json.loads(scored["first"].stdout)["exit"] == 0
    assert not (scored["shop"] / "runs/work").exists()


def test_a_run_that_is_told_to_stop_tidies_up(shop: Checkout, tmp_path: Path) -> None:
    own_copy = shop.copy(tmp_path / "own")
    with refusal.assert_unchanged(own_copy / "lists"):
        running = own_copy.start("score")
        _wait_for(own_copy / "runs/work/data/ingest/sales")
        running.send_signal(signal.SIGTERM)
        assert running.wait(timeout=60) == 1
    assert not (own_copy / "runs/work").exists()
    lines = (own_copy / "runs/undated.jsonl").read_text(encoding="utf-8").splitlines()
    assert "SIGTERM" in json.loads(lines[-2])["text"]


def test_a_second_run_says_which_process_is_busy_and_leaves_its_folder(small: Checkout) -> None:
    runs = small / "runs"
    (runs / "work").mkdir(parents=True)
    with locks.hold(runs / ".lock", "scoring", lambda _: None):
        done = small.retention("score")
        refusal.assert_refused(done, 5, f"process {os.getpid()} is scoring")
        assert last_summary(done.stdout)["state"] == "busy"
        assert (runs / "work").is_dir()


# Several days


DAYS = ("2026-02-28", "2026-03-01")


def known_before(text: str, day: str) -> str:
    """The rows of a CSV whose last column is a day, or a time, before another."""
    header, *rows = text.splitlines(keepends=True)
    return header + "".join(row for row in rows if _iso(row.rsplit(",", 1)[1].strip()) < day)


def _iso(text: str) -> str:
    day, slash, rest = text.partition("/")
    return "-".join([*reversed(rest.split("/")), day]) if slash else text


@pytest.fixture(scope="module")
def days(shop: Checkout, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Each day scored with the rows that were there by then; later all of them once more."""
    checkout = shop.copy(tmp_path_factory.mktemp("days") / "shop")
    whole = {
        path: path.read_text(encoding="utf-8") for path in (checkout / "data/raw").glob("*.csv")
    }
    for day in DAYS:
        for path, text in whole.items():
            if path.stem != "customers":
                path.write_text(known_before(text, day), encoding="utf-8")
        done = checkout.retention("score", "--as-of", day, "--publish", "in_time")
        assert done.returncode == 0, done.stderr
    for path, text in whole.items():
        path.write_text(text, encoding="utf-8")
    before = refusal.published_files(checkout / "lists")
    done = checkout.retention("score", "--from", DAYS[0], "--to", DAYS[-1])
    return {"shop": checkout, "done": done, "before": before}


def _hashes_by_list(lists: Path) -> dict[str, dict[str, str]]:
    return {
        path.name: hashes(path)
        for path in published.published_lists(lists)
        if path.name[:10] in DAYS
    }


def test_days_scored_later_are_byte_for_byte_as_in_their_time(days: dict[str, Any]) -> None:
    assert days["done"].returncode == 0, days["done"].stderr
    in_time = _hashes_by_list(days["shop"] / "in_time")
    assert [name[:10] for name in in_time] == list(DAYS)
    assert len({tuple(hashes_of_list.values()) for hashes_of_list in in_time.values()}) == len(DAYS)
    assert _hashes_by_list(days["shop"] / "lists") == in_time


def test_older_lists_stand_beside_and_staff_go_on_with_the_newest(days: dict[str, Any]) -> None:
    assert refusal.published_files(days["shop"] / "lists") == days["before"]
    states = [last_summary(line)["state"] for line in days["done"].stdout.splitlines()]
    assert states == [job.PLACED] * len(DAYS)
    assert published.verify(days["shop"] / "lists") == []


def test_nobody_enters_a_trial_by_a_list_that_nobody_works(days: dict[str, Any]) -> None:
    ledger = days["shop"] / "ledgers/assignments"
    again = {path.name for path in ledger.glob("*.json")}
    of_days = [name for name in again if name[:10] in DAYS]
    assert len(of_days) <= len(DAYS)
    assert all(atomic.read_json(ledger / name)["as_of"] in DAYS for name in of_days)


def test_a_day_before_the_current_list_is_refused_unless_it_is_a_backfill(
    days: dict[str, Any],
) -> None:
    shop: Checkout = days["shop"]
    with refusal.assert_unchanged(shop / "lists"):
        done = shop.retention("score", "--as-of", DAYS[0])
    refusal.assert_refused(done, 4, DAYS[0], "publish.allow_older", after_progress=True)


def test_of_what_staff_entered_since_only_objections_count(
    days: dict[str, Any],
) -> None:
    """A call since then leaves its customer on the list of the day, an objection does not."""
    shop: Checkout = days["shop"]
    objecting, called, *_ = _customers_listed(shop / "in_time", DAYS[0])
    since = dt.datetime.fromisoformat(f"{DAYS[0]}T00:00:00+00:00")
    answers = {objecting: outcomes.OBJECTION, called: "will stay"}
    records = tuple(
        outcomes.OutcomeRecord(
            f"{DAYS[0]}-0123456789ab", who, since, outcomes.StaffAnswer(None, "reached", answer)
        )
        for who, answer in answers.items()
    )
    batch = outcomes.ImportBatch(
        records[0].list_id, shop.params()["company"], since, "", {}, records
    )
    outcomes.write(shop / outcomes.FOLDER, batch)
    done = shop.retention("score", "--from", DAYS[0], "--to", DAYS[0], "--publish", "since")
    assert done.returncode == 0, done.stderr
    now = _customers_listed(shop / "since", DAYS[0])
    assert objecting not in now
    assert called in now


def _customers_listed(lists: Path, day: str) -> list[str]:
    (list_folder,) = (
        path for path in published.published_lists(lists) if path.name.startswith(day)
    )
    with (list_folder / "at_risk.csv").open(encoding="utf-8-sig", newline="") as text:
        return [row["customer_id"] for row in csv.DictReader(text)]


def test_params_change_key_by_key() -> None:
    text = yaml.safe_dump(company.PARAMS)
    params = parse_params(with_changes(text, {"snapshots": {"most": 3}, "as_of": None}))
    assert params.snapshots.most == 3
    assert params.snapshots.every_days == 28
    assert params.as_of is None
    assert parse_params(text).version == 1
