"""The command line: arguments, output and exit codes."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from retention import cli
from retention.commands import check, why
from retention.commands.check import terminal
from retention.core.errors import BadInput, BadParams, Busy, Guarded, Refusal
from retention.core.storage import atomic
from retention.ledgers import outcomes
from tests.support import sales_company

RUN = CliRunner()


@pytest.fixture
def company(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a sound params.yaml and its one file; one stands in it."""
    monkeypatch.chdir(tmp_path)
    sales_company.write_company()
    return tmp_path


def run(*words: str) -> Any:
    return RUN.invoke(cli.app, list(words))


def _command(*words: str, folder: Path) -> "subprocess.CompletedProcess[str]":
    root = str(Path(cli.__file__).parent.parent)
    return subprocess.run(
        [sys.executable, "-m", "retention", *words],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": root},
        capture_output=True,
        text=True,
        check=False,
    )


# --- what one may type


def test_help_names_the_commands_and_nothing_that_is_not_there() -> None:
    invocation = run("--help")
    assert invocation.exit_code == 0
    commands = {
        command.name or command.callback.__name__
        for command in cli.app.registered_commands
        if command.callback
    }
    assert commands == {
        "backup",
        "check",
        "erase",
        "init",
        "labels",
        "leavers",
        "outcomes",
        "promote",
        "propose",
        "restore",
        "rollback",
        "score",
        "tidy",
        "why",
    }
    for name in commands:
        assert f"\n  {name} " in invocation.output
        assert run(name, "--help").exit_code == 0


def test_help_loads_nothing_heavy() -> None:
    code = (
        "import sys; from retention.cli import app\n"
        "try: app(['--help'])\n"
        "except SystemExit: pass\n"
        "heavy = {'duckdb', 'pyarrow', 'pandas', 'numpy', 'mlflow', 'sklearn', 'narwhals'}\n"
        "sys.exit(' '.join(sorted(heavy & set(sys.modules))) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (["chek"], "Did you mean 'check'"),
        (["promot"], "Did you mean 'promote'"),
        (["propose", "--capacity", "-1"], "--capacity"),
        (["why"], "Missing argument"),
        (["why", "1", "--asof", "2026-01-01"], "--as-of"),
        (["why", "1", "--as-of", "22.11.2026"], "22.11.2026"),
        (["check", "all"], "unexpected extra argument"),
        (["outcomes"], "Missing argument"),
        (["outcomes", "x.csv", "--entered-at", "22/11/2026"], "22/11/2026"),
    ],
)
def test_a_wrong_command_line_ends_with_2_and_a_hint(words: list[str], hint: str) -> None:
    invocation = run(*words)
    assert invocation.exit_code == 2
    assert hint in invocation.output


@pytest.mark.parametrize("kind", [BadParams, BadInput, Guarded, Busy, Refusal])
def test_a_refusal_is_one_line_and_its_code(
    kind: type[Refusal], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise kind("this\nwill not do")

    monkeypatch.setattr(why, "print_customer", refuse)
    invocation = run("why", "1")
    assert invocation.exit_code == kind.code
    assert invocation.stderr == "refused: this will not do\n"
    assert not invocation.stdout


@pytest.mark.parametrize(
    "words",
    [["why", "1"], ["labels"], ["promote"], ["propose"], ["rollback"], ["outcomes", "x.csv"]],
)
def test_without_params_one_line_says_so(
    words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    invocation = run(*words)
    assert invocation.exit_code == 2
    assert invocation.stderr == "refused: params.yaml: no such file; copy one from examples/\n"


# --- check


def test_check_of_a_sound_company(company: Path) -> None:
    invocation = run("check")
    assert invocation.exit_code == 0, invocation.output
    lines = invocation.stdout.splitlines()
    assert lines[0] == "params.yaml"
    assert lines[1] == "  ok     Mill Lane Bakery, 1 source, scored as of 2026-07-20"
    assert "sources.sales" in lines
    assert lines[-1] == "Nothing is wrong; run make repro."
    assert "\x1b" not in invocation.stdout


@pytest.mark.parametrize(
    ("old", "new", "code", "hint"),
    [
        ("customer_id: customer", "customer_id: cust", 3, "write customer_id: customer"),
        ('format: {date: "%Y-%m-%d"}', "", 2, 'write format: {date: "%Y-%m-%d"}'),
        ("currency: GBP", "currency: pound", 2, "currency: "),
    ],
)
def test_check_of_a_company_with_a_mistake(
    company: Path, old: str, new: str, code: int, hint: str
) -> None:
    atomic.write_text("params.yaml", sales_company.PARAMS.replace(old, new))
    invocation = run("check")
    assert invocation.exit_code == code
    (error,) = [line for line in invocation.stdout.splitlines() if line.startswith("  error")]
    assert hint in error
    assert invocation.stdout.splitlines()[-1] == "1 error; mend the errors first."


def test_check_in_a_process_of_its_own(company: Path) -> None:
    done = _command("check", folder=company)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith("Nothing is wrong; run make repro.\n")


def test_on_a_terminal_the_findings_have_colours(capsys: pytest.CaptureFixture[str]) -> None:
    from rich.console import Console

    group = check.FindingGroup("sources.sales")
    group.error("[bold]a column[/bold] " + "long " * 40)
    console = Console(force_terminal=True, width=60, highlight=False, color_system="standard")
    terminal.print_findings([group], "1 error", console)
    out = capsys.readouterr().out
    assert "\x1b[1;31m" in out
    assert "[bold]a column[/bold]" in out
    assert max(len(line) for line in out.splitlines()) < 100


# --- outcomes

LIST = "2026-07-20-0123456789ab"


def returned_list(*rows: str, name: str = "worked.csv") -> str:
    """A list of the company is published; what staff wrote of it comes back."""
    folder = Path("lists/2026-07-20-aaaaaaaaaaaa")
    atomic.write_text(folder / "at_risk.csv", "customer_id\r\nc1\r\nc2\r\n")
    described = {
        "at_risk.csv": {"sha256": atomic.sha256(folder / "at_risk.csv"), "bytes": 1, "rows": 1}
    }
    manifest = {"list_id": LIST, "company": "Mill Lane Bakery", "as_of": "2026-07-20"}
    manifest["currency"] = "GBP"
    atomic.write_json(folder / "manifest.json", manifest | {"files": described})
    atomic.write_text(name, "list_id;customer_id;result;offer_cost\r\n" + "".join(rows))
    return name


def enter_outcomes(name: str, entered_at: str = "2026-07-21T09:00:00") -> Any:
    return run("outcomes", name, "--entered-at", entered_at)


def test_outcomes_keeps_what_is_good_and_tells_of_the_rest(company: Path) -> None:
    name = returned_list(f"{LIST};c1;reached;3\r\n", f"{LIST};c2;perhaps;\r\n")
    invocation = enter_outcomes(name)
    assert invocation.exit_code == 0
    assert invocation.stdout.splitlines() == [
        f"List {LIST}, rows: 2 read, 1 accepted, 0 unchanged, 1 rejected, 0 blank.",
        "rejected: worked.csv: row 3, column Result, 'pe'… (7 characters): not_a_choice; choose"
        " one of: reached, not reached, sent, wrong person, knows better, merged, deceased",
        "Run make repro to let the next list know.",
    ]
    again = enter_outcomes(name)
    assert again.exit_code == 0
    assert "0 accepted, 1 unchanged, 1 rejected" in again.stdout
    assert "make repro" not in again.stdout
    (path,) = outcomes.FOLDER.iterdir()
    assert path.name.startswith(f"{LIST}-")


def test_outcomes_with_nothing_to_keep_or_nothing_to_trust_end_with_3(company: Path) -> None:
    invocation = enter_outcomes(returned_list(f"{LIST};c2;perhaps;\r\n"))
    assert invocation.exit_code == 3
    assert "rejected: worked.csv: row 2" in invocation.stdout
    assert invocation.stderr == (
        "refused: none of the answers could be kept; mend the rows above\n"
    )
    unknown = enter_outcomes(returned_list("2026-01-01-000000000000;c1;reached;\r\n"))
    assert unknown.exit_code == 3
    assert unknown.stderr.startswith("refused: worked.csv: list '2026-01-01'… (23 characters)")
    assert not unknown.stdout
    assert enter_outcomes("gone.xlsx").stderr == "refused: gone.xlsx: no such file\n"


def test_outcomes_of_a_blank_list_are_none_and_no_mistake(company: Path) -> None:
    invocation = enter_outcomes(returned_list(f"{LIST};c1;;\r\n"))
    assert invocation.exit_code == 0
    assert "1 read, 0 accepted, 0 unchanged, 0 rejected, 1 blank" in invocation.stdout
    assert not list(outcomes.FOLDER.iterdir())


def test_a_name_of_a_file_cannot_write_on_the_terminal(company: Path) -> None:
    invocation = enter_outcomes(returned_list(f"{LIST};c2;perhaps;\r\n", name="a\x1b[2J.csv"))
    assert "\x1b" not in invocation.output


def test_every_command_has_a_short_help_that_fits() -> None:
    group = typer.main.get_command(cli.app)
    for command in group.commands.values():  # type: ignore[attr-defined]
        assert command.short_help
        assert len(command.short_help) <= 70
