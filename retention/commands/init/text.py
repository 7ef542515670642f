"""The proposed params.yaml as text, every guess with its evidence as a comment."""

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from retention.commands.check.findings import as_yaml
from retention.commands.init.mapping import Proposal
from retention.commands.init.windows import LabelProposal

_WIDTH: Final = 100


@dataclass(frozen=True)
class CompanyFacts:
    """What the files do not say of the company, each with where it is from."""

    company: str
    time_zone: str
    currency: str
    evidence: Mapping[str, str]


def params_text(
    facts: CompanyFacts,
    proposals: Sequence[Proposal],
    labels: LabelProposal,
    left_out: Sequence[str],
) -> str:
    """The whole file."""
    lines = [
        "# Proposed by `retention init` from the files alone: every line is a guess, with what",
        "# speaks for it. Read it, mend it, then run `retention check`.",
        f"company: {as_yaml(facts.company)}",
        "example: null",
        "as_of: null                   # the day after the last day of the label's kinds",
        *_entry("time_zone", facts.time_zone, facts.evidence["time_zone"]),
        *_entry("currency", facts.currency, facts.evidence["currency"]),
        "",
        *(f"# {line}" for line in left_out),
        "sources:",
    ]
    for proposal in proposals:
        if not proposal.is_customers:
            lines += [f"  {proposal.look.name}:", *_section(proposal, 4)]
    for proposal in proposals:
        if proposal.is_customers:
            lines += ["", "customers:", *_section(proposal, 2)]
    lines += ["", "labels:", "  churn:"]
    for key, value in labels.churn.items():
        lines += _entry(key, value, labels.evidence.get(key, ""), 4)
    lines += _entry("value", labels.value, labels.evidence["value"], 2)
    lines += _entry("snapshots", labels.snapshots, labels.evidence["snapshots"])
    return "\n".join(lines) + "\n"


def _section(proposal: Proposal, indent: int) -> Iterator[str]:
    """The keys of a source or of the customers: how it is read, then what it means."""
    table = proposal.look.table
    section = dict(table.options) | proposal.section
    evidence = dict(table.evidence) | proposal.evidence
    if proposal.recipe:
        yield from _comment(f"recipe {proposal.recipe}", indent)
    for key, value in section.items():
        if key == "events":
            yield from _comment(evidence.get("events", ""), indent)
            for column in ("customer_id", "occurred_at"):
                yield from _comment(_reason(column, evidence.get(column, "")), indent)
            yield f"{' ' * indent}events:"
            for event in value:
                yield from _event(event, indent + 2)
        else:
            yield from _entry(key, value, evidence.get(key, ""), indent)


def _reason(column: str, why: str) -> str:
    return f"{column}: {why}" if why else ""


def _event(event: Mapping[str, Any], indent: int) -> Iterator[str]:
    first = True
    for key, value in event.items():
        yield f"{' ' * indent}{'- ' if first else '  '}{key}: {as_yaml(value)}"
        first = False


def _entry(key: str, value: Any, why: str, indent: int = 0) -> Iterator[str]:
    yield from _comment(why, indent)
    yield f"{' ' * indent}{key}: {as_yaml(value)}"


def _comment(why: str, indent: int) -> Iterator[str]:
    if why:
        printable = "".join(letter if letter.isprintable() else "?" for letter in why)
        prefix = f"{' ' * indent}# "
        yield from textwrap.wrap(
            printable,
            _WIDTH,
            initial_indent=prefix,
            subsequent_indent=prefix,
            break_on_hyphens=False,
        )
