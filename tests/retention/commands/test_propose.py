"""`retention propose` prints the estimates of the experiment, or one line why it has none."""

import datetime as dt
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import yaml
from typer.testing import CliRunner

from models.components.uplift import RISK
from retention import cli
from retention.commands import propose
from retention.core import artefacts
from retention.core.documents.modelling import UpliftManifest
from retention.core.documents.reports import ListGain
from retention.core.errors import BadParams
from retention.core.params import parse_params
from retention.core.storage import atomic
from retention.policy.play_effects import expected_cost
from retention.uplift import policy_value
from retention.uplift.policy_value import TargetingPolicy
from tests.support import campaigns, documents
from tests.support.campaigns import AS_OF
from tests.support.experiments import experiment

RUN = CliRunner()
BOOK = [
    {
        "name": "gift",
        "action": "send a gift",
        "cost": 2.0,
        "offer_value": 8.0,
        "acceptance_rate": 0.5,
        "save_rate": 0.4,
    },
    {"name": "call", "action": "call", "cost": 4.0, "save_rate": 0.2},
    {"name": "mend", "action": "mend", "cost": 1.0, "lane": "fix_first"},
]
PARAMS = campaigns.PARAMS | {"policy": {"playbook": BOOK}, "at_risk": {"capacity": 200}}


def experiment_table(n: int = 1200) -> pa.Table:
    """artefacts.EXPERIMENT of an experiment whose predicted effects are the true ones."""
    planted = experiment(n)
    saved = -planted.data.doubly_robust_scores(planted.risk)
    days = np.array([dt.date(2026, 3, 2), dt.date(2026, 3, 30)], dtype=object)
    frame = pd.DataFrame(
        {
            "customer_id": planted.data.customer,
            "snapshot_on": days[np.arange(n) % 2],
            "treated": planted.data.treated,
            "propensity": planted.data.propensity,
            "left": planted.data.y,
            RISK: planted.risk,
            "worth": 100.0 + np.arange(n) % 3,
            "effect": planted.effect,
            "treatment": "contact",
            "saving": -planted.effect * (100.0 + np.arange(n) % 3),
            "saved_score": saved,
            "saving_score": saved * (100.0 + np.arange(n) % 3),
            "fold": np.arange(n) // 2 % 5,
            "candidate": True,
        }
    )
    schema = artefacts.EXPERIMENT.schema
    return pa.Table.from_pandas(frame[schema.names], schema=schema, preserve_index=False)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    atomic.write_text("params.yaml", yaml.safe_dump(PARAMS))
    artefacts.EXPERIMENT.write(experiment_table())
    artefacts.UPLIFT.write(UpliftManifest(eligible=1000))
    return tmp_path


def run(*words: str) -> Any:
    return RUN.invoke(cli.app, ["propose", *words])


def expected_values(proposal: TargetingPolicy, saves: float) -> dict[str, policy_value.PolicyValue]:
    """By hand, under both gains: of the play's save rate and of the predicted effect."""
    frame: pd.DataFrame = experiment_table().to_pandas()
    risk, worth = frame[RISK].to_numpy(), frame["worth"].to_numpy()
    e, treated = frame["propensity"].to_numpy(), frame["treated"].to_numpy()
    saved = -(treated - e) / (e * (1 - e)) * (frame["left"].to_numpy() - risk)
    data = saved, saved * worth, frame["customer_id"], frame["fold"]
    return {
        "loss": policy_value.evaluate_policy(proposal, saves * risk * worth - proposal.cost, *data),
        "uplift": policy_value.evaluate_policy(
            proposal, -frame["effect"].to_numpy() * worth - proposal.cost, *data
        ),
    }


def figures(output: str) -> dict[str, list[list[float]]]:
    """By row: value, low and high of each ranking."""
    by_row = {}
    for line in output.splitlines():
        numbers = re.findall(r"(-?[\d,]+\.\d) \((-?[\d,]+\.\d) to (-?[\d,]+\.\d)\)", line)
        if numbers:
            label = line[:20].strip()
            by_row[label] = [[float(number.replace(",", "")) for number in row] for row in numbers]
    return by_row


ROWS = {
    "customers contacted": "contacts",
    "customers saved": "customers_saved",
    "money saved": "money_saved",
    "cost": "cost",
    "net": "net",
}


@pytest.mark.parametrize(
    ("words", "proposal", "saves"),
    [
        ([], TargetingPolicy(200, 1000, 0.0, 4.0), 0.2),
        (["--play", "gift"], TargetingPolicy(200, 1000, 0.0, 6.0), 0.4),
        (
            ["--capacity", "50", "--threshold", "3", "--cost", "1.5"],
            TargetingPolicy(50, 1000, 3.0, 1.5),
            0.2,
        ),
        (["--capacity", "0"], TargetingPolicy(0, 1000, 0.0, 4.0), 0.2),
    ],
)
def test_the_figures_are_those_of_the_experiment(
    home: Path, words: list[str], proposal: TargetingPolicy, saves: float
) -> None:
    done = run(*words)
    assert done.exit_code == 0, done.output
    by_row = figures(done.stdout)
    assert list(by_row) == list(ROWS)
    for place, value in enumerate(expected_values(proposal, saves).values()):
        for label, name in ROWS.items():
            estimate = getattr(value, name)
            expected = [estimate.value, estimate.interval.low, estimate.interval.high]
            assert by_row[label][place] == pytest.approx(expected, abs=0.051), (label, place)


def test_the_first_line_says_what_is_proposed_and_from_what(home: Path) -> None:
    lines = run("--capacity", "1500", "--threshold", "2.5").stdout.splitlines()
    assert lines[0] == (
        "Contacting up to 1,500 of 1,000 customers once, where the gain expected is above 2.50 "
        "GBP, at 4.00 each, against contacting nobody; from 1,200 randomised customers, with 95 % "
        "intervals:"
    )
    assert [name in lines[1] for name in propose.RANKINGS] == [True, True]


def test_it_speaks_of_those_from_whom_the_list_chose(home: Path) -> None:
    """Who gave notice or is put right first is on no list, so no proposal counts on them."""
    whys = ["chosen"] * 30 + ["held_out"] * 4 + ["below_capacity"] * 60 + ["not_worth_saving"] * 6
    lanes = pd.DataFrame({"why": [*whys, *["notice"] * 300, *["open_case"] * 200]})
    lanes["lane"] = np.where(lanes["why"] == "chosen", "contact", "excluded")
    schema = artefacts.LANES.schema
    lanes = lanes.assign(customer_id=lanes.index.astype(str), passed=False)
    artefacts.LANES.write(pa.Table.from_pandas(lanes.reindex(columns=schema.names), schema))
    frame = experiment_table().to_pandas()
    frame["candidate"] = frame["worth"] < 102
    artefacts.EXPERIMENT.write(pa.Table.from_pandas(frame, artefacts.EXPERIMENT.schema))
    done = run()
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith("Contacting up to 30 of 100 customers once")
    assert "from 800 randomised customers" in done.stdout
    assert figures(done.stdout)["customers contacted"][0][0] == pytest.approx(30, abs=0.5)


def write_list(contacts: int, gain: float | None = 300.0) -> None:
    """A list of so many contacts at a risk of .4, and as many below capacity."""
    rows = pd.DataFrame({"why": ["chosen"] * contacts + ["below_capacity"] * 9000})
    rows["lane"] = np.where(rows["why"] == "chosen", "contact", "leave_alone")
    rows = rows.assign(customer_id=rows.index.astype(str), passed=False, churn_probability=0.4)
    schema = artefacts.LANES.schema
    artefacts.LANES.write(pa.Table.from_pandas(rows.reindex(columns=schema.names), schema))
    expected = ListGain(
        value=gain,
        low=100.0,
        high=500.0,
        cost=90.0,
        contacts=contacts,
        saved=3.0,
        basis="belief",
        randomised=0,
    )
    artefacts.LIST_SUMMARY.write(documents.list_summary(as_of=AS_OF, expected=expected))
    artefacts.EVENTS.write(artefacts.EVENTS.schema.empty_table())
    days = {"first_day": 20_000}
    shop = days | {"kinds": ["purchase"]}
    artefacts.EVENTS_SUMMARY.write(documents.events_summary({"purchase": days}, {"till": shop}))


def test_it_proposes_a_holdout_that_answers_in_time_and_writes_it(home: Path) -> None:
    write_list(400)
    before = (home / "params.yaml").read_text()
    lines = run("--answer-by", "2027-09-01").stdout.splitlines()
    assert lines[0].startswith("The 400 contacts of this list are expected to gain £300 after cost")
    assert (home / "params.yaml").read_text() == before
    done = run("--answer-by", "2027-09-01", "--write")
    assert done.exit_code == 0, done.output
    written = parse_params((home / "params.yaml").read_text()).at_risk
    assert f"hold out {written.holdout_share:.0%}." in lines[1]
    assert f"wrote at_risk.holdout_share: {written.holdout_share:g} (before 0.1)" in done.stdout
    assert run().stdout.splitlines()[0] == lines[0]


def test_what_does_not_answer_in_time_is_not_written(home: Path, snapshot_of: Any) -> None:
    write_list(20)
    before = snapshot_of(home)
    done = run("--answer-by", "2027-01-01", "--write")
    assert done.exit_code == 4
    assert done.stdout.splitlines()[1].startswith("No share shows by")
    assert "params.yaml stays as it is" in done.stderr
    assert snapshot_of(home) == before
    assert run("--write").exit_code == 2


def test_nothing_is_changed(home: Path, snapshot_of: Any) -> None:
    before = snapshot_of(home)
    assert run().exit_code == 0
    assert snapshot_of(home) == before


def refusal(*words: str) -> tuple[int, str]:
    done = run(*words)
    [line] = done.stderr.splitlines()
    assert line.startswith("refused: ")
    assert not done.stdout
    return done.exit_code, line


def test_without_a_run_it_says_what_to_do(home: Path) -> None:
    artefacts.EXPERIMENT.path.unlink()
    code, line = refusal()
    assert (code, "run make repro first" in line) == (4, True)


def test_without_enough_lots_it_says_what_to_do(home: Path) -> None:
    artefacts.EXPERIMENT.write(artefacts.EXPERIMENT.schema.empty_table())
    code, line = refusal()
    assert (code, "at_risk.holdout_share" in line) == (4, True)


def test_a_play_that_is_none_is_named_with_those_that_are(home: Path) -> None:
    code, line = refusal("--play", "mend")
    assert code == 2
    assert "'mend'" in line
    assert line.endswith("gift, call")


def test_without_a_play_that_contacts_there_is_nothing_to_propose(home: Path) -> None:
    atomic.write_text("params.yaml", yaml.safe_dump(PARAMS | {"policy": {"playbook": BOOK[2:]}}))
    code, line = refusal()
    assert code == 2
    assert "None" not in line


def test_without_params_one_line_says_so(home: Path) -> None:
    (home / "params.yaml").unlink()
    assert refusal() == (2, "refused: params.yaml: no such file; copy one from examples/")


@pytest.mark.parametrize("words", [["--capacity", "-1"], ["--cost", "-1"], ["--capacity", "x"]])
def test_a_wrong_number_ends_with_2(home: Path, words: list[str]) -> None:
    done = run(*words)
    assert done.exit_code == 2
    assert not done.stdout


def test_the_cheapest_play_counts_where_none_is_named() -> None:
    params = parse_params(yaml.safe_dump(PARAMS))
    play = propose.contact_play(params, None)
    assert (expected_cost(play), play.save_rate) == (4.0, 0.2)
    play = propose.contact_play(params, "gift")
    assert (expected_cost(play), play.save_rate) == (6.0, 0.4)
    with pytest.raises(BadParams, match="no play 'x'"):
        propose.contact_play(params, "x")
