"""What lies where: an artefact belongs to the stage that writes it, a table says what it is."""

import datetime as dt
import os
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

import features
from features.engine.table import feature_schema as features_schema
from models.components import lifetime, scorer
from models.components.uplift import RISK
from retention.core import artefacts, feature_table
from retention.core.artefacts import Artefact, Column, CsvTable, Table, TableArtefact
from retention.core.errors import BadInput, BadOutput
from retention.core.params import FeatureParams
from retention.reporting.outcomes import table as outcomes_table
from retention.reporting.scorecard import table as scorecard_table
from retention.worklist import model

STAGES = yaml.safe_load(Path("dvc.yaml").read_text(encoding="utf-8"))["stages"]
ALL = artefacts.registry()
TABLES = [artefact for artefact in ALL if isinstance(artefact, TableArtefact)]


def outs(stage: str) -> list[str]:
    """The paths a stage writes, a source's as SOURCE."""
    definition = STAGES[stage].get("do", STAGES[stage])
    entries = [*definition.get("outs", []), *definition.get("metrics", [])]
    entries += definition.get("plots", [])
    paths = [next(iter(entry)) if isinstance(entry, dict) else entry for entry in entries]
    return [path.replace("${key}", "SOURCE") for path in paths]


# The registry


def test_an_artefact_belongs_to_the_stage_that_writes_it() -> None:
    for artefact in ALL:
        assert artefact.doc, artefact
        assert artefact.stage in STAGES, artefact
        assert any(artefact.path.is_relative_to(out) for out in outs(artefact.stage)), artefact


def test_every_output_of_a_stage_is_in_the_registry() -> None:
    paths = {artefact.path for artefact in ALL}
    for stage in STAGES:
        for out in map(Path, outs(stage)):
            if out.is_relative_to(artefacts.DATA) and not out.is_relative_to("data/example"):
                assert any(path.is_relative_to(out) for path in paths), out


def test_no_two_artefacts_share_a_path() -> None:
    assert len({artefact.path for artefact in ALL}) == len(ALL)


def test_an_artefact_is_a_path() -> None:
    assert os.fspath(artefacts.EVENTS) == str(artefacts.EVENTS) == "data/events/events.parquet"
    assert artefacts.EVENTS.under(Path("there")).path == Path("there/data/events/events.parquet")
    assert artefacts.EVENTS.within(Path("there")).path == Path("there/events.parquet")


def test_a_table_states_its_grain_its_key_and_every_column() -> None:
    for artefact in ALL:
        suffix = artefact.path.suffix
        assert isinstance(artefact, Table) == (suffix == ".parquet"), artefact
        assert isinstance(artefact, CsvTable) == (suffix == ".csv"), artefact
    for table in TABLES:
        assert table.grain, table
        assert set(table.nullable) <= set(table.key) <= set(table.names), table
        assert bool(table.key) == (table.path.parts[1:] != ("ingest", "SOURCE", "events.parquet"))
        assert len(set(table.names)) == len(table.names), table
        for column in table.columns:
            assert column.doc, (table, column)


# What others derive from it


def test_features_come_after_the_declared_columns() -> None:
    schema = features_schema(features.discover(FeatureParams().windows))
    assert artefacts.FEATURES.schema_fault(schema) == ""
    assert schema.names[: len(feature_table.KEYS)] == artefacts.FEATURES.names
    assert tuple(feature_table.KEYS) == artefacts.FEATURES.key


def test_scores_have_the_columns_of_a_scorer() -> None:
    expected = ["customer_id", "as_of", *scorer.COLUMNS, *lifetime.COLUMNS]
    assert artefacts.SCORES.names == expected
    own = [*artefacts.TEST_SCORES.key, *scorer.COLUMNS]
    assert artefacts.TEST_SCORES.names == [*own, "weight", "contactable"]
    assert RISK in artefacts.EXPERIMENT.names


def test_csv_tables_have_the_columns_that_are_written() -> None:
    assert list(model.HEADINGS) == artefacts.AT_RISK.names
    assert list(scorecard_table.COLUMNS) == artefacts.SCORECARD_TABLE.names
    assert list(outcomes_table.COLUMNS) == artefacts.OUTCOMES_TABLE.names


# Reading and writing


SCHEMA = pa.schema([("customer_id", pa.string()), ("day", pa.date32()), ("n", pa.int64())])
GOOD: dict[str, list[Any]] = {
    "customer_id": ["c0001", "c0002", "c0001"],
    "day": [dt.date(2026, 1, 1), dt.date(2026, 1, 1), dt.date(2026, 1, 2)],
    "n": [1, None, 3],
}


@pytest.fixture
def table(tmp_path: Path) -> Table:
    columns = tuple(Column(field.name, field.type, "meaning") for field in SCHEMA)
    path = tmp_path / "data/stage/table.parquet"
    return Table(path, "for a test", "a customer and day", ("customer_id", "day"), columns)


def good() -> pa.Table:
    return pa.table(GOOD, schema=SCHEMA)


BAD = {
    "column n is int32, not int64": good().set_column(2, "n", pa.array([1, 2, 3], pa.int32())),
    "column day is missing": good().drop_columns(["day"]),
    "column more is not declared": good().append_column("more", pa.array([1, 2, 3])),
    "column day stands where customer_id belongs": good().select(["day", "customer_id", "n"]),
    "column customer_id of the key is null in 1 rows": pa.table(
        GOOD | {"customer_id": ["c0001", None, "c0001"]}, schema=SCHEMA
    ),
    "1 keys stand in more than one row, the first: customer_id 'c0'… (5 characters), day 2026": (
        pa.table(GOOD | {"day": [dt.date(2026, 1, 1)] * 3}, schema=SCHEMA)
    ),
}


def test_what_is_written_is_read(table: Table) -> None:
    table.write(good())
    assert table.read().equals(good())
    assert table.rows() == 3
    assert table.read(columns=["n"]).equals(good().select(["n"]))
    assert table.read(filters=pa.compute.field("n") == 3).equals(good().slice(2))


@pytest.mark.parametrize("fault", BAD)
def test_a_table_that_is_not_as_declared_is_neither_written_nor_read(
    table: Table, fault: str
) -> None:
    with pytest.raises(BadOutput, match=rf"table.parquet: {re.escape(fault)}") as refused:
        table.write(BAD[fault])
    assert refused.value.code == 1
    assert not table.path.exists()
    table.path.parent.mkdir(parents=True)
    pq.write_table(BAD[fault], table.path)
    with pytest.raises(BadInput, match=rf"table.parquet: {re.escape(fault)}.*; run make repro"):
        table.read()


def test_a_table_with_open_columns_takes_more_of_them_in_any_order(table: Table) -> None:
    wider = replace(table, open_ended="elsewhere")
    more = (
        good()
        .append_column("more", pa.array([1, 2, 3]))
        .select(["more", "n", "day", "customer_id"])
    )
    wider.write(more)
    assert wider.read().equals(more)
    with pytest.raises(BadOutput, match="column day is missing"):
        wider.write(more.drop_columns(["day"]))


def test_a_key_may_be_null_where_the_table_says_so(tmp_path: Path) -> None:
    columns = (Column("id", pa.string(), "who"), Column("day", pa.int32(), "null if unknown"))
    path = tmp_path / "table.parquet"
    table = Table(path, "for a test", "an id", ("id", "day"), columns, nullable=("day",))
    table.write(pa.table({"id": ["a", "b"], "day": [None, None]}, schema=table.schema))
    with pytest.raises(BadOutput, match="1 keys stand"):
        table.write(pa.table({"id": ["a", "a"], "day": [None, None]}, schema=table.schema))


def test_a_table_that_is_not_there_or_damaged_says_what_to_do(table: Table) -> None:
    with pytest.raises(BadInput, match=r"table\.parquet: not there yet; run make repro"):
        table.read()
    table.path.parent.mkdir(parents=True)
    table.path.write_text("no table")
    with pytest.raises(BadInput, match=r"table\.parquet: no Parquet file, or a damaged one"):
        table.read()


def write_parts(table: Table, *parts: pa.Table) -> None:
    with table.writer() as writer:
        for part in parts:
            writer.write(part)


def test_a_table_is_written_part_by_part(table: Table) -> None:
    write_parts(table, good().slice(0, 2), good().slice(2))
    assert table.read().equals(good())


def test_a_bad_part_leaves_the_file_as_it_was(table: Table) -> None:
    table.write(good())
    for fault, bad in BAD.items():
        with pytest.raises(BadOutput, match=re.escape(fault)):
            write_parts(table, good(), bad)
    assert table.read().equals(good())


def test_an_artefact_has_one_name() -> None:
    named = [name for name, value in vars(artefacts).items() if isinstance(value, Artefact)]
    assert sorted(named) == sorted(set(named) & set(artefacts.__all__))
