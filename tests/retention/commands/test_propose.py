"""`retention propose`: what it says is what the experiment says, or one line why it cannot."""

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
from retention.core.errors import BadParams
from retention.core.params import parse_params
from retention.core.storage import atomic
from retention.policy.play_effects import expected_cost
from retention.uplift import policy_value
from retention.uplift.policy_value import TargetingPolicy
from tests.pipeline import test_uplift
from tests.support import trials
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
PARAMS = trials.PARAMS | {"policy": {"playbook": BOOK}, "at_risk": {"capacity": 200}}


def lots(n: int = 1200) -> pa.Table:
    """artefacts.LOTS of an experiment whose effects are foretold as they are."""
    known = experiment(n)
    frame = test_uplift.told(known).assign(
        left=known.trial.churned, worth=100.0 + np.arange(n) % 3, effect=known.effect,
        fold=np.arange(n) // 2 % 5,
    )  # fmt: skip
    return pa.Table.from_pandas(
        frame[artefacts.EXPERIMENT.schema.names],
        schema=artefacts.EXPERIMENT.schema,
        preserve_index=False,
    )


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    atomic.write_text("params.yaml", yaml.safe_dump(PARAMS))
    artefacts.EXPERIMENT.write(lots())
    atomic.write_json(artefacts.UPLIFT, {"eligible": 1000})
    return tmp_path


def run(*words: str) -> Any:
    return RUN.invoke(cli.app, ["propose", *words])


def wanted(proposal: TargetingPolicy, saves: float) -> dict[str, policy_value.PolicyValue]:
    """By hand: the gain believed, and the gain foretold."""
    frame: pd.DataFrame = lots().to_pandas()
    risk, worth = frame[RISK].to_numpy(), frame["worth"].to_numpy()
    e, treated = frame["propensity"].to_numpy(), frame["treated"].to_numpy()
    scores = (treated - e) / (e * (1 - e)) * (frame["left"].to_numpy() - risk)
    told = scores, worth, frame["customer_id"], frame["fold"]
    return {
        "loss": policy_value.evaluate_policy(proposal, saves * risk * worth - proposal.cost, *told),
        "uplift": policy_value.evaluate_policy(
            proposal, -frame["effect"].to_numpy() * worth - proposal.cost, *told
        ),
    }


def figures(said: str) -> dict[str, list[list[float]]]:
    """By row: value, low and high of each ranking."""
    found = {}
    for line in said.splitlines():
        numbers = re.findall(r"(-?[\d,]+\.\d) \((-?[\d,]+\.\d) to (-?[\d,]+\.\d)\)", line)
        if numbers:
            label = line[:20].strip()
            found[label] = [[float(one.replace(",", "")) for one in row] for row in numbers]
    return found


ROWS = {"customers contacted": "contacts", "customers saved": "customers_saved",
        "money saved": "money_saved", "cost": "cost", "net": "net"}  # fmt: skip


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
    found = figures(done.stdout)
    assert list(found) == list(ROWS)
    for place, one in enumerate(wanted(proposal, saves).values()):
        for label, name in ROWS.items():
            estimate = getattr(one, name)
            told = [estimate.value, estimate.interval.low, estimate.interval.high]
            assert found[label][place] == pytest.approx(told, abs=0.051), (label, place)


def test_the_first_line_says_what_is_proposed_and_from_what(home: Path) -> None:
    said = run("--capacity", "1500", "--threshold", "2.5").stdout.splitlines()
    assert said[0] == (
        "Contacting up to 1,500 of 1,000 customers once, where the gain expected is above 2.50 "
        "GBP, at 4.00 each, against contacting nobody; from 1,200 customers drawn by lot, with "
        "95 % intervals:"
    )
    assert [name in said[1] for name in propose.RANKINGS] == [True, True]


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
    chosen = parse_params(yaml.safe_dump(PARAMS))
    found = propose.play(chosen, None)
    assert (expected_cost(found), found.save_rate) == (4.0, 0.2)
    found = propose.play(chosen, "gift")
    assert (expected_cost(found), found.save_rate) == (6.0, 0.4)
    with pytest.raises(BadParams, match="no play 'x'"):
        propose.play(chosen, "x")
