"""A mapping is a column's name or scalar SQL over the row, and can be nothing else."""

from collections.abc import Iterator

import duckdb
import pytest

from retention.core.errors import BadInput, BadParams
from retention.sources import expressions, reader

ODD = 'a"; DROP TABLE t--'


@pytest.fixture(scope="module")
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with reader.connect("500MB") as opened:
        yield opened


@pytest.fixture
def compiler(connection: duckdb.DuckDBPyConnection) -> expressions.Compiler:
    return make_compiler(connection)


def make_compiler(connection: duckdb.DuckDBPyConnection) -> expressions.Compiler:
    return expressions.Compiler(connection, ["qty", "price", "Sold", ODD], "raw.csv")


def test_scalar_sql_compiles_to_positions(connection: duckdb.DuckDBPyConnection) -> None:
    expected = {
        "qty": "v0",
        "QTY": "(v0)",
        "qty > 0 and price < 3": "(((v0 > 0) AND (v1 < 3)))",
        "'web'": "('web')",
        "coalesce(sold, 'x') -- a remark": "(COALESCE(v0, 'x'))",
        ODD: "v0",
        '"a""; DROP TABLE t--"': "(v0)",
    }
    compiled = {text: make_compiler(connection).compile(text, "key").sql for text in expected}
    assert compiled == expected
    for text in (
        "case when qty in (1, 2) then price end",
        "split_part(sold, '-', 1)",
        "nullif(sold, '')",
    ):
        assert make_compiler(connection).compile(text, "key").sql, text


NOT_SCALAR = """
    sum(qty) | count(*) | first(qty) | sum(qty) over () | row_number() over ()
    (select 1) | exists(select 1) | qty in (select 1) | now() | today() | current_date
    current_timestamp | localtimestamp | random() | uuid() | age(sold) | getenv('HOME')
    current_setting('x') | read_text('/etc/passwd') | nextval('s') | qty; drop table x
    qty from x | qty as z | qty, price | * | columns('q') | ? | $1 | #1 | x -> x + 1
    unnest([1]) | raw.qty | main.now() | order | qty)
"""


def test_anything_else_is_refused(compiler: expressions.Compiler) -> None:
    texts = [text.strip() for line in NOT_SCALAR.strip().splitlines() for text in line.split("|")]
    assert len(texts) == 35
    accepted = [text for text in (*texts, "") if "key" not in refusal(compiler, text)]
    assert not accepted


def refusal(compiler: expressions.Compiler, text: str) -> str:
    """The message with which a text is refused; empty when it compiles."""
    try:
        compiler.compile(text, "key")
    except (BadParams, BadInput) as refused:
        return str(refused)
    return ""


def test_a_column_that_is_not_there_names_the_nearest(compiler: expressions.Compiler) -> None:
    with pytest.raises(BadInput, match=r"raw.csv: line 1 has no column 'prise' \(nearest: price\)"):
        compiler.compile("prise * 2", "sources.sales.events[0].amount")


def test_a_value_of_the_wrong_type_says_so(
    connection: duckdb.DuckDBPyConnection, compiler: expressions.Compiler
) -> None:
    connection.execute("create or replace table typed as select 'x' as v0").fetchall()
    with pytest.raises(BadParams, match=r"key: .*unless types: gives it another type"):
        expressions.bind_types(
            connection, "typed", [compiler.compile("qty * 'a' + date '2020-01-01'", "key")]
        )
