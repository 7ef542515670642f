"""The command line: `retention check`, `score`, `outcomes`, `why`, `erase`, and so on.

What a command needs is imported when it runs, so that help answers at once.
"""

import datetime as dt
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from retention.core import errors

if TYPE_CHECKING:
    from rich.console import Console

    from retention.commands.check import Group

app = typer.Typer(
    help="Find the customers a company can still keep. Run it where params.yaml lies.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


@app.command(short_help="Say what is wrong with params.yaml and the data; change nothing.")
def check() -> None:
    """Say what is wrong or doubtful in params.yaml and the first rows of its files.

    Changes nothing. Ends with 0 when nothing is wrong, 2 when params.yaml is to be mended, 3 when
    the data is.
    """
    errors.run(_check)


@app.command(short_help="Say what contacting so many would bring, before anybody is called.")
def propose(
    capacity: Annotated[int | None, typer.Option(min=0, help="How many to contact.")] = None,
    threshold: Annotated[float, typer.Option(help="The least expected gain, in money.")] = 0.0,
    cost: Annotated[float | None, typer.Option(min=0, help="Of a contact, in money.")] = None,
    play: Annotated[str | None, typer.Option(help="A play whose cost and belief count.")] = None,
) -> None:
    """Say what a proposed policy would bring, by the customers drawn by lot so far.

    What is not given is as params.yaml has it. Nothing is changed.
    """
    errors.run(_propose(capacity, threshold, cost, play))


@app.command(short_help="Let the newest trained model make the lists from now on.")
def promote(
    anyway: Annotated[
        str | None,
        typer.Option(metavar="REASON", help="Why, if it is worse or not comparable; is kept."),
    ] = None,
) -> None:
    """Make the challenger, which dvc repro trained last, the champion that scores customers.

    Both are compared on customers of a day that neither has seen. Ends with 4, and changes
    nothing, where the challenger is worse beyond the interval, or nothing could be compared, and
    --anyway gives no reason.
    """
    errors.run(_promote(anyway))


@app.command(short_help="Go back to the model before the present one.")
def rollback() -> None:
    """Let the champion before this one take its place again."""
    errors.run(_rollback)


@app.command(short_help="Show what is known of a customer, and why they score as they do.")
def why(
    customer_id: Annotated[str, typer.Argument(help="As in your data: 00123 is not 123.")],
    as_of: Annotated[
        dt.datetime | None,
        typer.Option(
            formats=["%Y-%m-%d"],
            metavar="DATE",
            help="The day to look from, as 2026-11-22; the day of the list unless given.",
        ),
    ] = None,
) -> None:
    """Show a customer's events, those held back and why, the features, the score, the reasons."""
    errors.run(_why(customer_id, as_of.date() if as_of else None))


@app.command(short_help="Write and publish today's list with the champion, as a scheduled job.")
def score(
    as_of: Annotated[
        dt.datetime | None,
        typer.Option(
            formats=["%Y-%m-%d"],
            metavar="DATE",
            help="The day to score, as 2026-11-22; as params.yaml says unless given.",
        ),
    ] = None,
    publish: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Where to publish; publish.folder unless given."),
    ] = None,
    first: Annotated[
        dt.datetime | None,
        typer.Option(
            "--from",
            formats=["%Y-%m-%d"],
            metavar="DATE",
            help="Every day from this one to that of --to, in order; older lists stay beside.",
        ),
    ] = None,
    last: Annotated[
        dt.datetime | None,
        typer.Option("--to", formats=["%Y-%m-%d"], metavar="DATE", help="See --from."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what it would do and take.")
    ] = False,
    log: Annotated[
        Literal["text", "json"], typer.Option(help="How it tells of its progress on stderr.")
    ] = "text",
) -> None:
    """Make the list from the raw files and publish it; nothing is trained and DVC is left alone.

    The same day with the same data again changes nothing. docs/operating.md tells how to schedule
    it. Ends with 0 done, 2 params or options wrong, 3 data that cannot be trusted, 4 a guard
    refused, 5 another run is at work.
    """
    from retention.commands.score import asked, job

    def day(given: dt.datetime | None) -> dt.date | None:
        return given.date() if given else None

    def told() -> None:
        days = asked.days(day(as_of), day(first), day(last))
        made = asked.Asked(days, publish, log, backfill=first is not None, dry=dry_run)
        raise typer.Exit(job.score(made))

    errors.run(told)


@app.command(short_help="Take back a list that staff have worked; keep what is good.")
def outcomes(
    file: Annotated[Path, typer.Argument(help="The filled-in list, as XLSX or CSV.")],
    list_id: Annotated[
        str | None,
        typer.Option(
            "--list", metavar="ID", help="Which list it is, where the file itself does not say."
        ),
    ] = None,
    entered_at: Annotated[
        dt.datetime | None,
        typer.Option(
            formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%S%z"],
            metavar="TIME",
            help="When it became known, as 2026-11-22T17:30:00; now unless given.",
        ),
    ] = None,
) -> None:
    """Enter what staff wrote in a list into ledgers/outcomes/, and tell of every row not taken.

    Rows are matched by list and customer. Nothing is ever overwritten: a corrected answer is
    entered beside the first, and the same file twice changes nothing. Mend a rejected row in the
    file and send the whole file again. Ends with 0 when what was good is kept, 3 when the file
    cannot be trusted as a whole or none of its answers can be kept.
    """
    errors.run(_outcomes(file, list_id, entered_at))


@app.command(short_help="Remove a customer everywhere; leave a receipt.")
def erase(
    customer_id: Annotated[str, typer.Argument(help="As in your data: 00123 is not 123.")],
    why: Annotated[
        str | None,
        typer.Option(metavar="TEXT", help="For the receipt, as a letter's number; no name."),
    ] = None,
) -> None:
    """Remove a customer from raw files, data, ledgers and published lists, and leave a receipt.

    A salted hash of the id stays in ledgers/erased/, so that no later file brings the customer
    back. What lies elsewhere is named, for its owner to remove. Called again after it was cut
    short, it completes. Run make repro afterwards.
    """
    errors.run(_erase(customer_id, why))


@app.command(short_help="Remove what has been kept as long as privacy.keep_days says.")
def tidy() -> None:
    """Remove lists and ledgers' entries older than privacy.keep_days, seen from the newest list.

    The current list stays, and so do objections to contact and deaths: they hold for good.
    """
    errors.run(_tidy)


@app.command(short_help="Put champion/ and ledgers/ into one file, to be kept elsewhere.")
def backup(
    file: Annotated[Path, typer.Argument(metavar="FILE.tar.gz", help="Where to write it.")],
) -> None:
    """Write champion/ and ledgers/, which no run can make again, to one file.

    The same files make the same bytes, and a file that is there already is replaced in one step.
    It names customers by their ids and holds what staff noted: keep it where lists are kept. Lists
    are not in it: copy publish.folder as it is.
    """
    errors.run(_backup(file))


@app.command(short_help="Bring back what a backup holds and is missing here.")
def restore(
    file: Annotated[Path, typer.Argument(metavar="FILE.tar.gz", help="What backup wrote.")],
    replace: Annotated[
        bool,
        typer.Option("--replace", help="Let it take the place of files that differ."),
    ] = False,
) -> None:
    """Bring back what is missing in champion/ and ledgers/, after checking all of the file.

    A file that differs stops it before anything is changed, unless --replace is given; then what
    was there is set aside in ledgers/set-aside/, in a folder of its time. Called again after it was
    cut short, it completes. Erase again who was erased since the backup was made.
    """
    errors.run(_restore(file, replace))


def show(groups: "list[Group]", console: "Console", verdict: str) -> None:
    """The findings, one line each, under what they are about; then the verdict."""
    from rich.table import Table
    from rich.text import Text

    colours = {"error": "bold red", "doubt": "yellow", "ok": "green"}
    for group in groups:
        console.print(Text(group.title, style="bold"))
        grid = Table.grid(padding=(0, 2, 0, 0))
        for one in group.findings:
            level = Text(f"  {one.level:<5}", style=colours[one.level])
            if console.is_terminal:
                grid.add_row(level, Text(one.text))
            else:
                console.print(level + Text(f"  {one.text}"), soft_wrap=True)
        if console.is_terminal:
            console.print(grid)
    console.print(Text(verdict, style="bold"))


def _console() -> "Console":
    from rich.console import Console

    return Console(file=sys.stdout, highlight=False, soft_wrap=False)


def _say(text: str) -> None:
    typer.echo(text)


def _check() -> None:
    from retention.commands import check as checking

    groups = checking.check()
    show(groups, _console(), checking.verdict(groups))
    raise typer.Exit(checking.exit_code(groups))


def _promote(anyway: str | None) -> Callable[[], None]:
    def run_command() -> None:
        from retention.commands import promote

        for line in promote.promote(anyway):
            _say(line)

    return run_command


def _rollback() -> None:
    from retention.commands import promote

    for line in promote.rollback():
        _say(line)


def _why(customer_id: str, as_of: dt.date | None) -> Callable[[], None]:
    def told() -> None:
        from retention.commands import why as telling

        telling.tell(customer_id, as_of, _console())

    return told


def _propose(
    capacity: int | None, threshold: float, cost: float | None, play: str | None
) -> Callable[[], None]:
    def told() -> None:
        from retention.commands import propose as proposing

        for line in proposing.propose(capacity, threshold, cost, play):
            _say(line)

    return told


def _outcomes(
    file: Path, list_id: str | None, entered_at: dt.datetime | None
) -> Callable[[], None]:
    def told() -> None:
        from retention.commands.outcomes import record as entering
        from retention.core.params import load_params

        found = entering.enter(file, load_params(), list_id, entered_at)
        counts = ", ".join(f"{many:,} {what}" for what, many in found.counts.items())
        _say(f"List {found.list_id}, rows: {counts}.")
        for level, lines in (("rejected", found.rejected), ("doubt", found.doubts)):
            for line in lines:
                _say(f"{level}: {entering.shown(file)}: {line}")
        if found.all_refused:
            raise errors.BadInput("none of the answers could be kept; mend the rows above")
        if found.counts["accepted"]:
            _say("Run make repro to let the next list know.")

    return told


def _erase(customer_id: str, why: str | None) -> Callable[[], None]:
    def told() -> None:
        from retention.commands.erase import erase as erasing
        from retention.core.params import load_params

        now = dt.datetime.now(dt.UTC)
        done = erasing.erase(load_params(), customer_id, why, now, _say)
        for place, many in done.counts.items():
            _say(f"{place.replace('_', ' ')}: {many:,}")
        for one in done.remains:
            _say(f"left to do: {one}")
        if not done.found:
            _say(
                "nothing was found of this id; it is kept out from now on; check that it is written"
                " as in your data"
            )
        _say(f"receipt: {done.receipt}; run make repro to make the data anew")

    return told


def _tidy() -> None:
    from retention.commands import tidy as tidying
    from retention.core.params import load_params

    done = tidying.tidy(load_params(), _say)
    _say(f"kept from {done.since}; removed {done.lists:,} lists, {done.entries:,} entries")


def _backup(file: Path) -> Callable[[], None]:
    def told() -> None:
        from retention.commands import backup as safekeeping

        many = safekeeping.backup(file, _say)
        _say(f"{many:,} files of champion/ and ledgers/ are in {file}; keep it elsewhere.")

    return told


def _restore(file: Path, replace: bool) -> Callable[[], None]:
    def told() -> None:
        from retention.commands import backup as safekeeping

        now = dt.datetime.now(dt.UTC)
        done = safekeeping.restore(file, replace=replace, now=now, say=_say)
        _say(f"{len(done.added):,} files added, {done.same:,} were there as they are in {file}.")
        if done.aside:
            _say(f"{len(done.replaced):,} took the place of others, which are in {done.aside} now.")
        _say("Erase again who was erased since this backup was made; then run make repro.")

    return told
