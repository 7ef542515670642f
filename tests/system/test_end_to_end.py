"""The whole way as a company goes it: real files, the real `dvc repro`, a list to open."""

import csv
import hashlib
import json
import os
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import models
from models.components.scorer import COLUMNS
from retention.core import artefacts, events
from retention.core.artefacts import TableArtefact
from retention.worklist import published
from tests.support import company, list_rules
from tests.support.company import Checkout

SOURCES = tuple(company.PARAMS["sources"])
STAGES = [
    "params",
    "example",
    "extract",
    "ingest@sales",
    "ingest@returns",
    "ingest@mailings",
    "customers",
    "events",
    "snapshots",
    "labels",
    "scorecard",
    "features",
    "train",
    "uplift",
    "evaluate",
    "promote",
    "interactions",
    "score",
    "forecast",
    "guard",
    "at_risk",
    "publish",
    "outcomes",
]
LOOK_AGAIN = ("extract", "labels", "uplift", "guard", "at_risk", "publish")
"""What runs once more after a list was published: tables may have changed, arms were entered."""
TABLES = [
    *(value for value in vars(artefacts).values() if isinstance(value, TableArtefact)),
    *(artefacts.rejected(source) for source in SOURCES),
]

SnapshotOf = Callable[[Path], dict[str, tuple[int, bytes]]]


def ran(output: str) -> list[str]:
    """The stages that DVC ran, or would run in a dry run."""
    return re.findall(r"^Running stage '(.+)'", output, re.MULTILINE)


def skipped(output: str) -> list[str]:
    return re.findall(r"^Stage '(.+)' didn't change, skipping", output, re.MULTILINE)


def rows(path: Path) -> list[dict[str, Any]]:
    """The rows of a Parquet or CSV file."""
    if path.suffix == ".csv":
        with path.open(encoding="utf-8-sig", newline="") as text:
            return list(csv.DictReader(text))
    matches: list[dict[str, Any]] = pq.read_table(path).to_pylist()
    return matches


def read_json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def digests(checkout: Checkout, paths: Iterable[str]) -> dict[str, str]:
    return {path: hashlib.sha256((checkout / path).read_bytes()).hexdigest() for path in paths}


def current(checkout: Checkout) -> Path:
    """The folder of the current list."""
    return checkout / "lists" / str(read_json(checkout / "lists/current.json")["folder"])


# What one run leaves


def test_the_first_repro_runs_every_stage_in_the_order_of_the_data(shop: Checkout) -> None:
    assert ran(shop.log) == STAGES


def test_the_code_of_the_checkout_runs_and_not_the_installed_one(shop: Checkout) -> None:
    for module in (
        "pipeline.params",
        "retention.core.errors",
        "features.engine.base",
        "models.components.base",
    ):
        output = shop.run("inspect", "--details", module).stdout
        assert f"Origin: {shop / module.replace('.', '/')}.py\n" in output


@pytest.mark.parametrize("table", TABLES, ids=str)
def test_a_table_is_unique_by_the_key_that_it_states(shop: Checkout, table: TableArtefact) -> None:
    keys = Counter(tuple(row[name] for name in table.key) for row in rows(shop / table.path))
    assert [key for key, count in keys.items() if count > 1] == []


@pytest.mark.parametrize(
    ("path", "columns"),
    [
        ("events/events.parquet", list(events.EVENT_COLUMNS)),
        *((f"ingest/{source}/events.parquet", list(events.EVENT_COLUMNS)) for source in SOURCES),
        *((f"ingest/{source}/rejects.parquet", events.REJECTS.names) for source in SOURCES),
        (
            "evaluate/predictions.parquet",
            [
                "customer_id",
                "snapshot_on",
                "churn_probability",
                "churned",
                "expected_value",
                "value",
                "value_low",
                "value_high",
                "weight",
                "contactable",
            ],
        ),
        (
            "score/scores.parquet",
            [
                "customer_id",
                "as_of",
                "churn_probability",
                "expected_value",
                "value_low",
                "value_high",
                "value_if_kept",
                "value_if_lost",
                "expected_loss",
                *(f"leave_within_{days}" for days in (30, 90, 180, 365)),
                "expected_days",
                *(f"lifetime_{name}" for name in ("value", "low", "high", "loss")),
            ],
        ),
    ],
)
def test_a_table_that_others_read_has_its_columns(
    shop: Checkout, path: str, columns: list[str]
) -> None:
    assert pq.read_schema(shop / "data" / path).names == columns


def test_features_are_keyed_by_customer_and_day_and_hold_nothing_else_but_numbers_and_categories(
    shop: Checkout,
) -> None:
    customer, day, *features = pq.read_schema(shop / "data/features/features.parquet")
    assert (customer.name, customer.type) == ("customer_id", pa.string())
    assert (day.name, day.type) == ("snapshot_on", pa.date32())
    assert {field.type for field in features} <= {pa.float64(), pa.string()}
    assert len(features) > 50


@pytest.mark.parametrize(
    "path",
    [
        "data/at_risk/at_risk.csv",
        "data/at_risk/at_risk.xlsx",
        "data/at_risk/at_risk.html",
        "data/evaluate/model_card.md",
        "data/evaluate/plots/lift.png",
        "champion/champion.json",
        "champion/README.md",
        "lists/current/manifest.json",
    ],
)
def test_a_file_that_others_read_is_there(shop: Checkout, path: str) -> None:
    assert (shop / path).stat().st_size > 0


@pytest.mark.parametrize("source", SOURCES)
def test_every_row_read_is_accepted_rejected_or_unmapped(shop: Checkout, source: str) -> None:
    with (shop / f"data/raw/{source}.csv").open(encoding="utf-8") as raw:
        lines = sum(1 for _ in raw) - 1
    summary = read_json(shop / f"data/ingest/{source}/summary.json")
    rejects = pq.read_table(shop / f"data/ingest/{source}/rejects.parquet")
    assert summary["read"] == lines
    assert summary["accepted"] + summary["rejected"] + summary["unmapped"] == lines
    assert summary["rejected"] == len(rejects) == sum(summary["rules"].values())


def test_a_bad_row_is_told_by_file_line_column_and_rule(shop: Checkout) -> None:
    rejects = [
        (reject["file"], reject["line"], reject["column"], reject["rule"])
        for reject in rows(shop / "data/ingest/sales/rejects.parquet")
    ]
    assert rejects == [
        ("data/raw/sales.csv", 102, "price", "not_decimal"),
        ("data/raw/sales.csv", 202, "sold_at", "not_timestamp"),
    ]


def test_everybody_watched_today_is_scored_once(shop: Checkout) -> None:
    watched = [
        row["customer_id"]
        for row in rows(shop / "data/snapshots/snapshots.parquet")
        if str(row["snapshot_on"]) == company.AS_OF
    ]
    scored = rows(shop / "data/score/scores.parquet")
    assert sorted(row["customer_id"] for row in scored) == sorted(watched)
    assert {str(row["as_of"]) for row in scored} == {company.AS_OF}


def test_scores_are_finite_and_keep_their_identities(shop: Checkout) -> None:
    scores = pq.read_table(shop / "data/score/scores.parquet", columns=list(COLUMNS))
    values = {name: scores[name].to_numpy() for name in COLUMNS}
    p, if_kept, lost = values["churn_probability"], values["value_if_kept"], values["value_if_lost"]
    assert all(np.isfinite(column).all() for column in values.values())
    assert ((p >= 0) & (p <= 1)).all()
    assert len(np.unique(p)) > 5  # a calibrator may tie many, but tells customers apart
    np.testing.assert_allclose(values["expected_value"], (1 - p) * if_kept + p * lost, atol=1e-9)
    np.testing.assert_allclose(values["expected_loss"], p * (if_kept - lost), atol=1e-9)
    assert (values["value_low"] <= values["value_high"]).all()


SUITED = {name for name, kind in models.discover().items() if "silence" in kind.label_rules}


def test_predictions_are_of_days_that_nothing_before_them_was_fitted_or_chosen_on(
    shop: Checkout,
) -> None:
    selection = read_json(shop / "data/train/selection.json")
    days = {str(row["snapshot_on"]) for row in rows(shop / "data/evaluate/predictions.parquet")}
    assert max(days) == selection["measured_on"]["test"] == selection["folds"][-1]["test"]
    learnt_to = {fold["test"]: fold["train_to"] for fold in selection["folds"]}
    assert all(learnt_to[day] < day for day in days)


def test_metrics_tell_of_the_recipe_and_of_every_baseline(shop: Checkout) -> None:
    metrics = read_json(shop / "data/evaluate/metrics.json")
    for task in ("churn", "value"):
        assert {"recipe", *(name for name in SUITED if name.startswith(task))} <= metrics[
            task
        ].keys()
    assert metrics["churn"]["recipe"]["roc_auc"]["value"] > 0.6
    assert metrics["list"]["recipe"]["lift"]["value"] is not None


def test_the_list_is_no_longer_than_capacity_and_ranked(shop: Checkout) -> None:
    rows_of_list = rows(shop / "data/at_risk/at_risk.csv")
    at_stake = [float(row["value_at_stake"]) for row in rows_of_list]
    assert 0 < len(rows_of_list) <= company.PARAMS["at_risk"]["capacity"]
    assert [int(row["rank"]) for row in rows_of_list] == list(range(1, len(rows_of_list) + 1))
    assert at_stake == sorted(at_stake, reverse=True)


def test_who_objects_or_is_held_out_is_not_on_the_list(shop: Checkout) -> None:
    on_list = {row["customer_id"] for row in rows(shop / "data/at_risk/at_risk.csv")}
    people = rows(shop / "data/raw/customers.csv")
    objecting = {row["id"] for row in people if row["objects"] == "true"}
    held_out = {row["customer_id"] for row in rows(shop / "data/at_risk/held_out.parquet")}
    assert objecting
    assert held_out
    assert on_list.isdisjoint(objecting | held_out)


def test_the_published_list_is_the_list_and_verifies(shop: Checkout) -> None:
    manifest = read_json(current(shop) / "manifest.json")
    assert published.verify(shop / "lists") == []
    assert current(shop).name.startswith(company.AS_OF)
    assert (shop / "lists/current").resolve() == current(shop).resolve()
    assert manifest["rows"] == len(rows(shop / "data/at_risk/at_risk.csv"))
    for name in manifest["files"]:
        assert (current(shop) / name).read_bytes() == (shop / "data/at_risk" / name).read_bytes()


def test_mlflow_is_told_of_every_model(shop: Checkout) -> None:
    assert shop.mlflow_tags("model") == SUITED


# Names stay where they belong


def stored(shop: Checkout) -> Iterator[Path]:
    """Every file that a run left, but the raw files and the list itself."""
    own = chain(*(shop.folder.joinpath(name).rglob("*") for name in (".dvc", "mlruns", "champion")))
    data = (shop / "data").rglob("*")
    lone = [shop / "mlflow.db", shop / "dvc.lock"]
    named = tuple(str(shop / path) + os.sep for path in ("data/raw", "data/at_risk"))
    for path in chain(own, data, lone):
        if path.is_file() and not str(path).startswith(named):
            yield path


def test_a_name_is_found_where_compression_hides_it(tmp_path: Path) -> None:
    hidden = pa.table({"said": ["to Zoë QUIBBLEWORTH-00001"] * 1000, "number": range(1000)})
    pq.write_table(hidden, tmp_path / "d41d8cd9", compression="zstd")
    assert company.canaries(tmp_path / "d41d8cd9") == {b"quibbleworth"}


def test_no_name_or_address_is_stored_anywhere_but_in_the_list(shop: Checkout) -> None:
    paths = list(stored(shop))
    assert len(paths) > 50
    with_canaries = {str(path): company.canaries(path) for path in paths}
    assert {path: held for path, held in with_canaries.items() if held} == {}


def test_no_name_or_address_is_said_while_the_stages_run(shop: Checkout) -> None:
    output = shop.log.lower().encode()
    assert [canary for canary in company.CANARIES if canary in output] == []


@pytest.mark.parametrize("name", ["at_risk.csv", "at_risk.html", "at_risk.xlsx"])
def test_the_list_says_whom_to_call_and_how(shop: Checkout, name: str) -> None:
    assert company.canaries(current(shop) / name) == set(company.CANARIES)


def test_every_row_gives_reasons_and_words_by_the_rules(shop: Checkout) -> None:
    list_rows = rows(current(shop) / "at_risk.csv")
    assert list_rules.broken_rules(list_rows) == []
    # who came within their usual gap, as often as others, has nothing to be told
    assert sum(bool(list_rules.reasons(row)) for row in list_rows) > 0.85 * len(list_rows)


# The same again


def test_a_second_repro_only_looks_at_what_no_stage_makes_and_changes_nothing(
    shop: Checkout, tmp_path: Path, snapshot_of: SnapshotOf
) -> None:
    again = shop.copy(tmp_path / "again")
    before = snapshot_of(current(again)), snapshot_of(again / "champion")
    pointer = (again / "lists/current.json").stat().st_mtime_ns
    output = again.repro()
    assert ran(output) == [stage for stage in STAGES if stage in LOOK_AGAIN]
    assert skipped(output) == [stage for stage in STAGES if stage not in LOOK_AGAIN]
    assert (snapshot_of(current(again)), snapshot_of(again / "champion")) == before
    assert (again / "lists/current.json").stat().st_mtime_ns == pointer


def test_a_changed_model_trains_again_and_leaves_the_features(
    shop: Checkout, tmp_path: Path
) -> None:
    changed = shop.copy(tmp_path / "changed")
    with (changed / "models/churn_recency.py").open("a", encoding="utf-8") as code:
        code.write("# A remark.\n")
    output = changed.repro("--dry")
    before = [stage for stage in STAGES[: STAGES.index("train")] if stage not in LOOK_AGAIN]
    assert set(before) <= set(skipped(output))
    assert next(stage for stage in ran(output) if stage not in LOOK_AGAIN) == "train"


AGAIN = (
    *(f"ingest {source}" for source in SOURCES),
    "customers",
    "events",
    "snapshots",
    "labels",
    "features",
    "train",
    "uplift",
    "promote",
    "score",
    "forecast",
    "guard",
    "at_risk",
)


@pytest.fixture(scope="module")
def rerun(shop: Checkout, tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """All again from shuffled raw rows, with other hash seeds and one thread instead of two."""
    again = shop.copy(tmp_path_factory.mktemp("rerun") / "shop")
    company.shuffle_raw(again / "data/raw")
    params = again.params()
    params["train"]["threads"] = 1
    again.set_params(params)
    (again / "champion/champion.json").unlink()
    for path in chain.from_iterable(
        (again / "data").glob(f"{path.split()[0]}/*") for path in AGAIN
    ):
        if path.is_file():
            path.unlink()
    again.stages(*AGAIN, PYTHONHASHSEED="4242")
    return again


@pytest.mark.parametrize(
    "path",
    [
        "customers/customers.parquet",
        "events/events.parquet",
        "snapshots/snapshots.parquet",
        "labels/labels.parquet",
        "features/features.parquet",
        "train/test_predictions.parquet",
        "train/scores.parquet",
        "score/scores.parquet",
        "score/reasons.parquet",
        "score/purchase_rhythm.parquet",
        "at_risk/at_risk.csv",
        "at_risk/at_risk.xlsx",
        "at_risk/at_risk.html",
        "at_risk/held_out.parquet",
    ],
)
def test_the_order_of_rows_hash_seeds_and_threads_change_no_byte(
    shop: Checkout, rerun: Checkout, path: str
) -> None:
    artefacts_made, again = shop / "data" / path, rerun / "data" / path
    assert artefacts_made.stat().st_mtime_ns < again.stat().st_mtime_ns
    assert digests(shop, [f"data/{path}"]) == digests(rerun, [f"data/{path}"])


# Something else


def test_another_capacity_only_lists_anew_and_leaves_the_old_list(
    shop: Checkout, tmp_path: Path, snapshot_of: SnapshotOf
) -> None:
    other = shop.copy(tmp_path / "other")
    old, before = current(other), snapshot_of(current(other))
    params = other.params()
    params["at_risk"]["capacity"] = 15
    other.set_params(params)
    other.stages("params")
    planned = ran(other.repro("--dry"))
    again = ("evaluate", "promote", "score", "guard", "at_risk", "publish")
    assert {"evaluate", "score", "at_risk", "publish"} <= set(planned)
    assert set(planned) <= {*LOOK_AGAIN, "params", *again, "forecast", "outcomes"}
    other.stages(*again)
    assert current(other) != old
    assert snapshot_of(old) == before
    assert len(rows(current(other) / "at_risk.csv")) <= 15
    assert published.verify(other / "lists") == []
    champions = [folder / "champion/champion.json" for folder in (shop, other)]
    assert champions[0].read_bytes() == champions[1].read_bytes()


OF_SECOND_COMPANY = [
    *STAGES[: STAGES.index("ingest@sales")],
    "ingest@till",
    *STAGES[STAGES.index("customers") :],
]


def second_company(first: dict[str, Any]) -> dict[str, Any]:
    """Other sources, no customers file, and a shorter training."""
    till = first["sources"]["sales"]
    shorter = {"snapshots": {"every_days": 28, "most": 4}}
    train = first["train"] | {"folds": 1}
    second = {"company": "Second Shop", "sources": {"till": till}, "train": train}
    environment = {key: value for key, value in first.items() if key != "customers"}
    return environment | second | shorter


def test_a_second_company_sets_the_champion_aside_and_leaves_the_old_list(
    shop: Checkout, tmp_path: Path, snapshot_of: SnapshotOf
) -> None:
    second = shop.copy(tmp_path / "second")
    old, before = current(second), snapshot_of(current(second))
    second.set_params(second_company(second.params()))
    refused = second.run("pipeline.score")
    assert refused.returncode == 4
    assert refused.stderr.strip().splitlines()[-1].startswith("refused: champion/ was made under")
    output = second.stages(*(stage.replace("@", " ") for stage in OF_SECOND_COMPANY))
    assert "it is set aside" in output
    champions = [
        read_json(second / "champion" / name) for name in ("champion.json", "previous.json")
    ]
    assert [path["definition"]["company"] for path in champions] == [
        "Second Shop",
        shop.params()["company"],
    ]
    assert set(pq.read_table(second / "data/events/events.parquet")["source"].to_pylist()) == {
        "till"
    }
    assert snapshot_of(old) == before
    assert read_json(current(second) / "manifest.json")["company"] == "Second Shop"
    assert published.verify(second / "lists") == []


# Refusals


def mistype_a_key(checkout: Checkout) -> None:
    params = checkout.params()
    params["at_risk"]["capasity"] = params["at_risk"].pop("capacity")
    checkout.set_params(params)


def leave_a_quote_open(checkout: Checkout) -> None:
    sales = checkout / "data/raw/sales.csv"
    header, first, *lines = sales.read_text(encoding="utf-8").splitlines(keepends=True)
    sales.write_text(header + '"' + first + "".join(lines), encoding="utf-8")


@pytest.mark.parametrize(
    ("spoil", "stage", "message"),
    [
        (mistype_a_key, "params", ["params.yaml", "at_risk.capasity", "nearest: capacity"]),
        (leave_a_quote_open, "ingest@sales", ["data/raw/sales.csv", "line 2"]),
    ],
)
def test_a_refusal_is_one_line_and_leaves_the_current_list(
    shop: Checkout,
    tmp_path: Path,
    spoil: Callable[[Checkout], None],
    stage: str,
    message: list[str],
) -> None:
    spoilt = shop.copy(tmp_path / "spoilt")
    before = (spoilt / "lists/current.json").read_bytes()
    spoil(spoilt)
    done = spoilt.run("dvc", "repro")
    refusals = [line for line in done.stderr.splitlines() if line.startswith("refused:")]
    assert done.returncode
    assert ran(done.stdout)[-1] == stage
    assert len(refusals) == 1
    assert [words for words in message if words not in refusals[0]] == []
    assert "Traceback" not in done.stderr
    assert (spoilt / "lists/current.json").read_bytes() == before
    assert published.verify(spoilt / "lists") == []
