"""The same expressions on Spark as on DuckDB: features, snapshots and labels of one history."""

import importlib.util
import math
import os
import shutil
import warnings
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, seed, settings

from retention.cohort import eligibility, labels
from retention.core import engine, point_in_time
from retention.core.params import LabelParams
from tests.support import engines, histories

SUBSCRIPTIONS = """
    customer | kind   | contract | day | known
    c0       | start  | A        | -90 |
    c0       | cancel | A        |  20 |
    c1       | start  | A        | -90 |
    c1       | cancel | A        |  20 |
    c1       | start  | B        |  20 |
    c2       | start  | A        | -90 |
    c2       | cancel | A        |   3 |
    c3       | start  | A        | -90 |
    c3       | cancel | A        |  -5 |     9
    c4       | start  | A        | -90 |
    c4       | cancel | A        | -40 |
"""


@pytest.fixture(scope="module")
def spark() -> Iterator[engine.Spark]:
    """One local session for the whole run: its start is most of what these tests cost."""
    missing = [
        what
        for what, there in {
            "pyspark": importlib.util.find_spec("pyspark"),
            "Java": os.environ.get("JAVA_HOME") or shutil.which("java"),
        }.items()
        if not there
    ]
    if missing and os.environ.get("CI") != "true":
        pytest.skip(f"without {' and '.join(missing)} there is no Spark")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from pyspark.sql import SparkSession

        builder = SparkSession.builder.master("local[2]").appName("tests")
        for key, value in {
            "spark.sql.session.timeZone": "UTC",
            "spark.sql.shuffle.partitions": "1",
            "spark.sql.codegen.wholeStage": "false",  # compiling costs more than these few rows
            "spark.sql.adaptive.enabled": "false",
            "spark.ui.enabled": "false",
            "spark.driver.bindAddress": "127.0.0.1",
            "spark.driver.host": "127.0.0.1",
        }.items():
            builder = builder.config(key, value)
        opened = engine.Spark(builder.getOrCreate())
    yield opened
    opened.close()


def drawn_history() -> tuple[list[histories.Event], list[histories.Person]]:
    """Some drawn histories as one, with customers of their own; the same on every run."""
    found: list[tuple[list[histories.Event], list[histories.Person]]] = []

    @seed(1)
    @settings(max_examples=8, database=None, deadline=None,
              suppress_health_check=list(HealthCheck))  # fmt: skip
    @given(histories.histories(20), histories.drawn_people(20))
    def draw(history: list[histories.Event], people: list[histories.Person]) -> None:
        found.append((history, people))

    draw()
    return (
        [renamed(one, at) for at, (history, _) in enumerate(found) for one in history],
        [renamed(one, at) for at, (_, people) in enumerate(found) for one in people],
    )


def renamed(row: dict[str, Any], at: int) -> dict[str, Any]:
    """A drawn row with ids that no other draw has."""
    return row | {name: f"{at} {row[name]}" for name in ("customer_id", "event_id") if name in row}


def same(duck: Any, spark: Any) -> bool:
    if isinstance(duck, float) and isinstance(spark, float):
        return math.isclose(duck, spark, rel_tol=1e-9) and (
            duck == spark or not duck.is_integer() or not spark.is_integer()
        )
    return type(duck) is type(spark) and bool(duck == spark)


def differences(duck: pa.Table, spark: pa.Table) -> list[str]:
    assert duck.column_names == spark.column_names
    return [
        f"{ours['customer_id']}: {name} is {value!r} on DuckDB, {theirs[name]!r} on Spark"
        for ours, theirs in zip(duck.to_pylist(), spark.to_pylist(), strict=True)
        for name, value in ours.items()
        if not same(value, theirs[name])
    ]


def test_every_feature_on_spark_is_that_on_duckdb(spark: engine.Spark) -> None:
    history, people = drawn_history()
    history = [*history, *histories.told_since(source="archive")]
    cohort = [*sorted({one["customer_id"] for one in [*history, *people]}), "never seen"]
    ours = engines.features_of(history, people, cohort)
    theirs = engines.features_of(history, people, cohort, on=spark)
    assert differences(ours, theirs) == []
    told = [name for name in ours.column_names if ours[name].null_count < len(ours)]
    assert len(told) == len(ours.column_names), "a feature that is null for all compares nothing"


@pytest.mark.parametrize("rule", ["silence", "cancel"])
def test_snapshots_and_labels_on_spark_are_those_on_duckdb(spark: engine.Spark, rule: str) -> None:
    history, _ = drawn_history()
    churn = {"rule": rule, "active_days": 90, "horizon_days": 30, "gap_days": 5}
    worth = {"annual_discount": 0.1, "margin": 0.3, "cost_kinds": ["contact"]}
    rules = LabelParams.model_validate({"churn": churn, "value": worth})
    events = [*history, *histories.events(SUBSCRIPTIONS)]

    def answers(on: engine.Engine) -> tuple[pa.Table, pa.Table]:
        frame = engines.frame(events, on)
        day = histories.SNAPSHOT
        cohort = on.materialize(
            eligibility.cohort(point_in_time.as_known_at(frame, day), day, rules.churn)
        )
        known = point_in_time.as_known_at(frame, day + 200)
        fates = labels.label_cohort(cohort, known, day, rules)
        keys = ["customer_id"]
        watched, labelled = on.collect(cohort, keys), on.collect(fates, keys)
        on.release()
        return watched, labelled.cast(labels.SCHEMA)

    (watched, labelled), (watched_there, labelled_there) = answers(engines.duck()), answers(spark)
    assert len(watched) > 3
    assert differences(watched, watched_there) == []
    assert differences(labelled, labelled_there) == []
