"""What lies where: every artefact belongs to a stage that keeps it."""

import os
from pathlib import Path

import pytest
import yaml

from retention.core import artefacts
from retention.core.artefacts import Artefact

STAGES = yaml.safe_load(Path("dvc.yaml").read_text(encoding="utf-8"))["stages"]
ALL = [
    *(value for value in vars(artefacts).values() if isinstance(value, Artefact)),
    artefacts.ingested("SOURCE"),
    artefacts.rejected("SOURCE"),
    artefacts.ingest_summary("SOURCE"),
]


def outs(stage: str) -> list[str]:
    """The paths a stage writes, a source's as SOURCE."""
    told = STAGES[stage].get("do", STAGES[stage])
    listed = [*told.get("outs", []), *told.get("metrics", []), *told.get("plots", [])]
    paths = [next(iter(one)) if isinstance(one, dict) else one for one in listed]
    return [path.replace("${key}", "SOURCE") for path in paths]


@pytest.mark.parametrize("one", ALL, ids=str)
def test_an_artefact_is_kept_by_the_stage_it_names(one: Artefact) -> None:
    assert one.stage in STAGES
    assert any(one.path.is_relative_to(out) for out in outs(one.stage))


@pytest.mark.parametrize("one", ALL, ids=str)
def test_a_table_states_its_grain_and_its_key(one: Artefact) -> None:
    assert one.doc
    assert bool(one.grain) == bool(one.key) == (one.path.suffix in {".parquet", ".csv"})


def test_no_two_artefacts_share_a_path() -> None:
    assert len({one.path for one in ALL}) == len(ALL)


def test_an_artefact_is_a_path() -> None:
    assert os.fspath(artefacts.EVENTS) == str(artefacts.EVENTS) == "data/events/events.parquet"
