"""The same on Spark as on DuckDB: features by their tables, and all of generated histories."""

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

from features.engine import own_kinds
from features.engine.histories import histories_at
from features.engine.own_rows import OwnKind
from retention.cohort import eligibility, labels
from retention.core import engine, point_in_time
from retention.core.params import LabelParams
from tests.features.engine import test_own_kinds
from tests.support import engines, feature_tables, histories
from tests.support.feature_tables import SharedHistory

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
    c5       | start  |          | -90 |
    c5       | cancel |          |  10 |
    c5       | start  |          | 100 |
    c6       | cancel | A        | -50 |
    c6       | start  | A        | -40 |
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
            "spark.sql.codegen.factoryMode": "NO_CODEGEN",
            "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
            "spark.sql.adaptive.enabled": "false",
            "spark.ui.enabled": "false",
            "spark.driver.bindAddress": "127.0.0.1",
            "spark.driver.host": "127.0.0.1",
        }.items():
            builder = builder.config(key, value)
        opened = engine.Spark(builder.getOrCreate())
    yield opened
    opened.close()


def generated_history() -> tuple[list[histories.Event], list[histories.Person]]:
    """Some generated histories as one, with customers of their own; the same on every run."""
    generated: list[tuple[list[histories.Event], list[histories.Person]]] = []

    @seed(1)
    @settings(max_examples=8, database=None, deadline=None, suppress_health_check=list(HealthCheck))
    @given(histories.histories(20), histories.people_of(20))
    def generate(history: list[histories.Event], people: list[histories.Person]) -> None:
        generated.append((history, people))

    generate()
    return (
        [
            histories.renamed(event, f"generated {i}")
            for i, (history, _) in enumerate(generated)
            for event in history
        ],
        [
            histories.renamed(person, f"generated {i}")
            for i, (_, people) in enumerate(generated)
            for person in people
        ],
    )


def same(duck: Any, spark: Any) -> bool:
    if isinstance(duck, float) and isinstance(spark, float):
        return math.isclose(duck, spark, rel_tol=1e-9) and (
            duck == spark or not duck.is_integer() or not spark.is_integer()
        )
    return type(duck) is type(spark) and bool(duck == spark)


def differences(duck: pa.Table, spark: pa.Table) -> list[str]:
    assert duck.column_names == spark.column_names
    return [
        f"{on_duck.get('customer_id')}: {name} is {value!r} on DuckDB, {on_spark[name]!r} on Spark"
        for on_duck, on_spark in zip(duck.to_pylist(), spark.to_pylist(), strict=True)
        for name, value in on_duck.items()
        if not same(value, on_spark[name])
    ]


SHARED = SharedHistory.from_tables(feature_tables.load_tables())


@pytest.fixture(scope="module")
def on_duck_and_spark(spark: engine.Spark) -> tuple[pa.Table, pa.Table]:
    """Every feature of generated histories and of the tables, in one query an engine."""
    history, people = generated_history()
    events = [*history, *histories.source_start(source="archive"), *SHARED.events]
    persons = [*people, *SHARED.persons]
    cohort = [*sorted({row["customer_id"] for row in [*events, *persons]}), "never seen"]
    assert set(SHARED.cohort) - set(cohort)  # some customers of the tables have no event
    cohort += sorted(set(SHARED.cohort) - set(cohort))
    return (
        engines.features_of(events, persons, cohort),
        engines.features_of(events, persons, cohort, on=spark),
    )


def test_every_feature_on_spark_is_that_on_duckdb(
    on_duck_and_spark: tuple[pa.Table, pa.Table],
) -> None:
    on_duck, on_spark = on_duck_and_spark
    assert differences(on_duck, on_spark) == []
    compared = [name for name in on_duck.column_names if on_duck[name].null_count < len(on_duck)]
    assert len(compared) == len(on_duck.column_names), "what is null for all compares nothing"


def test_spark_computes_the_features_of_the_tables(
    on_duck_and_spark: tuple[pa.Table, pa.Table],
) -> None:
    computed = SHARED.split(on_duck_and_spark[1])
    assert len(computed) > 40
    assert {
        str(table): different
        for table, rows in computed.items()
        if (different := feature_tables.differences(rows, table.rows))
    } == {}


def test_features_of_own_kinds_on_spark_are_those_on_duckdb(spark: engine.Spark) -> None:
    kind = OwnKind("parking_fine", frozenset({"topic"}), windows=(90,))
    of_kind = [each for each in own_kinds.features_of([kind]) if "topic" in each.name]
    history, cohort = test_own_kinds.HISTORY, test_own_kinds.ROWS
    on_duck, on_spark = (
        engines.features_of(history, [], cohort, features=of_kind, on=on) for on in (None, spark)
    )
    assert differences(on_duck, on_spark) == []


@pytest.mark.parametrize("rule", ["silence", "cancel"])
def test_snapshots_and_labels_on_spark_are_those_on_duckdb(spark: engine.Spark, rule: str) -> None:
    history, _ = generated_history()
    churn = {"rule": rule, "active_days": 90, "horizon_days": 30, "gap_days": 5}
    value = {"annual_discount": 0.1, "margin": 0.3, "cost_kinds": ["contact"]}
    label_params = LabelParams.model_validate({"churn": churn, "value": value})
    events = [*history, *histories.events(SUBSCRIPTIONS)]

    def cohort_and_labels(on: engine.Engine) -> tuple[pa.Table, pa.Table, pa.Table]:
        frame = engines.frame(events, on)
        day = histories.SNAPSHOT
        past = point_in_time.as_known_at(frame, day)
        cohort = on.materialize(eligibility.cohort(past, day, label_params.churn))
        later = point_in_time.as_known_at(frame, day + 200)
        labelled = labels.label_cohort(cohort, later, day, label_params)
        keys = ["customer_id"]
        tables = on.collect(cohort, keys), on.collect(labelled, keys).cast(labels.SCHEMA)
        on.release()
        return *tables, histories_at(on, frame, day, label_params.churn)

    on_duck, on_spark = cohort_and_labels(engines.duck()), cohort_and_labels(spark)
    assert min(map(len, on_duck)) > 3
    for duck_table, spark_table in zip(on_duck, on_spark, strict=True):
        assert differences(duck_table, spark_table) == []
