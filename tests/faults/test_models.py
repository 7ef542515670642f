"""What may be wrong with a model, and what was learnt from: the list does not follow it."""

import html
import json
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from retention.core import artefacts
from retention.core.storage import atomic
from retention.training import ladder
from tests.faults.refusal import assert_refused, assert_unchanged
from tests.support.company import Checkout

Table = Callable[[pa.Table], pa.Table]
FIRST_TO_LAST = ("train", "uplift", "evaluate", "promote")


@pytest.fixture
def copied(shop: Checkout, tmp_path: Path) -> Checkout:
    """The small company after a first run, to be spoiled."""
    return shop.copy(tmp_path / "shop")


def change_table(shop: Checkout, artefact: artefacts.Artefact, change: Table) -> None:
    path = shop / artefact.path
    atomic.write_table(path, change(pq.read_table(path)))


def champion_manifest(shop: Checkout) -> dict[str, Any]:
    manifest: dict[str, Any] = atomic.read_json(shop / "champion/champion.json")
    return manifest


def assert_stage_refused(shop: Checkout, name: str, code: int, *words: str) -> str:
    """A stage that must refuse while what staff read stays as it is."""
    with assert_unchanged(shop / "lists"):
        return assert_refused(shop.run(f"pipeline.{name}"), code, *words, after_progress=True)


# 49


def reverse_columns(table: pa.Table) -> pa.Table:
    return table.select(table.column_names[::-1])


def test_49_model_schema_skew(copied: Checkout) -> None:
    """Features in another order give the same scores, byte for byte."""
    before = (copied / artefacts.SCORES.path).read_bytes()
    change_table(copied, artefacts.FEATURES, reverse_columns)
    copied.stages("score")
    assert (copied / artefacts.SCORES.path).read_bytes() == before


@pytest.mark.parametrize("manifest_too", [False, True], ids=["features alone", "manifest too"])
def test_49_model_schema_skew_of_a_renamed_feature(copied: Checkout, manifest_too: bool) -> None:
    """A feature under another name is refused; so it is where the manifest knows the new name."""
    model = atomic.read_json(
        copied / "champion" / champion_manifest(copied)["models"] / "churn.json"
    )
    used = model["parts"][0]["columns"][0]
    change_table(
        copied,
        artefacts.FEATURES,
        lambda table: table.rename_columns({used: "a_new_name"}),
    )
    if manifest_too:
        manifest = champion_manifest(copied)
        names = [*manifest["definition"]["features"], "a_new_name"]
        manifest["definition"]["features"] = sorted(set(names) - {used})
        atomic.write_json(copied / "champion/champion.json", manifest)
    assert_stage_refused(
        copied, "score", 4, used if manifest_too else "another definition (features)"
    )


def test_49_model_schema_skew_of_two_features_swapped(copied: Checkout) -> None:
    """Two columns exchanged with their names are the same features; nothing goes by place."""
    before = pq.read_table(copied / artefacts.SCORES.path)

    def swap_last_columns(table: pa.Table) -> pa.Table:
        names = table.column_names
        names[-1], names[-2] = names[-2], names[-1]
        return table.select(names)

    change_table(copied, artefacts.FEATURES, swap_last_columns)
    copied.stages("score")
    assert pq.read_table(copied / artefacts.SCORES.path).equals(before)


# 50


class Trap:
    """Unpickled, it leaves a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.path,)


def another_model(path: Path) -> bytes:
    """A model that can be read, and says something else."""
    document = atomic.read_json(path)
    return json.dumps(document | {"swapped": True}).encode()


@pytest.mark.parametrize("part", ["churn", "value"])
def test_50_model_swap(copied: Checkout, part: str) -> None:
    path = copied / "champion" / champion_manifest(copied)["models"] / f"{part}.json"
    path.write_bytes(another_model(path))
    assert_stage_refused(
        copied, "score", 4, f"{part}.json", "changed since it was promoted", "restore it"
    )


def test_50_model_swap_runs_nothing(copied: Checkout, tmp_path: Path) -> None:
    """A pickle in the place of a model is not opened, nor is one beside it."""
    trap, folder = tmp_path / "sprung", copied / "champion" / champion_manifest(copied)["models"]
    payload = pickle.dumps(Trap(trap))
    (folder / "churn.pkl").write_bytes(payload)
    copied.stages("score")
    (folder / "churn.json").write_bytes(payload)
    assert_stage_refused(copied, "score", 4, "churn.json", "changed since it was promoted")
    assert not trap.exists()
    pickle.loads(payload)
    assert trap.exists()


def test_50_model_swap_of_the_one_before_cannot_come_back(copied: Checkout) -> None:
    """A rollback to files that are not those promoted is refused as well."""
    now = champion_manifest(copied)
    path = copied / "champion" / now["models"] / "churn.json"
    atomic.write_json(copied / "champion/previous.json", now)
    path.write_bytes(another_model(path))
    with assert_unchanged(copied / "lists"):
        assert_refused(
            copied.retention("rollback"), 4, "churn.json", "changed since it was promoted"
        )
    assert champion_manifest(copied) == now


# 51


def with_churned(table: pa.Table, churned: pa.Array) -> pa.Table:
    place = table.schema.get_field_index("churned")
    return table.set_column(place, "churned", churned)


@pytest.mark.parametrize("churners", [0, 3])
def test_51_one_class(copied: Checkout, churners: int) -> None:
    """Three who left teach nothing: everybody's own rhythm ranks the list, and it says so."""

    def with_few_churners(table: pa.Table) -> pa.Table:
        few = pc.unique(table["customer_id"]).slice(0, churners)
        oldest = pc.equal(table["snapshot_on"], pc.min(table["snapshot_on"]))
        return with_churned(table, pc.and_(pc.is_in(table["customer_id"], few), oldest))

    change_table(copied, artefacts.LABELS, with_few_churners)
    shutil.rmtree(copied / "champion")
    sentence = ladder.BANNERS["history"]
    copied.stages(*FIRST_TO_LAST, "score", "at_risk")
    assert any(sentence in banner for banner in champion_manifest(copied)["banners"])
    page = (copied / "data/at_risk/at_risk.html").read_text(encoding="utf-8")
    assert sentence in html.unescape(page)


# 52


@pytest.fixture(scope="module")
def contest(shop: Checkout, tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """A champion of some months ago, and a challenger that has learnt who leaves as who stays."""
    checkout = shop.copy(tmp_path_factory.mktemp("contest") / "shop")
    path = checkout / artefacts.LABELS.path
    labels = pq.read_table(path)
    days = sorted(labels["snapshot_on"].unique().to_pylist())
    shutil.rmtree(checkout / "champion")
    atomic.write_table(path, labels.filter(pc.field("snapshot_on") <= days[-3]))
    checkout.stages("train", "promote", "score")
    atomic.write_table(path, with_churned(labels, pc.invert(labels["churned"])))
    checkout.stages("train")
    atomic.write_table(path, labels)
    checkout.stages("evaluate")
    return checkout


def test_52_challenger_worse(contest: Checkout) -> None:
    before = champion_manifest(contest)
    scores = (contest / artefacts.SCORES.path).read_bytes()
    contest.stages("promote", "score")
    decision = atomic.read_json(contest / artefacts.DECISION.path)
    assert (decision["decision"], decision["comparison"]["verdict"]) == ("challenge", "worse")
    assert decision["comparison"]["measures"]["brier"]["low"] > 0
    assert champion_manifest(contest) == before
    assert (contest / artefacts.SCORES.path).read_bytes() == scores


def test_52_challenger_worse_is_refused_by_hand(contest: Checkout, tmp_path: Path) -> None:
    copy = contest.copy(tmp_path / "shop")
    before = champion_manifest(copy)
    with assert_unchanged(copy / "lists"):
        assert_refused(
            copy.retention("promote"), 4, "the champion stays", "is worse on", "--anyway"
        )
    assert champion_manifest(copy) == before
    reason = "the old one is to be retired"
    done = copy.retention("promote", "--anyway", reason)
    assert done.returncode == 0, done.stderr
    now = champion_manifest(copy)
    assert now["sha256"] != before["sha256"]
    assert (now["promotion"]["anyway"], now["promotion"]["comparison"]["verdict"]) == (
        reason,
        "worse",
    )


def test_52_challenger_worse_does_not_score_by_itself(contest: Checkout, tmp_path: Path) -> None:
    copy = contest.copy(tmp_path / "shop")
    copy.set_params(copy.params() | {"promote": {"automatic": True}})
    before = champion_manifest(copy)
    copy.stages("promote")
    assert champion_manifest(copy) == before
