"""The stage: all guards of a run in which nothing is wrong, and what it reads."""

from pathlib import Path

import pytest

from pipeline.guard import guard, read, summary_lines
from retention.core import artefacts
from retention.core.errors import Guarded
from retention.monitoring.finding import OK
from retention.reporting.guard import page
from retention.serving import champion
from tests.support import documents
from tests.support.guards import guard_inputs, params_with


def test_nothing_is_said_where_nothing_moved() -> None:
    report = guard(guard_inputs(), params_with())
    assert {finding.level for finding in report.findings} == {OK}
    assert report.banners == []
    assert summary_lines(report) == ["everything is within its limits"]
    assert page.headline(report) == "The list may be published: everything is within its limits."


def test_a_champion_that_changed_since_the_scores_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    now = champion.Champion(Path("champion/new"), documents.champion_manifest(models="new"))
    monkeypatch.setattr(champion, "current", lambda _: now)
    artefacts.EVENTS_SUMMARY.write(documents.events_summary())
    artefacts.SCORE_SUMMARY.write(documents.score_summary(champion="old"))
    with pytest.raises(Guarded, match="the champion changed during the run; run again"):
        read(params_with())
