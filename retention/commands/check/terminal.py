"""Findings as text: one line each, coloured and wrapped on a terminal."""

from rich.console import Console
from rich.table import Table
from rich.text import Text

from retention.commands.check.findings import FindingGroup
from retention.monitoring.finding import OK

COLOURS = {"error": "bold red", "doubt": "yellow", "ok": "green"}


def print_findings(groups: list[FindingGroup], verdict: str, console: Console) -> None:
    """The findings under what they are about, then the verdict."""
    for group in groups:
        console.print(Text(group.title, style="bold"))
        grid = Table.grid(padding=(0, 2, 0, 0))
        for finding in group.findings:
            level = Text(f"  {finding.level:<5}", style=COLOURS[finding.level])
            if console.is_terminal:
                grid.add_row(level, Text(finding.meaning))
            else:
                console.print(level + Text(f"  {finding.meaning}"), soft_wrap=True)
        if console.is_terminal:
            console.print(grid)
    console.print(Text(verdict, style="bold"))


def print_brief(groups: list[FindingGroup], verdict: str, console: Console) -> None:
    """What is wrong or doubtful, a line each with what it is about, then the verdict."""
    for group in groups:
        for finding in group.findings:
            if finding.level != OK:
                level = Text(f"{finding.level:<5}", style=COLOURS[finding.level])
                console.print(level + Text(f"  {group.title}: {finding.meaning}"), soft_wrap=True)
    console.print(Text(verdict, style="bold"))
