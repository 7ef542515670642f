"""The lists of a simulated company, made and followed by the product's own functions."""

from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa

from benchmarks.two_years.company import FIRST_DAY, HISTORY, LISTS, STEP, TROUBLES, Company
from models.churn_logistic import RegularisedLogistic
from models.value_last_window import LastWindow
from retention.cohort import labels as cohort_labels
from retention.core import artefacts, point_in_time
from retention.core.engine import Engine
from retention.core.params import ChurnLabel, Play, Policy
from retention.core.params.policy import AtRiskParams
from retention.experiments import randomisation
from retention.experiments.assignment_history import assignments_from_lists
from retention.experiments.follow_up import MATURE
from retention.ledgers import assignments, outcomes
from retention.ledgers.assignments import CONTACT, HOLDOUT, OF_CUSTOMER
from retention.policy import selection
from retention.training.candidates import fit_pair
from retention.training.rows import LabelledRows, labelled_rows

COMPANY: Final = "two years"
CANCEL: Final = ChurnLabel(rule="cancel", horizon_days=STEP)
FEATURES: Final = [
    *("loyal", "mood", "spend_30d", "tenure", "notice_given"),
    *(name for trouble in TROUBLES for name in (trouble, f"{trouble}_open")),
]
TRAINED_ON: Final = 12  # snapshots
REFITTED: Final = 6  # months
CAPACITY: Final = 0.08  # of the first customers
HELD_OUT: Final = 0.2
BELIEF: Final = 0.2
PLAY: Final = Play(name="call", action="Call", cost=0.5, save_rate=BELIEF)
POLICY: Final = Policy(playbook=[PLAY])


class Models:
    """A churn model and the values if kept and if lost, fitted to the months before a day."""

    def __init__(self, rows: LabelledRows) -> None:
        self.churn = RegularisedLogistic().fit(rows.X, rows.churned, rows.weight)
        pair = LastWindow(horizon_days=STEP), LastWindow(horizon_days=STEP)
        self.if_kept, self.if_lost = fit_pair(*pair, rows)

    def score(self, X: pd.DataFrame) -> pd.DataFrame:
        """churn_probability, expected_value and expected_loss."""
        p = np.asarray(self.churn.predict_proba(X))[:, 1]
        if_kept, if_lost = (np.asarray(part.predict(X)) for part in (self.if_kept, self.if_lost))
        scores = {"churn_probability": p, "expected_value": (1 - p) * if_kept + p * if_lost}
        return pd.DataFrame(scores | {"expected_loss": p * (if_kept - if_lost)}, index=X.index)


class ListsInUse:
    """A company that is given a list every month after its history."""

    def __init__(self, company: Company, n: int, folder: Path, engine: Engine) -> None:
        self.company, self.folder, self.engine = company, folder, engine
        assignments.read_all = _read_once
        self.params = AtRiskParams(
            capacity=round(CAPACITY * n), holdout_share=HELD_OUT, salt=str(company.seed)
        )
        self.labels: list[pa.Table] = []  # of the months that are over
        self.models: Models | None = None

    def run(self) -> Iterable[int]:
        """Each month after its list was made and before anything came of it."""
        for month in range(HISTORY + LISTS):
            cohort = self.company.snapshot(month)
            to_contact = spared = np.empty(0, dtype=np.int64)
            if month >= HISTORY:
                if (month - HISTORY) % REFITTED == 0:
                    self.models = Models(self.rows(month, "weight"))
                to_contact, spared = self._list(month, cohort)
                yield month
            self.company.live(month, cohort, to_contact, spared)
            self.labels.append(self._labels(month))

    def rows(self, month: int, treated: Any, back: int = TRAINED_ON) -> LabelledRows:
        """The labelled rows of the months before."""
        first = max(month - back, 0)
        parts = pd.concat(self.company.months[first:month], ignore_index=True)
        keys = {
            "customer_id": pa.array(parts["customer_id"].to_list(), pa.string()),
            "snapshot_on": pa.array(parts["day"], pa.int32()).cast(pa.date32()),
        }
        features = pa.table(keys | {name: parts[name].to_numpy() for name in FEATURES})
        return labelled_rows(features, pa.concat_tables(self.labels[first:month]), treated)

    def _list(self, month: int, cohort: pd.DataFrame) -> tuple[Any, Any]:
        """Places of those assigned to contact, and of those held out by this list or earlier."""
        assert self.models is not None
        as_of, params = point_in_time.date_of(FIRST_DAY + month * STEP), self.params
        in_arm = {
            arm: assignments.customers_in_arm(
                self.folder, arm, COMPANY, params.campaign, as_of, params.campaign_days
            )
            for arm in (CONTACT, HOLDOUT)
        }
        scored = cohort.join(self.models.score(cohort[FEATURES]))
        is_owed = scored[[f"{name}_open" for name in TROUBLES]].any(axis=1)
        last = self.company.months[-1]
        recent = last.loc[last["touched"], "place"]
        may_be = ~is_owed & (scored["notice_given"] == 0) & ~scored["place"].isin(recent)
        scored = scored[may_be & ~scored["customer_id"].isin(in_arm[HOLDOUT])]
        gain = (BELIEF * scored["expected_loss"] - PLAY.cost) * 100
        options = scored.assign(
            gain=gain.round().astype("int64"), price=100, spend=0, channel="phone", owner=None
        )
        options = options[options["gain"] > 0].sort_values("gain", ascending=False)
        options = options.assign(rank=np.arange(len(options)), play=PLAY.name)
        limits = selection.policy_limits(POLICY, params.capacity)
        relaxed = selection.relax_for_holdout(limits, params.holdout_share)
        within = selection.select_options(options, relaxed)
        held = randomisation.holdout_sample(within, params, as_of, in_arm[CONTACT])
        is_held = within["customer_id"].isin(held["customer_id"])
        arms = within.assign(
            arm=np.where(is_held, HOLDOUT, CONTACT),
            propensity=1 - params.holdout_share,
            theme="risk",
            cost=PLAY.cost,
            offer=0.0,
        )[list(OF_CUSTOMER)]
        name = f"{as_of}-{month:012d}"
        drawn_on = randomisation.draw_day(params, as_of)
        days = (as_of, params.campaign_days, drawn_on)
        assignments.enter(self.folder, name, COMPANY, params.campaign, *days, arms)
        all_held = in_arm[HOLDOUT] | set(held["customer_id"])
        spared = cohort.loc[cohort["customer_id"].isin(all_held), "place"]
        return within.loc[~is_held, "place"].to_numpy(), spared.to_numpy()

    def _labels(self, month: int) -> pa.Table:
        """LABELS of a month that is over."""
        day, frame = FIRST_DAY + month * STEP, self.company.months[month]
        contacts = self.company.contacts[month]
        outreach = pa.table(
            {
                "customer_id": contacts["customer_id"].to_list(),
                "occurred_day": pa.array(contacts["occurred_day"], pa.int32()),
                "treatment": ["call"] * len(contacts),
                "kind": ["outreach"] * len(contacts),
                "source": [outcomes.SOURCE] * len(contacts),
            },
            schema=_OUTREACH,
        )
        if month < HISTORY:
            return _with_arms(frame, _NOBODY)
        assigned = assignments_from_lists(self.folder, COMPANY, day + STEP)
        window = point_in_time.churn_window(day, CANCEL)
        arms = cohort_labels.arms(
            self.engine.load(outreach),
            self.engine.load(assigned),
            day,
            window,
            self.params.campaign_days,
        )
        arms_found = self.engine.collect(arms, sort=["customer_id"]).to_pandas()
        after = (arms_found.pop("outreach_day") - day).astype("Int32")
        return _with_arms(frame, arms_found.assign(outreach_after=after))

    def follow_up(self, month: int) -> pd.DataFrame:
        """Of all draws, by what is known in a month: FOLLOW_UP, with both true chances."""
        history = assignments.first_of_each_draw(assignments.read_all(self.folder))
        day = (history["as_of"] - pd.Timestamp(0)) // pd.Timedelta(days=1)
        outcome = pd.concat(self.company.months[HISTORY:month])
        columns = [
            "customer_id",
            "day",
            "churned",
            "value",
            "chance",
            "chance_if_listed",
            "reached",
        ]
        rows = history.assign(day=day).merge(outcome[columns], on=["customer_id", "day"])
        spent = rows["cost"].where((rows["arm"] == CONTACT), 0.0)
        return rows.assign(state=MATURE, spent=spent)


_read_all = assignments.read_all


def _read_once(folder: Path = assignments.FOLDER) -> pd.DataFrame:
    """The ledger, read again only where it has grown: it is asked several times a list."""
    return _read_files(folder, len(list(folder.glob("*.json"))))


@lru_cache(maxsize=1)
def _read_files(folder: Path, _: int) -> pd.DataFrame:
    return _read_all(folder)


_OUTREACH: Final = pa.schema(
    [
        ("customer_id", pa.string()),
        ("occurred_day", pa.int32()),
        ("treatment", pa.string()),
        ("kind", pa.string()),
        ("source", pa.string()),
    ]
)


_NOBODY: Final = pd.DataFrame(
    {"customer_id": [], "arm": [], "campaign_arm": [], "outreach_after": []}
).astype({"customer_id": "object"})


def _with_arms(frame: pd.DataFrame, arms: pd.DataFrame) -> pa.Table:
    joined = frame.merge(arms, on="customer_id", how="left")
    joined["snapshot_on"] = _dates(joined["day"])
    schema = artefacts.LABELS.schema
    return pa.Table.from_pandas(joined[schema.names], schema=schema, preserve_index=False)


def _dates(days: "pd.Series[int]") -> Any:
    return pd.to_datetime(days, unit="D").dt.date
