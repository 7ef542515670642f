"""What a feature's expression asks of the rows of its grain, read from the expression itself.

A feature is declared once, as a Narwhals expression. Its aggregates are taken out of it here, each
as a `Measure` that one pass over a customer's history answers for every snapshot; what is left of
the expression computes the feature from the measures. An expression that asks for something else
raises `UnreadableError`: its feature is computed anew at each snapshot.

Narwhals has no public way to read an expression; this is the only file that knows its nodes.
"""

import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import narwhals as nw

from features.engine.base import Appended, Grain, Grouped, Weekly

Nodes = tuple[Any, ...]
Kind = Literal[
    "sum", "oldest", "newest", "largest", "smallest", "at_newest", "median", "at_least_silence",
    "distinct", "weeks",
]  # fmt: skip
"""sum: over the rows of a window. oldest, newest: the age of such a row where the value is 1.
largest, smallest, median: of the values. at_newest: the largest value of the newest day.
at_least_silence: values not below the age of the newest row. distinct: groups with a row in the
window. weeks: weeks of the window with a row."""


class UnreadableError(Exception):
    """The expression is not made of measures."""


@dataclass(frozen=True)
class Measure:
    """A number of a customer's rows at a snapshot."""

    kind: Kind
    value: nw.Expr = field(compare=False)  # of a row; it depends on no later row
    text: str = ""  # the value as text, by which measures are compared
    ages: tuple[int, int | None] = (0, None)  # the window: above the first, up to the second


def _measure(kind: Kind, value: nw.Expr, ages: tuple[int, int | None] = (0, None)) -> Measure:
    return Measure(kind, value, _text(value._nodes), ages)


def _text(nodes: Nodes) -> str:
    """The expression as text: another one has another, which its `repr` does not promise."""
    texts = []
    for node in nodes:
        parts = [_text(part._nodes) if _is_expr(part) else repr(part) for part in node.exprs]
        texts.append(f"{node.name}({parts} {sorted(node.kwargs.items())})")
    return ".".join(texts)


UNIT = nw.lit(1)
IS_FIRST, IS_SECOND = nw.col("is_first"), nw.col("is_second")  # of a group's rows, see running.py
ROWS = _measure("sum", UNIT)


class Reader:
    """Takes the measures out of the expressions of one grain."""

    def __init__(self, grain: Grain) -> None:
        self.grain = grain
        self.measures: dict[Measure, str] = {}
        form = grain.form
        self._silence = form.silence if isinstance(form, Appended) else ""
        changing = form.changing if isinstance(form, Appended) else ()
        self._moving = {"age", "first_age", "week", "days", self._silence, *changing}

    def read(self, expr: nw.Expr) -> nw.Expr:
        """The expression over columns that hold its measures. Errors: UnreadableError."""
        nodes: Nodes = expr._nodes
        for i, node in enumerate(nodes):
            if node.kind.name == "AGGREGATION":
                aggregate = self._aggregate(nodes[:i], node.name)
                return nw.Expr(*aggregate._nodes, *map(self._elementwise, nodes[i + 1 :]))
        return nw.Expr(*map(self._elementwise, nodes))

    def name(self, measure: Measure) -> str:
        """The column that holds a measure."""
        return self.measures.setdefault(measure, f"{self.grain.name} {len(self.measures)}")

    def _elementwise(self, node: Any) -> Any:
        if node.kind.name not in ("ELEMENTWISE", "LITERAL"):
            raise UnreadableError(f"{node.name} outside of an aggregate")
        return _with_parts(
            node, [self.read(part) if _is_expr(part) else part for part in node.exprs]
        )

    def _aggregate(self, operand: Nodes, name: str) -> nw.Expr:
        form = self.grain.form
        if isinstance(form, Weekly):
            return self._of_weeks(operand, name)
        measure = (
            self._of_groups(operand, name)
            if isinstance(form, Grouped)
            else self._of_rows(operand, name)
        )
        return nw.col(self.name(measure))

    def _of_rows(self, operand: Nodes, name: str) -> Measure:
        """The measure of an aggregate over the rows themselves."""
        if name == "len":
            return ROWS
        if name == "count":
            return _measure("sum", nw.when(~nw.Expr(*operand).is_null()).then(1).otherwise(0))
        if name == "median":
            return _measure("median", self._steady(operand))
        asked = _Asked.parse(operand, self._silence)
        if name == "sum":
            return self._sum(operand, asked)
        if name in ("min", "max"):
            return self._extreme(operand, name, asked)
        raise UnreadableError(name)

    def _sum(self, operand: Nodes, asked: "_Asked") -> Measure:
        longer = _at_least(operand, self._silence)
        if longer:
            return _measure("at_least_silence", self._steady(longer))
        if not asked.ages_given:
            return _measure("sum", self._steady(operand).fill_null(0))
        if asked.of_newest or asked.otherwise != 0:
            raise UnreadableError("a window that is not summed")
        value = self._steady(nw.Expr(*asked.value)._nodes)
        if asked.steady:
            value = nw.when(*self._conditions(asked)).then(value).otherwise(0)
        return _measure("sum", value.fill_null(0), asked.ages)

    def _extreme(self, operand: Nodes, name: str, asked: "_Asked") -> Measure:
        if asked.ages_given:
            raise UnreadableError("an extreme in a window")
        if asked.of_newest:
            if name != "max" or asked.otherwise is not None:
                raise UnreadableError("of the newest rows")
            value = self._steady(asked.value)
            if asked.steady:
                value = nw.when(*self._conditions(asked)).then(value)
            return _measure("at_newest", value)
        if _is_column(asked.value, "age") and asked.otherwise is None:
            kind: Kind = "newest" if name == "min" else "oldest"
            if not asked.steady:
                return _measure(kind, UNIT)
            return _measure(kind, nw.when(*self._conditions(asked)).then(1).otherwise(0))
        return _measure("largest" if name == "max" else "smallest", self._steady(operand))

    def _conditions(self, asked: "_Asked") -> list[nw.Expr]:
        return [self._steady(condition) for condition in asked.steady]

    def _of_groups(self, operand: Nodes, name: str) -> Measure:
        """The measure of an aggregate over groups of rows, from the rows."""
        if name == "len":
            return _measure("sum", IS_FIRST)
        asked = _Asked.parse(operand, "")
        counted = name == "sum" and asked.otherwise == 0 and _is_one(asked.value)
        if not counted:
            raise UnreadableError(name)
        if asked.ages_given and not asked.steady and asked.ages[0] == 0:
            return _measure("distinct", UNIT, asked.ages)
        if len(asked.steady) == 1 and not asked.ages_given:
            column, sign, limit = _comparison(asked.steady[0])
            if (column, sign) == ("first_age", "__le__"):
                return _measure("sum", IS_FIRST, (0, limit))
            if (column, sign, limit) == (self.grain.form.number, "__gt__", 1):  # type: ignore[union-attr]
                return _measure("sum", IS_SECOND)
        raise UnreadableError("of groups")

    def _of_weeks(self, operand: Nodes, name: str) -> nw.Expr:
        """An aggregate over weeks, from the days."""
        if name == "len":
            return nw.col(self.name(_measure("weeks", UNIT)))
        if name == "max" and _is_column(operand, "week"):
            return (nw.col(self.name(_measure("oldest", UNIT))) - 1) // 7 + 1
        if name == "sum" and _is_column(operand, "days"):
            return nw.col(self.name(ROWS))
        asked = _Asked.parse(operand, "")
        if (
            name == "sum"
            and len(asked.steady) == 1
            and asked.otherwise == 0
            and _is_one(asked.value)
        ):
            column, sign, limit = _comparison(asked.steady[0])
            if (column, sign) == ("week", "__le__"):
                return nw.col(self.name(_measure("weeks", UNIT, (0, 7 * limit))))
        raise UnreadableError("of weeks")

    def _steady(self, nodes: Nodes) -> nw.Expr:
        """The expression, if no later row changes it."""
        moving = self._moving & set(_columns(nodes))
        if moving or not all(_elementwise_only(nodes)):
            raise UnreadableError(f"of a row: {', '.join(sorted(moving))}")
        return nw.Expr(*nodes)


@dataclass(frozen=True)
class _Asked:
    """The parts of `when(conditions).then(value).otherwise(otherwise)`, or of a bare value."""

    value: Nodes
    otherwise: Any  # a number; None: null
    ages: tuple[int, int | None]
    of_newest: bool  # the rows of the newest day alone
    steady: tuple[Nodes, ...]  # the other conditions

    @property
    def ages_given(self) -> bool:
        return self.ages != (0, None)

    @classmethod
    def parse(cls, operand: Nodes, silence: str) -> "_Asked":
        if len(operand) != 1 or operand[0].name != "when_then":
            return cls(operand, None, (0, None), False, ())
        condition, value, *otherwise = operand[0].exprs
        if otherwise and _is_expr(otherwise[0]):
            return cls(operand, None, (0, None), False, ())
        low, high, of_newest, steady = 0, None, False, []
        for part in _conjuncts(condition._nodes):
            column, sign, limit = _comparison(part)
            if column == "age" and sign == "__gt__" and isinstance(limit, int):
                low = max(low, limit)
            elif column == "age" and sign == "__le__" and isinstance(limit, int):
                high = limit if high is None else min(high, limit)
            elif (
                silence and column == "age" and sign == "__eq__" and _is_column_expr(limit, silence)
            ):
                of_newest = True
            else:
                steady.append(part)
        parts = value._nodes if _is_expr(value) else nw.lit(value)._nodes
        return cls(
            parts, otherwise[0] if otherwise else None, (low, high), of_newest, tuple(steady)
        )


def _conjuncts(nodes: Nodes) -> Iterator[Nodes]:
    """The conditions that all have to hold."""
    last = nodes[-1]
    if len(nodes) == 1 and last.name == "all_horizontal" and len(last.exprs) == 1:
        yield from _conjuncts(last.exprs[0]._nodes)
    elif last.name == "__and__" and _is_expr(last.exprs[0]):
        yield from _conjuncts(nodes[:-1])
        yield from _conjuncts(last.exprs[0]._nodes)
    else:
        yield nodes


def _comparison(nodes: Nodes) -> tuple[str, str, Any]:
    """column, sign, limit of a comparison of a column; empty where it is none."""
    if len(nodes) == 2 and nodes[0].name == "col" and len(nodes[1].exprs) == 1:
        return str(nodes[0].kwargs["names"][0]), str(nodes[1].name), nodes[1].exprs[0]
    return "", "", None


def _at_least(operand: Nodes, silence: str) -> Nodes | None:
    """The value of a count of the rows whose value is not below the silence; None: it is none."""
    asked = _Asked.parse(operand, "")
    if not silence or asked.ages_given or len(asked.steady) != 1 or asked.otherwise != 0:
        return None
    *value, last = asked.steady[0]
    compared = last.name == "__ge__" and _is_column_expr(last.exprs[0], silence)
    return tuple(value) if compared and _is_one(asked.value) else None


def _columns(nodes: Nodes) -> Iterator[str]:
    for node in nodes:
        if node.name == "col":
            yield from node.kwargs["names"]
        for part in node.exprs:
            if _is_expr(part):
                yield from _columns(part._nodes)


def _elementwise_only(nodes: Nodes) -> Iterator[bool]:
    for node in nodes:
        yield node.kind.name in ("COL", "ELEMENTWISE", "LITERAL")
        for part in node.exprs:
            if _is_expr(part):
                yield from _elementwise_only(part._nodes)


def _with_parts(node: Any, parts: Sequence[Any]) -> Any:
    changed = copy.copy(node)
    changed.exprs = parts
    changed._is_orderable_cached = changed._is_elementwise_cached = None
    return changed


def _is_expr(part: Any) -> bool:
    return isinstance(part, nw.Expr)


def _is_column(nodes: Nodes, name: str) -> bool:
    return len(nodes) == 1 and nodes[0].name == "col" and list(nodes[0].kwargs["names"]) == [name]


def _is_column_expr(part: Any, name: str) -> bool:
    return _is_expr(part) and _is_column(part._nodes, name)


def _is_one(nodes: Nodes) -> bool:
    return len(nodes) == 1 and nodes[0].name == "lit" and nodes[0].kwargs["value"] == 1
