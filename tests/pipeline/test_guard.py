"""Before a list is made: what is measured, what is refused, and who may set that aside."""

import datetime as dt
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given as drawn
from hypothesis import strategies as st

from pipeline.guard import GuardInputs, guard, metrics, read, summary, summary_lines
from retention.core import artefacts, point_in_time
from retention.core.errors import BadInput, BadParams, Guarded
from retention.core.params import Params
from retention.core.storage import atomic
from retention.experiments.holdout_calibration import PAST_LISTS
from retention.i18n.language import TRANSLATED, language
from retention.ledgers import runs
from retention.monitoring import verdict
from retention.monitoring.calibration import distance_outside_interval
from retention.monitoring.finding import OK, REFUSED, SET_ASIDE, WARNED, Finding
from retention.monitoring.report_data import GuardReport
from retention.reporting.guard import page
from retention.serving import champion
from retention.training import profile
from tests.support import trials

AS_OF = dt.date(2026, 9, 1)
YESTERDAY = point_in_time.day_number(AS_OF) - 1
RAW = {"read": 1000, "accepted": 990, "rejected": 10, "unmapped": 0, "ignored_columns": ["note"]}
LAST = {
    "as_of": "2026-08-01",
    "company": trials.COMPANY,
    "published_at": "2026-08-01T08:00:00+00:00",
    "sources": {"till": RAW},
    "watched": 400,
    "scores_sha256": "before",
    "mean_risk": 0.2,
}


def customers(n: int = 400, seed: int = 3) -> tuple[pd.DataFrame, "pd.Series[float]"]:
    """Features of two kinds and one that is always null, and chances of leaving."""
    draw = np.random.default_rng(seed)
    X = pd.DataFrame(
        {
            "spend_90d": draw.gamma(2.0, 30.0, n),
            "orders_90d": draw.poisson(3.0, n).astype(float),
            "plan": draw.choice(["basic", "plus"], n),
            "never": np.nan,
        }
    )
    X.loc[draw.random(n) < 0.2, "spend_90d"] = np.nan
    return X, pd.Series(draw.beta(2, 6, n))


def made(**changes: Any) -> GuardInputs:
    X, p = customers()
    then, chances = customers(1000, seed=4)
    seen = profile.build_profile(then, chances)
    seen["score"]["of"] = "of a model that had not seen it"
    usual: dict[str, Any] = {
        "sources": {"till": {"kinds": ["purchase"], "last_known_day": YESTERDAY}},
        "ingested": {"till": RAW},
        "scored": {"as_of": AS_OF.isoformat(), "model": "a made-up model", "banners": []},
        "scores_sha256": "now",
        "X": X,
        "p": p,
        "champion": {"models": "abc", "trained_to": "2026-08-04"},
        "reference": seen,
        "past": pd.DataFrame(columns=list(PAST_LISTS)),
        "published": [LAST],
    }
    return GuardInputs(**usual | changes)


def chosen(**guards: Any) -> Params:
    return trials.chosen(guard=guards)


def found(given: GuardInputs, rules: Params | None = None, **which: str) -> Finding:
    """The one finding of a guard, and of what it is about where there are more."""
    told = guard(given, rules or chosen())
    (one,) = [
        one for one in told.findings if all(getattr(one, key) == v for key, v in which.items())
    ]
    return one


def test_nothing_is_said_where_nothing_moved() -> None:
    told = guard(made(), chosen())
    assert {one.level for one in told.findings} == {OK}
    assert told.banners == []
    assert summary_lines(told) == ["everything is within its limits"]
    assert page.headline(told) == "The list may be published: everything is within its limits."


@pytest.mark.parametrize(
    ("days", "level"), [(0, OK), (3, OK), (4, WARNED), (14, WARNED), (15, REFUSED)]
)
def test_whole_days_without_data_are_counted(days: int, level: str) -> None:
    late = {"till": {"kinds": ["purchase"], "last_known_day": YESTERDAY - days}}
    one = found(made(sources=late), guard="freshness")
    assert (one.figure.split()[0], one.level) == (str(days), level)
    assert bool(one.banner) == (level != OK)


def test_only_the_sources_that_the_label_needs_must_be_fresh() -> None:
    old = YESTERDAY - 100
    sources = {
        "till": {"kinds": ["purchase"], "last_known_day": YESTERDAY + 5},
        "letters": {"kinds": ["campaign"], "last_known_day": old},
        "ledger": {"kinds": ["purchase"], "last_known_day": old},
    }
    one = found(made(sources=sources), guard="freshness")
    assert (one.about, one.figure, one.level) == ("till", "0 days", OK)


@pytest.mark.parametrize(
    ("now", "then", "level"),
    [(500, 1000, OK), (499, 1000, REFUSED), (9, 29, WARNED), (1000, 0, OK)],
)
def test_more_than_half_the_rows_gone_refuses_unless_there_were_few(
    now: int, then: int, level: str
) -> None:
    before = LAST | {"sources": {"till": RAW | {"read": then}}}
    given = made(published=[before], ingested={"till": RAW | {"read": now}})
    assert found(given, guard="row_count", about="till").level == level


def test_watched_customers_count_as_rows_do() -> None:
    one = found(made(published=[LAST | {"watched": 1000}]), about="customers watched")
    assert (one.level, one.figure) == (REFUSED, "400 (\u221260.0%)")


def test_a_customers_file_cut_short_refuses_though_all_else_is_the_same() -> None:
    last = guard(made(published=[], customers=1000), chosen()).run
    before = last | {"published_at": LAST["published_at"]}
    one = found(made(published=[before], customers=400), about="customers file")
    assert (one.guard, one.level, one.meaning) == ("row_count", REFUSED, "The last run had 1,000.")
    same = guard(made(published=[before], customers=1000), chosen())
    assert same.earlier == [], "it is that run itself"


def test_a_record_of_before_customers_were_counted_compares_nothing_of_them() -> None:
    assert found(made(customers=400), about="customers file").level == OK
    old = {key: value for key, value in guard(made(), chosen()).run.items() if key != "customers"}
    assert guard(made(published=[old], customers=400), chosen()).earlier == []


def test_a_limit_that_is_null_is_off() -> None:
    given = made(ingested={"till": RAW | {"read": 10}})
    one = found(given, chosen(row_drop=None), guard="row_count", about="till")
    assert (one.level, one.limit) == (OK, "off")


def test_the_first_run_has_nothing_to_compare_with() -> None:
    told = guard(made(published=[]), chosen())
    assert {one.level for one in told.findings} == {OK}
    assert metrics(told)["drop"] is None


def test_a_source_that_is_gone_is_a_warning() -> None:
    before = LAST | {"sources": {"till": RAW, "web": RAW}}
    assert found(made(published=[before]), about="web").level == WARNED


@pytest.mark.parametrize(("rejected", "level"), [(30, OK), (31, WARNED)])
def test_three_times_the_rejects_is_a_warning(rejected: int, level: str) -> None:
    given = made(ingested={"till": RAW | {"rejected": rejected}})
    assert found(given, guard="rejects").level == level


def test_columns_that_came_or_went_are_noted() -> None:
    given = made(ingested={"till": RAW | {"ignored_columns": ["voucher"]}})
    one = found(given, guard="schema", about="till")
    assert (one.level, one.figure) == (OK, "new: voucher, gone: note")


def test_a_feature_of_another_type_refuses() -> None:
    given = made()
    X = given.X.assign(orders_90d=given.X["orders_90d"].astype("str"))
    one = found(replace(given, X=X), guard="schema")
    assert (one.level, one.meaning) == (REFUSED, "orders_90d is text, was number.")


@pytest.mark.parametrize(
    ("trained_to", "level"),
    [("2026-05-04", OK), ("2026-05-03", WARNED), ("2025-07-31", REFUSED)],
)
def test_a_model_ages_from_when_newer_outcomes_are_known(trained_to: str, level: str) -> None:
    champion = {"models": "abc", "trained_to": trained_to}
    assert found(made(champion=champion), guard="model_age").level == level


def past(said: float, low: float, high: float, *, known: bool = True) -> pd.DataFrame:
    row = dict.fromkeys(PAST_LISTS) | {
        "list_id": "2026-07-01-0123456789ab", "as_of": pd.Timestamp("2026-07-01"),
        "predicted_held_out": said, "left_held_out": 0.3, "low": low, "high": high,
        "calibrated": low <= said <= high if known else None,
    }  # fmt: skip
    return pd.DataFrame([row])


@pytest.mark.parametrize(
    ("said", "level"), [(0.25, OK), (0.45, WARNED), (0.15, WARNED), (0.61, REFUSED)]
)
def test_chances_that_did_not_come_true_are_told(said: float, level: str) -> None:
    one = found(made(past=past(said, 0.2, 0.4)), guard="calibration")
    assert (one.level, one.about) == (level, "list of 2026-07-01")
    assert ("1 July 2026" in one.banner) == (level != OK)


def test_a_list_with_too_few_held_out_is_not_judged() -> None:
    one = found(made(past=past(0.9, 0.2, 0.4, known=False)), guard="calibration")
    assert (one.level, one.figure) == (OK, "not known yet")


def test_how_far_outside_is_nothing_within() -> None:
    told = [round(distance_outside_interval(past(said, 0.2, 0.4).iloc[0]), 6) for said in (0.1, 0.3, 0.5)]
    assert told == [0.1, 0.0, 0.1]


def test_a_champion_without_a_profile_is_said_and_not_refused() -> None:
    told = guard(made(reference=None), chosen())
    (one,) = [one for one in told.findings if one.guard == "drift"]
    assert (one.level, one.figure) == (OK, "not measured")
    assert "promoted" in page.html(told)


# Setting aside


def stale() -> GuardInputs:
    return made(sources={"till": {"kinds": ["purchase"], "last_known_day": YESTERDAY - 40}})


def test_the_refusal_is_one_line_with_figure_limit_and_what_to_do() -> None:
    told = guard(stale(), chosen())
    said = verdict.refusal_message(told.findings, AS_OF)
    words = ("guard freshness, till: 40 days", "refuses above 14 days", "deliver a newer till",
             'guard.override_on: "2026-09-01"')  # fmt: skip
    assert all(one in said for one in words)
    assert "\n" not in said


def test_an_override_of_this_list_sets_a_guard_aside_and_says_so() -> None:
    rules = chosen(override={"freshness": "till is broken, says Ann"}, override_on="2026-09-01")
    told = guard(stale(), rules)
    (one,) = [one for one in told.findings if one.guard == "freshness"]
    assert (one.level, one.reason) == (SET_ASIDE, "till is broken, says Ann")
    assert told.run["override"] == {"freshness": "till is broken, says Ann"}
    assert "A check was set aside for this list: till is broken, says Ann" in told.banners
    assert summary(told)["refused"] == []


def test_an_override_of_another_list_does_not_count() -> None:
    rules = chosen(override={"freshness": "till is broken"}, override_on="2026-08-01")
    told = guard(stale(), rules)
    assert summary(told)["refused"] == ["freshness"]
    assert "it does not count" in summary_lines(told)[0]
    assert told.run["override"] == {}


def test_an_override_of_one_guard_leaves_the_others() -> None:
    rules = chosen(override={"row_count": "why"}, override_on="2026-09-01")
    assert summary(guard(stale(), rules))["refused"] == ["freshness"]


def test_an_override_that_nothing_needs_is_not_logged() -> None:
    rules = chosen(override={"freshness": "why"}, override_on="2026-09-01")
    told = guard(made(), rules)
    assert (told.run["override"], told.banners) == ({}, [])


@pytest.mark.parametrize(
    ("guards", "words"),
    [
        ({"override": {"row_count": "why"}}, "override needs override_on"),
        ({"override": {"row_count": "  "}, "override_on": "2026-09-01"}, "override.row_count"),
        ({"override": {"rows": "why"}, "override_on": "2026-09-01"}, "rows"),
    ],
)
def test_an_override_says_which_guard_why_and_for_which_day(
    guards: dict[str, Any], words: str
) -> None:
    with pytest.raises(BadParams, match=words):
        chosen(**guards)


@pytest.mark.parametrize("code", TRANSLATED)
def test_staff_read_the_banners_in_their_language(code: str) -> None:
    (english,) = guard(stale(), chosen()).banners
    (banner,) = guard(stale(), trials.chosen(at_risk={"language": code})).banners
    assert banner != english
    assert language(code).number(40) in banner


# What others read of it


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def left(told: GuardReport) -> None:
    atomic.write_json(artefacts.GUARD_SUMMARY, summary(told))


@pytest.mark.usefixtures("folder")
def test_a_list_takes_the_banners_of_its_day() -> None:
    late = {"till": {"kinds": ["purchase"], "last_known_day": YESTERDAY - 5}}
    left(guard(made(sources=late), chosen()))
    (banner,) = verdict.list_banners(AS_OF)
    assert banner.startswith("The data ends 5 days before this list")


@pytest.mark.usefixtures("folder")
def test_no_list_is_made_of_what_no_guard_has_seen_or_one_refused() -> None:
    with pytest.raises(BadInput, match=r"run python -m pipeline\.guard"):
        verdict.list_banners(AS_OF)
    left(guard(stale(), chosen()))
    with pytest.raises(BadInput, match="not there for 2026-09-02"):
        verdict.list_banners(AS_OF + dt.timedelta(days=1))
    with pytest.raises(Guarded, match="guard freshness refused"):
        verdict.list_banners(AS_OF)


@pytest.mark.usefixtures("folder")
def test_a_champion_that_changed_since_the_scores_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = champion.Champion(Path("champion/new"), {"models": "new"})
    monkeypatch.setattr(champion, "current", lambda: now)
    atomic.write_json(artefacts.EVENTS_SUMMARY, {"sources": {}})
    atomic.write_json(artefacts.SCORE_SUMMARY, {"as_of": "2026-09-01", "champion": "old"})
    with pytest.raises(Guarded, match="the champion changed during the run; run again"):
        read(chosen())


# The ledger of runs


MANIFEST = {
    "as_of": AS_OF.isoformat(), "company": trials.COMPANY, "list_id": "an-id", "rows": 12,
}  # fmt: skip


def published(told: GuardReport, name: str = "2026-09-01-0123456789ab") -> bool:
    left(told)
    path = artefacts.GUARD_SUMMARY.path
    return runs.record(path, runs.FOLDER, Path("lists") / name, MANIFEST)


@pytest.mark.usefixtures("folder")
def test_a_published_run_is_entered_once_and_is_not_compared_with_itself() -> None:
    given = made(published=[])
    first = guard(given, chosen())
    assert published(first)
    assert not published(first)
    (run,) = known = runs.read(runs.FOLDER, trials.COMPANY)
    assert (run["list"], run["listed"], run["watched"]) == ("2026-09-01-0123456789ab", 12, 400)
    again = guard(replace(given, published=known), chosen())
    assert page.html(again) == page.html(first)


@pytest.mark.usefixtures("folder")
def test_a_run_knows_every_folder_into_which_its_list_was_published() -> None:
    left(guard(made(published=[]), chosen()))

    def into(folder: str) -> bool:
        target = Path(folder, "2026-09-01-0123456789ab")
        return runs.record(artefacts.GUARD_SUMMARY.path, runs.FOLDER, target, MANIFEST)

    assert [into("lists"), into("else"), into("else")] == [True, True, False]
    assert runs.folders(runs.FOLDER) == [Path("else").resolve(), Path("lists").resolve()]
    (path,) = runs.FOLDER.glob("*.json")
    record = atomic.read_json(path)
    del record["folders"]
    atomic.write_json(path, record)
    assert runs.folders(runs.FOLDER) == [], "an older record says nothing of it"


@pytest.mark.usefixtures("folder")
def test_another_list_of_the_same_day_is_compared_with_the_one_before() -> None:
    assert published(guard(made(published=[]), chosen()))
    given = made(ingested={"till": RAW | {"read": 300}}, scores_sha256="other")
    again = replace(given, published=runs.read(runs.FOLDER, trials.COMPANY))
    assert found(again, guard="row_count", about="till").level == REFUSED


@pytest.mark.usefixtures("folder")
def test_what_was_measured_of_another_list_is_not_entered() -> None:
    left(guard(made(), chosen()))
    other = MANIFEST | {"as_of": "2026-08-01"}
    path = artefacts.GUARD_SUMMARY.path
    assert not runs.record(path, runs.FOLDER, Path("lists/x"), other)
    assert not runs.record(Path("nowhere.json"), runs.FOLDER, Path("lists/x"), MANIFEST)


def test_newer_runs_and_other_companies_are_no_last_run(tmp_path: Path) -> None:
    for name, change in {
        "a": {}, "b": {"as_of": "2026-10-01"}, "c": {"company": "Another"},
    }.items():  # fmt: skip
        atomic.write_json(tmp_path / f"{name}.json", LAST | change)
    mine = runs.read(tmp_path, trials.COMPANY)
    assert [run["as_of"] for run in mine] == ["2026-08-01", "2026-10-01"]
    now = {"as_of": "2026-09-01", "sources": {}, "watched": 1, "scores_sha256": ""}
    assert [run["as_of"] for run in runs.earlier_runs(mine, now)] == ["2026-08-01"]


@pytest.mark.parametrize("content", ["{", "[]", '{"as_of": "2026-08-01"}'])
def test_a_record_that_is_none_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "x.json").write_text(content)
    with pytest.raises(BadInput, match=r"x\.json: no record of a run"):
        runs.read(tmp_path, trials.COMPANY)


# The page


def test_the_page_escapes_what_the_company_wrote(hostile: tuple[str, ...]) -> None:
    rules = chosen(override={"freshness": hostile[10]}, override_on="2026-09-01")
    told = guard(stale(), rules)
    html = page.html(replace(told, company=hostile[11], model=hostile[12]))
    assert "<script>" not in html
    assert "<img" not in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html


def test_the_page_loads_nothing_and_holds_no_customer() -> None:
    html = page.html(guard(made(), chosen()))
    assert "default-src &#39;none&#39;" in html
    assert "http://" not in html.replace("http://www.w3.org", "")
    assert " src=" not in html


def test_the_page_shows_the_worst_first_and_every_run() -> None:
    html = page.html(guard(stale(), chosen()))
    assert html.index("refuses</span>") < html.index("within its limits</span>")
    assert "2 runs, 2026-08-01 to 2026-09-01" in html
    assert html.count('class="spark"') >= 4


@drawn(st.permutations(range(5)))
def test_the_worst_level_of_a_guard_is_its_level(order: list[int]) -> None:
    levels = [OK, REFUSED, WARNED, SET_ASIDE, OK]
    told = [Finding("a", "", "", "", "", levels[at]) for at in order]
    assert verdict.worst_levels(told) == {"a": REFUSED}
