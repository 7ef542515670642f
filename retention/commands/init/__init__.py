"""`retention init FILES...`: look at raw files and propose a params.yaml for them.

Every guess stands in the proposal with its evidence and what else it could be. Nothing is asked
where no terminal is.
"""

import locale
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import pyarrow as pa
import yaml
from babel.core import Locale, UnknownLocaleError
from babel.numbers import get_territory_currencies

from pipeline.ingest import ingest
from retention.commands.init import columns, files, mapping, recipes, text, windows
from retention.commands.init.columns import Look
from retention.commands.init.mapping import Proposal
from retention.core.errors import BadInput, BadParams, Refusal
from retention.core.params import Params, parse_params
from retention.core.storage import atomic

PROPOSED: Final = Path("params.proposed.yaml")
_PARAMS: Final = Path("params.yaml")
_ZONE_LINK: Final = Path("/etc/localtime")
_NO_CURRENCY: Final = "XXX"

Ask = Callable[[str, str], str]
"""Asks a question, given its default answer."""


def init(
    paths: Sequence[Path], force: bool = False, ask: Ask | None = None
) -> tuple[Path, list[str]]:
    """Write the proposal, and return where, with what to say of it.

    force: write params.yaml even where there is one. Without it an existing params.yaml stays, and
    the proposal is written beside it. BadParams: both are there already. BadInput: a file that
    cannot be read, or none in which a customer and a time are found.
    """
    target = _target(force)
    with ExitStack() as stack:
        looks = [columns.look(table) for table in files.read_tables(paths, stack)]
        proposals = _proposals(looks)
        mapped = [proposal for proposal in proposals if proposal.is_customers or proposal.kinds]
        left_out = [_left_out(proposal) for proposal in proposals if proposal not in mapped]
        if not any(proposal.kinds for proposal in mapped):
            raise BadInput(
                f"{left_out[0] if left_out else 'no file'}; map it by hand: docs/starting.md"
            )
        facts = _facts(looks, ask)
        events = _events(facts, mapped)
        labels = windows.propose_labels(events, files.MEMORY)
        content = text.params_text(facts, mapped, labels, left_out)
    parse_params(content, str(target))
    atomic.write_text(target, content)
    return target, list(_summary(target, mapped, labels, left_out))


def _target(force: bool) -> Path:
    if force or not _PARAMS.exists():
        return _PARAMS
    if PROPOSED.exists():
        raise BadParams(
            f"{_PARAMS} and {PROPOSED} are there already; move {PROPOSED} away, or write --force to"
            f" replace {_PARAMS}"
        )
    return PROPOSED


def _proposals(looks: Sequence[Look]) -> list[Proposal]:
    """A mapping of each file: a recipe's where one is recognised."""
    every_recipe = recipes.read_recipes()
    proposals = []
    has_customers = False
    for look in looks:
        others = [other for other in looks if other is not look]
        name = recipes.recognise(list(look.columns), every_recipe)
        proposal = (
            recipes.proposal_of(look, name, every_recipe[name])
            if name
            else mapping.propose(look, others)
        )
        if proposal.is_customers and has_customers:
            proposal = Proposal(look)
        has_customers |= proposal.is_customers
        proposals.append(proposal)
    return proposals


def _left_out(proposal: Proposal) -> str:
    look = proposal.look
    lacks = "a time" if not look.times() else "a customer"
    return f"{look.table.path}: left out, for no column of it is {lacks}"


# What the files do not say


def _facts(looks: Sequence[Look], ask: Ask | None) -> text.CompanyFacts:
    zone, zone_why = _time_zone()
    currency, currency_why = _currency(looks)
    company = "your company"
    if ask:
        company = ask("Company", company)
        zone = ask("Time zone of the business", zone)
        currency = ask("Currency", currency)
    return text.CompanyFacts(
        company, zone, currency, {"time_zone": zone_why, "currency": currency_why}
    )


def _time_zone() -> tuple[str, str]:
    target = _ZONE_LINK.resolve().as_posix()
    name = target.partition("zoneinfo/")[2]
    if name and name not in ("UTC", "Etc/UTC", "localtime"):
        return name, "this machine's; write that of the business if it is another"
    return "UTC", "nothing says it: write the zone of the business, as Europe/London"


def _currency(looks: Sequence[Look]) -> tuple[str, str]:
    for look in looks:
        column = look.first("currency")
        codes = look.values(column) if column else set()
        plain = sorted(code.strip().upper() for code in codes if len(code.strip()) == 3)
        if column and plain:
            others = f"; others need ingest.conversion: {', '.join(plain[1:])}" if plain[1:] else ""
            return _most_common(
                look, column.name
            ), f"of column {column.name} of {look.name}{others}"
        if look.currency:
            return look.currency, f"of the sign in the cells of {look.name}"
    territory = (locale.getlocale()[0] or "").partition("_")[2]
    try:
        currencies = get_territory_currencies(territory) if territory else []
        Locale.parse(f"en_{territory}")
    except (UnknownLocaleError, ValueError):
        currencies = []
    if currencies:
        return currencies[0], "of this machine's locale; nothing in the files says it"
    return _NO_CURRENCY, "nothing says it: write the currency of the accounts, as EUR"


def _most_common(look: Look, name: str) -> str:
    raw = look.columns[name].raw
    ((code,),) = look.table.sample.run(
        f"select mode(upper(trim({raw.text_sql}))) from raw where {raw.filled_sql}"
    )
    return str(code)


# The events, by the stage that will read them


def _events(facts: text.CompanyFacts, proposals: Sequence[Proposal]) -> list[pa.Table]:
    """The events of every source, as the stage `ingest` makes them."""
    tables = []
    for proposal in proposals:
        if proposal.is_customers:
            continue
        name = proposal.look.name
        params = _params(facts, proposal)
        try:
            tables.append(ingest(params, name).events)
        except Refusal as refusal:
            raise BadInput(f"{refusal} (proposed for {proposal.look.table.path})") from None
    return tables


def _params(facts: text.CompanyFacts, proposal: Proposal) -> Params:
    source = dict(proposal.look.table.options) | proposal.section | {"dst": "later"}
    raw = {
        "time_zone": facts.time_zone,
        "currency": facts.currency,
        "ingest": {"max_reject_share": 1.0},
        "sources": {proposal.look.name: source},
        "labels": {"churn": {"rule": "silence"}},
    }
    return parse_params(yaml.safe_dump(raw), "the proposal")


# What is said


def _summary(
    target: Path,
    proposals: Sequence[Proposal],
    labels: windows.LabelProposal,
    left_out: Sequence[str],
) -> Iterator[str]:
    for proposal in proposals:
        what = "customers" if proposal.is_customers else ", ".join(dict.fromkeys(proposal.kinds))
        how = f" (recipe {proposal.recipe})" if proposal.recipe else ""
        yield f"{proposal.look.table.path}: {proposal.look.rows:,} rows, {what}{how}"
    yield from left_out
    churn = labels.churn
    yield f"lost: rule {churn['rule']} within {churn['horizon_days']} days"
    move = "" if target == _PARAMS else f"mv {target} {_PARAMS}; "
    yield f"wrote {target}; read its comments, then: {move}retention check"
