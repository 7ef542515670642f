"""Stage `forecast`: it reads scores, customers and past figures, and leaves a page and a file."""

import datetime as dt
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import yaml

from pipeline import forecast
from retention.core import artefacts
from retention.core.params import Params
from tests.support import documents

PARAMS = Params.model_validate(yaml.safe_load(Path("params.yaml").read_text(encoding="utf-8")))


def test_the_page_and_the_file_are_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(forecast, "load_params", lambda: PARAMS)
    summary = documents.score_summary().updated(lifetime_days=365)
    artefacts.SCORE_SUMMARY.write(summary)
    values: dict[str, list[Any]] = {name: [0.5, 0.25] for name in artefacts.SCORES.schema.names}
    values |= {"customer_id": ["A", "B"], "as_of": [summary.as_of] * 2}
    values |= {"leave_within_30": [None, None], "lifetime_loss": [10.0, 20.0]}
    artefacts.SCORES.write(pa.table(values, schema=artefacts.SCORES.schema))
    artefacts.CUSTOMERS.write(_customers(2))
    forecast.main()
    written = artefacts.FORECAST.read()
    gap = dt.timedelta(days=PARAMS.labels.churn.gap_days)
    assert written.opens_on == summary.as_of + gap
    whole = {figure.days: (figure.lost, figure.money) for figure in written.figures}
    assert whole == {30: (None, None), 90: (0.75, 10.0), 180: (0.75, 10.0), 365: (0.75, 10.0)}
    assert "What we expect to lose" in artefacts.FORECAST_PAGE.path.read_text(encoding="utf-8")
    assert "active customers" in capsys.readouterr().err


def test_without_customers_there_are_no_segments(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(forecast, "load_params", lambda: PARAMS)
    summary = documents.score_summary().updated(lifetime_days=365)
    artefacts.SCORE_SUMMARY.write(summary)
    values: dict[str, list[Any]] = {name: [0.5] for name in artefacts.SCORES.schema.names}
    values |= {"customer_id": ["A"], "as_of": [summary.as_of]}
    artefacts.SCORES.write(pa.table(values, schema=artefacts.SCORES.schema))
    forecast.main()
    assert {figure.by for figure in artefacts.FORECAST.read().figures} == {"all"}


def _customers(versions: int) -> pa.Table:
    """Customer A, known in so many versions."""
    schema = artefacts.CUSTOMERS.schema
    columns = {name: pa.nulls(versions, schema.field(name).type) for name in schema.names}
    columns |= {
        "customer_id": pa.array(["A"] * versions),
        "known_day": pa.array(range(versions), schema.field("known_day").type),
    }
    return pa.table(columns, schema=schema)
