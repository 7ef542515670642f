"""Cases 10, 28, 29 and 53: data that are fewer, older or other than the champion expects."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import models
from retention.core import artefacts
from retention.core.storage import atomic
from retention.ledgers import runs
from retention.monitoring import drift
from retention.training import profile
from tests.faults.refusal import assert_refused, assert_unchanged
from tests.support.company import AS_OF, Checkout

WHY = "half the shops are closed for works, says A. Guard"


@pytest.fixture(scope="module")
def published_shop(shop: Checkout, tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """A company with a published list, of whose run the ledger knows."""
    checkout = shop.copy(tmp_path_factory.mktemp("listed") / "shop")
    checkout.stages("guard", "publish")
    assert list((checkout / runs.FOLDER).glob("*.json"))
    return checkout


@pytest.fixture
def copied(published_shop: Checkout, tmp_path: Path) -> Iterator[Checkout]:
    """The same, to be spoiled; whatever the guard says, what staff read stays as it is."""
    checkout = published_shop.copy(tmp_path / "shop")
    with assert_unchanged(checkout / "lists"):
        yield checkout


def guard_summary(shop: Checkout) -> dict[str, Any]:
    summary: dict[str, Any] = atomic.read_json(shop / artefacts.GUARD_SUMMARY.path)
    return summary


def set_override(shop: Checkout, on: str = AS_OF, **reasons: str) -> None:
    shop.set_params(shop.params() | {"guard": {"override": reasons, "override_on": on}})


def keep_random_rows(path: Path, share_kept: float, seed: int = 10) -> None:
    """A share of a CSV's rows, drawn at random."""
    head, *rows = path.read_text(encoding="utf-8").splitlines(keepends=True)
    is_kept = np.random.default_rng(seed).random(len(rows)) < share_kept
    path.write_text(head + "".join(np.array(rows)[is_kept]), encoding="utf-8")


def keep_rows_before(path: Path, column: int, day: str) -> None:
    """The rows of a CSV whose day is before another."""
    head, *rows = path.read_text(encoding="utf-8").splitlines(keepends=True)
    kept_rows = [row for row in rows if row.rstrip("\n").split(",")[column][:10] < day]
    path.write_text(head + "".join(kept_rows), encoding="utf-8")


def change_column_of_today(
    shop: Checkout, artefact: artefacts.Artefact, name: str, values: Any
) -> None:
    """A column of a table of the day that is scored, changed by its old values."""
    path = shop / artefact.path
    table = pq.read_table(path)
    frame = table.to_pandas()
    days = "snapshot_on" if "snapshot_on" in frame else "as_of"
    rows = frame[days].astype("str") == AS_OF
    frame.loc[rows, name] = values(frame.loc[rows, name])
    place = table.schema.get_field_index(name)
    changed = table.set_column(place, table.schema.field(name), pa.array(frame[name]))
    atomic.write_table(path, changed)


def test_10_row_count_drop(copied: Checkout) -> None:
    keep_random_rows(copied / "data/raw/sales.csv", 0.4)
    copied.stages("ingest sales", "events", "snapshots", "features", "interactions", "score")
    assert_refused(
        copied.run("pipeline.guard"),
        4,
        "guard row_count, sales",
        "\u221260",
        "50% fewer",
        "Nothing is published",
        "guard.override:",
        f'guard.override_on: "{AS_OF}"',
        after_progress=True,
    )
    page = (copied / artefacts.GUARD_PAGE.path).read_text(encoding="utf-8")
    assert "Nothing is published: refused by row_count" in page


def test_10_row_count_drop_of_a_few_is_no_reason(copied: Checkout) -> None:
    keep_random_rows(copied / "data/raw/mailings.csv", 0.7)
    copied.stages("ingest mailings", "guard")
    assert guard_summary(copied)["run"]["drop"] == pytest.approx(0.3, abs=0.05)


def test_10_row_count_drop_overridden_is_logged(published_shop: Checkout, tmp_path: Path) -> None:
    copy = published_shop.copy(tmp_path / "shop")
    keep_random_rows(copy / "data/raw/mailings.csv", 0.4)
    copy.stages("ingest mailings", "events")
    set_override(copy, row_count=WHY)
    copy.stages("params")
    assert f"set aside: row_count, mailings: {rows_read(copy)}" in (log := copy.stages("guard"))
    assert WHY in log
    assert WHY in (copy / artefacts.GUARD_PAGE.path).read_text(encoding="utf-8")
    assert guard_summary(copy)["banners"] == [f"A check was set aside for this list: {WHY}"]
    # What is published next is entered with the reason
    (copy / runs.FOLDER / f"{current_list_name(copy)}.json").unlink()
    copy.stages("publish")
    (run,) = runs.read(copy / runs.FOLDER, copy.params()["company"])
    assert run.override == {"row_count": WHY}
    assert run.levels["row_count"] == "set_aside"


def rows_read(shop: Checkout) -> str:
    return f"{atomic.read_json(shop / artefacts.ingest_summary('mailings').path)['read']:,}"


def current_list_name(shop: Checkout) -> str:
    return str(atomic.read_json(shop / "lists/current.json")["folder"])


def test_10_row_count_drop_overridden_for_another_day_is_refused(copied: Checkout) -> None:
    keep_random_rows(copied / "data/raw/mailings.csv", 0.4)
    copied.stages("ingest mailings", "events")
    set_override(copied, on="2026-02-02", row_count=WHY)
    done = copied.run("pipeline.guard")
    assert_refused(done, 4, "guard row_count, mailings", after_progress=True)
    assert "is for 2026-02-02, not for 2026-03-02: it does not count" in done.stderr


def test_28_dead_feature(copied: Checkout) -> None:
    change_column_of_today(copied, artefacts.FEATURES, "orders_90d", lambda old: 3.0)
    log = copied.stages("guard")
    assert "warned: dead_features" in log
    assert "orders_90d" in log.partition("dead_features")[2]
    assert "orders_90d" in (copied / artefacts.GUARD_PAGE.path).read_text(encoding="utf-8")


def test_28_dead_feature_of_nulls(copied: Checkout) -> None:
    change_column_of_today(copied, artefacts.FEATURES, "orders_90d", lambda old: None)
    assert "orders_90d" in copied.stages("guard").partition("dead_features")[2]


def test_29_new_category() -> None:
    draw = np.random.default_rng(29)
    channel, spend = draw.choice(["web", "shop"], 400), draw.gamma(2.0, 20.0, 400)
    then = pd.DataFrame({"usual_channel": channel, "spend_90d": spend})
    churned = (draw.random(400) < np.where(channel == "web", 0.6, 0.2)).astype(float)
    model = models.discover()["churn_lightgbm"](rounds=20).fit(then, churned)
    now = then.assign(usual_channel=np.where(np.arange(400) < 7, "kiosk", channel))
    scores = model.predict(now)
    assert np.isfinite(scores).all()
    assert ((scores >= 0) & (scores <= 1)).all()
    drifts = profile.feature_drifts(profile.build_profile(then, pd.Series(scores)), now)
    counted = drift.new_categories(drifts)
    assert (counted.figure, counted.well) == ("7 values", True)
    assert "usual_channel 7" in counted.meaning


def test_53_stale_or_drift(copied: Checkout) -> None:
    """Five days without sales are said on the list; twenty refuse one."""
    keep_rows_before(copied / "data/raw/sales.csv", 6, "2026-02-25")
    copied.stages("ingest sales", "events", "guard")
    (banner,) = guard_summary(copied)["banners"]
    assert banner.startswith("The data ends 5 days before this list")
    keep_rows_before(copied / "data/raw/sales.csv", 6, "2026-02-10")
    copied.stages("ingest sales", "events")
    assert_refused(
        copied.run("pipeline.guard"),
        4,
        "guard freshness, sales",
        "20 days",
        "deliver a newer",
        after_progress=True,
    )


def set_trained_to(shop: Checkout, day: str) -> None:
    path = shop / "champion/champion.json"
    atomic.write_json(path, atomic.read_json(path) | {"trained_to": day})


def test_53_stale_or_drift_of_a_model_too_old(copied: Checkout) -> None:
    set_trained_to(copied, "2025-10-01")
    copied.stages("guard")
    (banner,) = guard_summary(copied)["banners"]
    assert banner.startswith("The model has not learnt from the outcomes of the last 124 days")
    set_trained_to(copied, "2024-12-01")
    assert_refused(
        copied.run("pipeline.guard"),
        4,
        "guard model_age",
        "428 days",
        "retention promote",
        after_progress=True,
    )


def raise_some(chances: "pd.Series[float]", n_raised: int) -> "pd.Series[float]":
    """The least likely to leave become as likely as the most likely."""
    lowest = chances.rank(method="first") <= n_raised
    return chances.mask(lowest, chances.max())


@pytest.mark.parametrize(("n_raised", "code"), [(15, 0), (60, 4)], ids=["a banner", "refused"])
def test_53_stale_or_drift_of_the_chances(copied: Checkout, n_raised: int, code: int) -> None:
    change_column_of_today(
        copied, artefacts.SCORES, "churn_probability", lambda old: raise_some(old, n_raised)
    )
    done = copied.run("pipeline.guard")
    if code:
        assert_refused(
            done, code, "guard drift, chances of leaving: PSI", "above 0.5", after_progress=True
        )
    assert done.returncode == code, done.stderr
    assert guard_summary(copied)["banners"] == [
        "Customers differ from those the model learnt from: take its chances with care."
    ]


def test_53_stale_or_drift_of_most_features(copied: Checkout) -> None:
    path = copied / artefacts.FEATURES.path
    table = pq.read_table(path)
    frame = table.to_pandas()
    rows = frame["snapshot_on"].astype("str") == AS_OF
    numbers = frame.select_dtypes("number").columns
    frame.loc[rows, numbers] = frame.loc[rows, numbers] * 1000 + 1
    atomic.write_table(path, pa.Table.from_pandas(frame, schema=table.schema, preserve_index=False))
    assert_refused(
        copied.run("pipeline.guard"),
        4,
        "guard drift, features",
        "Most moved: ",
        after_progress=True,
    )


def test_53_stale_or_drift_cannot_be_told_of_an_old_champion(copied: Checkout) -> None:
    """A champion without a profile scores on; the page says what is missing."""
    path = copied / "champion/champion.json"
    champion = atomic.read_json(path)
    champion["sha256"].pop(profile.NAME)
    atomic.write_json(path, champion)
    copied.stages("guard")
    assert drift.NO_PROFILE in (copied / artefacts.GUARD_PAGE.path).read_text(encoding="utf-8")
