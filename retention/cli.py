"""The command line: arguments, help texts and exit codes of `retention check`, `score` and so on.

What a command does is in retention/commands. Each command imports its module when it runs, so that
help answers at once.
"""

import datetime as dt
import functools
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, ParamSpec

import typer

from retention.core import errors

if TYPE_CHECKING:
    from rich.console import Console

P = ParamSpec("P")

app = typer.Typer(
    help="Find the customers a company can still keep. Run it in the folder of params.yaml.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


def command(short_help: str) -> Callable[[Callable[P, None]], Callable[P, None]]:
    """Declare a command; a refusal in it becomes one line on stderr and its exit code."""

    def declare(function: Callable[P, None]) -> Callable[P, None]:
        @functools.wraps(function)
        def run(*args: P.args, **kwargs: P.kwargs) -> None:
            errors.run(lambda: function(*args, **kwargs))

        return app.command(short_help=short_help)(run)

    return declare


def _console() -> "Console":
    from rich.console import Console

    return Console(file=sys.stdout, highlight=False, soft_wrap=False)


@command("Check params.yaml and the data for errors; change nothing.")
def check(
    brief: Annotated[
        bool, typer.Option("--brief", help="Only what is wrong or doubtful, a line each.")
    ] = False,
) -> None:
    """Report errors and doubts in params.yaml and the first rows of its files.

    Changes nothing. Exits with 0 without errors, 2 for errors in params.yaml, 3 for errors in the
    data.
    """
    from retention.commands import check
    from retention.commands.check import terminal

    groups = check.check()
    print_groups = terminal.print_brief if brief else terminal.print_findings
    print_groups(groups, check.verdict(groups), _console())
    raise typer.Exit(check.exit_code(groups))


@command("Propose a params.yaml for raw files, with the evidence of every guess.")
def init(
    paths: Annotated[
        list[Path], typer.Argument(metavar="FILES...", help="Exports, or folders of them.")
    ],
    force: Annotated[
        bool, typer.Option("--force", help="Replace an existing params.yaml.")
    ] = False,
) -> None:
    """Look at raw files and write a commented params.yaml with a mapping, a label and windows.

    An existing params.yaml stays, and params.proposed.yaml is written beside it. On a terminal the
    company, the time zone and the currency are asked for; else nothing is. docs/starting.md goes
    on from there.
    """
    from retention.commands import init

    def ask(question: str, default: str) -> str:
        return str(typer.prompt(question, default=default))

    _, lines = init.init(paths, force, ask if sys.stdin.isatty() else None)
    for line in lines:
        typer.echo(line)


@command("Try label windows on the past: how long a silence is a loss.")
def labels(
    folder: Annotated[
        Path, typer.Option("--to", metavar="DIR", help="Folder of the page and the table.")
    ] = Path("labels"),
) -> None:
    """Compare horizons and active days on the company's own past, and recommend one.

    Nothing has to be trained: it reads data/events, or else the raw files. Writes labels.html and
    labels.csv. Exits with 0 when done, 2 for errors in params.yaml, 3 for bad input data.
    """
    from retention.commands import labels

    for line in labels.labels(folder):
        typer.echo(line)


@command("Estimate what contacting customers would bring, before calling any.")
def propose(
    capacity: Annotated[int | None, typer.Option(min=0, help="How many to contact.")] = None,
    threshold: Annotated[float, typer.Option(help="Lowest expected gain, in money.")] = 0.0,
    cost: Annotated[float | None, typer.Option(min=0, help="Cost of a contact, in money.")] = None,
    play: Annotated[str | None, typer.Option(help="Play whose cost and save rate apply.")] = None,
    answer_by: Annotated[
        dt.datetime | None,
        typer.Option(
            formats=["%Y-%m-%d"],
            metavar="DATE",
            help="Instead: the share to hold out so that the effect is known by DATE.",
        ),
    ] = None,
    write: Annotated[
        bool, typer.Option("--write", help="Write that share into params.yaml.")
    ] = False,
) -> None:
    """Estimate the effect of a targeting policy from the randomised customers so far.

    Options that are not given are as in params.yaml. Changes nothing, but for --write.
    """
    from retention.commands import propose

    if write and answer_by is None:
        raise errors.BadParams("--write: say by when to know, with --answer-by DATE")
    lines = (
        propose.propose(capacity, threshold, cost, play)
        if answer_by is None
        else propose.answer_by(answer_by.date(), write)
    )
    for line in lines:
        typer.echo(line)


@command("Make the model trained last the champion, which scores customers.")
def promote(
    anyway: Annotated[
        str | None,
        typer.Option(
            metavar="REASON",
            help="Promote a worse or not comparable model; the reason is recorded.",
        ),
    ] = None,
) -> None:
    """Make the challenger, which dvc repro trained last, the champion that scores customers.

    Both are compared on customers of a day that neither was trained on. Exits with 4, and changes
    nothing, where the challenger is worse beyond the interval or cannot be compared, unless
    --anyway gives a reason.
    """
    from retention.commands import promote

    for line in promote.promote(anyway):
        typer.echo(line)


@command("Go back to the champion before the present one.")
def rollback() -> None:
    """Make the champion before this one the champion again."""
    from retention.commands import promote

    for line in promote.rollback():
        typer.echo(line)


@command("Show what is known of a customer, the score and its reasons.")
def why(
    customer_id: Annotated[str, typer.Argument(help="As in your data: 00123 is not 123.")],
    as_of: Annotated[
        dt.datetime | None,
        typer.Option(
            formats=["%Y-%m-%d"],
            metavar="DATE",
            help="Day of the snapshot, as 2026-11-22; default: the day of the list.",
        ),
    ] = None,
) -> None:
    """Show a customer's events, those held back and why, the features, the score, the reasons."""
    from retention.commands import why

    why.print_customer(customer_id, as_of.date() if as_of else None, _console())


@command("Score customers with the champion and publish the list, as a job.")
def score(
    as_of: Annotated[
        dt.datetime | None,
        typer.Option(
            formats=["%Y-%m-%d"],
            metavar="DATE",
            help="Day to score, as 2026-11-22; default: as in params.yaml.",
        ),
    ] = None,
    publish: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Folder to publish to; default: publish.folder."),
    ] = None,
    first: Annotated[
        dt.datetime | None,
        typer.Option(
            "--from",
            formats=["%Y-%m-%d"],
            metavar="DATE",
            help="Score every day from this one to --to; older lists do not become current.",
        ),
    ] = None,
    last: Annotated[
        dt.datetime | None,
        typer.Option("--to", formats=["%Y-%m-%d"], metavar="DATE", help="See --from."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print the plan and the expected cost only.")
    ] = False,
    log: Annotated[
        Literal["text", "json"], typer.Option(help="Format of the log on stderr.")
    ] = "text",
) -> None:
    """Make the list from the raw files and publish it, without training and without DVC.

    A second run of the same day with the same data changes nothing. docs/operating.md shows how to
    schedule it. Exits with 0 when done, 2 for wrong params or options, 3 for bad input data, 4
    where a guard refused, 5 while another run is working.
    """
    from retention.commands.score import job, request

    days = request.days_to_score(*(day and day.date() for day in (as_of, first, last)))
    is_backfill = first is not None
    raise typer.Exit(job.score(request.ScoreRequest(days, publish, log, is_backfill, dry_run)))


@command("Import the answers of staff from a returned list.")
def outcomes(
    file: Annotated[Path, typer.Argument(help="The filled-in list, as XLSX or CSV.")],
    list_id: Annotated[
        str | None,
        typer.Option("--list", metavar="ID", help="Id of the list, where the file has none."),
    ] = None,
    entered_at: Annotated[
        dt.datetime | None,
        typer.Option(
            formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%S%z"],
            metavar="TIME",
            help="When the answers became known, as 2026-11-22T17:30:00; default: now.",
        ),
    ] = None,
) -> None:
    """Enter the answers of a returned list into ledgers/outcomes/ and report rejected rows.

    Rows are matched by list and customer. Nothing is overwritten: a corrected answer is entered
    beside the first, and the same file twice changes nothing. Correct a rejected row in the file
    and send the whole file again. Exits with 0 when the valid answers are entered, 3 when the file
    as a whole cannot be trusted or none of its answers is valid.
    """
    from retention.commands.outcomes import record

    record.run(file, list_id, entered_at, typer.echo)


@command("Remove a customer everywhere and write a receipt.")
def erase(
    customer_id: Annotated[str, typer.Argument(help="As in your data: 00123 is not 123.")],
    why: Annotated[
        str | None,
        typer.Option(metavar="TEXT", help="Note for the receipt, as a letter's number; no name."),
    ] = None,
) -> None:
    """Remove a customer from raw files, data, ledgers and published lists, and write a receipt.

    A salted hash of the id stays in ledgers/erased/, so that no later file brings the customer
    back. Copies elsewhere are named, for their owners to remove. After an interruption, run it
    again. Run make repro afterwards.
    """
    from retention.commands.erase import erase

    erase.run(customer_id, why, typer.echo)


@command("Who of a past list's customers left, and why nobody came.")
def leavers(
    list_id: Annotated[
        str | None,
        typer.Option("--list", metavar="RUN_ID", help="A folder of lists/; else the newest known."),
    ] = None,
) -> None:
    """Write data/leavers/leavers.html and .csv: all who left of a past list, and why nobody came.

    By default of the newest list whose window has closed. Each leaver is of one kind: on the list,
    held out, kept off by a rule, below capacity, not worth an action, taken for safe although
    trouble was known, trouble known too late, or nothing to be known yet.
    """
    from retention.commands import leavers

    leavers.run(list_id, typer.echo)


@command("Remove lists and ledger entries older than privacy.keep_days.")
def tidy() -> None:
    """Remove lists and ledger entries older than privacy.keep_days, counted from the newest list.

    The current list stays, and so do objections to contact and deaths.
    """
    from retention.commands import tidy

    tidy.run(typer.echo)


@command("Write champion/ and ledgers/ to one file, to be stored elsewhere.")
def backup(
    file: Annotated[Path, typer.Argument(metavar="FILE.tar.gz", help="Where to write it.")],
) -> None:
    """Write champion/ and ledgers/, which no run can make again, to one file.

    The same files give the same bytes, and an existing file is replaced in one step. The backup
    has customer ids and notes of staff: store it as safely as the lists. Lists are not in it: copy
    publish.folder as it is.
    """
    from retention.commands import backup

    backup.run_backup(file, typer.echo)


@command("Restore the files of a backup that are missing here.")
def restore(
    file: Annotated[Path, typer.Argument(metavar="FILE.tar.gz", help="A file of backup.")],
    replace: Annotated[
        bool, typer.Option("--replace", help="Also replace files that differ.")
    ] = False,
) -> None:
    """Write the missing files of champion/ and ledgers/, after checking the whole backup.

    A file that differs stops the restore before anything is changed, unless --replace is given;
    then the earlier files are moved to a folder in ledgers/set-aside/. After an interruption, run
    it again. Erase again who was erased since the backup was made.
    """
    from retention.commands import backup

    backup.run_restore(file, replace=replace, say=typer.echo)
