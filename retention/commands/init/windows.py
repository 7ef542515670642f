"""Choose the label rule and its windows by trying them on the company's own history."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from retention.core import engine, point_in_time
from retention.core.params import (
    AtRiskParams,
    ChurnLabel,
    LabelParams,
    SnapshotParams,
    TrainParams,
    ValueLabel,
)
from retention.i18n.language import ENGLISH
from retention.label_trials import recommendation, wording
from retention.label_trials.setting import Setting
from retention.label_trials.trials import past_days

_KINDS: Final = ("purchase", "payment", "visit", "delivery", "invoice", "contact")


@dataclass(frozen=True)
class LabelProposal:
    """The sections `labels` and `snapshots`, with evidence by key."""

    churn: dict[str, Any]
    value: dict[str, Any]
    snapshots: dict[str, Any]
    evidence: dict[str, str]


def propose_labels(events: Sequence[pa.Table], memory: str) -> LabelProposal:
    """The rule, the kinds and the windows that suit the events of all sources.

    The windows are those of `label_trials`, as `retention labels` recommends them.
    """
    whole = pa.concat_tables(events)
    counted = pc.value_counts(whole["kind"]).to_pylist()
    counts = {str(each["values"]): int(each["counts"]) for each in counted}
    label, why = _label(counts)
    kinds = ["start", "cancel"] if label.rule == "cancel" else label.kinds
    days = whole.filter(pc.is_in(whole["kind"], pa.array(kinds)))["occurred_day"]
    days = days.filter(pc.less(days, point_in_time.LAST_DAY))  # which means never
    first, last = (int(end) if end is not None else 0 for end in pc.min_max(days).as_py().values())
    setting = Setting(
        labels=LabelParams(churn=label, value=ValueLabel(kinds=_money_kinds(counts))),
        snapshots=SnapshotParams(),
        as_of=last + 1,
        first_day=first,
        min_churners=TrainParams().min_churners,
        folds=TrainParams().folds,
        capacity=AtRiskParams().capacity,
    )
    restated = pc.count_distinct(whole["event_id"]).as_py() < len(whole)
    opened = engine.DuckDB(memory)
    try:
        frame, horizons = opened.load(whole), setting.testable_horizons
        past = past_days(setting, horizons, frame, opened, restated)
        recommended = recommendation.recommend(past, frame, opened, restated)
    finally:
        opened.close()
    windows = recommended.windows
    churn: dict[str, Any] = {"rule": label.rule}
    if label.rule == "silence":
        churn["kinds"] = label.kinds
    churn |= {"active_days": windows.active_days, "horizon_days": windows.horizon_days}
    evidence = {
        "rule": why,
        "horizon_days": wording.reason(recommended, setting, ENGLISH)
        + " Compare others: retention labels",
        "active_days": "days of history before the first snapshot"
        if label.rule == "cancel"
        else "after a longer silence hardly anybody comes within the horizon, or nobody can tell",
        "value": f"the money of {_money_kinds(counts)[0]}" if _has_money(counts) else _NO_MONEY,
        "snapshots": f"history from {_date(first)} to {_date(last)}",
    }
    value = {"kinds": _money_kinds(counts), "horizon_days": windows.horizon_days}
    snapshots = {"every_days": 7 if windows.horizon_days <= 30 else 30, "most": 24}
    return LabelProposal(churn, value, snapshots, evidence)


_NO_MONEY: Final = "no money is mapped"


def _label(counts: dict[str, int]) -> tuple[ChurnLabel, str]:
    """The rule and the kinds, and why."""
    if counts.get("cancel"):
        return ChurnLabel(rule="cancel"), f"{counts['cancel']:,} contracts end in the data"
    kinds = [kind for kind in _KINDS if counts.get(kind)] or sorted(counts) or ["purchase"]
    rest = f"; or {', '.join(kinds[1:])}" if len(kinds) > 1 else ""
    why = f"no contract ends in the data, so a customer is lost who is silent{rest}"
    return ChurnLabel(rule="silence", kinds=kinds[:1]), why


def _has_money(counts: dict[str, int]) -> bool:
    return any(counts.get(kind) for kind in ("purchase", "payment", "invoice"))


def _money_kinds(counts: dict[str, int]) -> list[str]:
    money = [kind for kind in ("purchase", "payment", "invoice") if counts.get(kind)][:1]
    return [*money, *(["return"] if counts.get("return") else [])] or ["purchase"]


def _date(day: int) -> dt.date:
    return point_in_time.date_of(day)
