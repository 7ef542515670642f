"""A small company: its raw files, its params, and a checkout of its own in which stages run.

400 customers, each with a purchase rhythm, over 14 months; some churn. All contact data contains
one of CANARIES, so that any file with a name, an e-mail address or a phone number is found.
"""

import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from zipfile import ZipFile

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from tests.support import forks

REPOSITORY: Final = Path(__file__).resolve().parents[2]
PARTS: Final = (
    ".dvc/config",
    ".dvcignore",
    "champion/README.md",
    "data/raw/.gitkeep",
    "dvc.yaml",
    "examples/__init__.py",
    "examples/telecom",
    "features",
    "ledgers/assignments/.gitkeep",
    "ledgers/erased/.gitkeep",
    "ledgers/outcomes/.gitkeep",
    "ledgers/runs/.gitkeep",
    "models",
    "pipeline",
    "pyproject.toml",
    "retention",
    "tools",
)
CANARIES: Final = (b"quibbleworth", b"@canary.example", b"+99 8877")
"""A part of every name, e-mail address and phone number, in lower case."""

_HALF_WRITTEN: Final = shutil.ignore_patterns("*.pyc.*")
"""Bytecode that another process is writing; what is whole saves compiling the code once more."""

CUSTOMERS, DAYS, FIRST_DAY = 400, 425, np.datetime64("2025-01-01")
AS_OF: Final = "2026-03-02"
_LINES, _ITEMS, _MOST_ORDERS = 4, 60, 120

PARAMS: Final[dict[str, Any]] = {
    "company": "Canary Row Grocers",
    "as_of": AS_OF,
    "time_zone": "Europe/London",
    "currency": "GBP",
    "engine": {"name": "duckdb", "memory": "1GB"},
    "ingest": {"max_reject_share": 0.01},
    "sources": {
        "sales": {
            "path": "data/raw/sales.csv",
            "key": ["receipt", "line"],
            "types": {"qty": "integer", "price": "decimal", "sold_at": "timestamp"},
            "format": {"time": "%Y-%m-%d %H:%M:%S"},
            "events": [
                {
                    "kind": "purchase",
                    "where": "qty > 0",
                    "customer_id": "cust",
                    "occurred_at": "sold_at",
                    "order_id": "receipt",
                    "item_id": "sku",
                    "quantity": "qty",
                    "amount": "qty * price",
                }
            ],
        },
        "returns": {
            "path": "data/raw/returns.csv",
            "key": ["slip"],
            "types": {"refund": "decimal", "returned_on": "date"},
            "format": {"date": "%d/%m/%Y"},
            "events": [
                {
                    "kind": "return",
                    "customer_id": "cust",
                    "occurred_at": "returned_on",
                    "order_id": "receipt",
                    "item_id": "sku",
                    "amount": "-refund",
                }
            ],
        },
        "mailings": {
            "path": "data/raw/mailings.csv",
            "key": ["campaign", "cust"],
            "types": {"sent_on": "date"},
            "format": {"date": "%Y-%m-%d"},
            "events": [
                {
                    "kind": "campaign",
                    "customer_id": "cust",
                    "occurred_at": "sent_on",
                    "topic": "campaign",
                }
            ],
        },
    },
    "customers": {
        "path": "data/raw/customers.csv",
        "types": {"joined": "date"},
        "format": {"date": "%Y-%m-%d"},
        "columns": {
            "customer_id": "id",
            "name": "full_name",
            "email": "mail",
            "phone": "mobile",
            "preferred_channel": "likes",
            "region": "area",
            "joined_at": "joined",
            "do_not_contact": "objects",
        },
    },
    "labels": {
        "churn": {"rule": "silence", "kinds": ["purchase"], "active_days": 60, "horizon_days": 28},
        "value": {"kinds": ["purchase", "return"], "horizon_days": 28},
    },
    "snapshots": {"every_days": 28, "most": 7},
    "features": {"windows": [30, 90]},
    "train": {
        "folds": 2,
        "min_churners": 20,
        "models": {
            "churn_lightgbm": {"learning_rate": 0.2, "num_leaves": 5, "seeds": 2},
            "value_hurdle": {"learning_rate": 0.2, "num_leaves": 5, "seeds": 1},
        },
    },
    "evaluate": {"bootstrap": 20},
    "at_risk": {"capacity": 40, "holdout_share": 0.1},
}


def write_raw(folder: Path, seed: int = 20260301) -> None:
    """sales, returns, mailings and customers as CSV, with two rows that cannot be read."""
    draw = np.random.default_rng(seed)
    joined = np.where(draw.random(CUSTOMERS) < 0.6, 0, draw.integers(0, 330, CUSTOMERS))
    ids = pd.Series([f"{number:05d}" for number in range(CUSTOMERS)])
    sales = _sales(draw, ids, joined)
    tables = {
        "sales": _damaged(sales),
        "returns": _returns(draw, sales),
        "mailings": _mailings(draw, ids),
        "customers": _customers(draw, ids, joined),
    }
    folder.mkdir(parents=True, exist_ok=True)
    for name, table in tables.items():
        table.to_csv(folder / f"{name}.csv", index=False, lineterminator="\n")


def _sales(
    draw: np.random.Generator, ids: "pd.Series[str]", joined: np.ndarray[Any, Any]
) -> pd.DataFrame:
    """Orders with gaps around each customer's own mean, until the customer churns."""
    usual = draw.gamma(4.0, 3.5, CUSTOMERS) + 3
    gaps = usual[:, None] * draw.gamma(3.0, 1 / 3, (CUSTOMERS, _MOST_ORDERS))
    day = joined[:, None] + np.cumsum(gaps, axis=1)
    leaves = joined + 30 + draw.exponential(330, CUSTOMERS)
    who, number = np.nonzero(day < np.minimum(leaves, DAYS)[:, None])
    lines = 1 + draw.poisson(0.8, len(who)).clip(max=_LINES - 1)
    order = np.repeat(np.arange(len(who)), lines)
    line = np.arange(len(order)) - np.repeat(np.cumsum(lines) - lines, lines)
    start = draw.integers(0, _ITEMS, len(who))[order]
    spends = draw.lognormal(1.2, 0.4, CUSTOMERS)
    minute = draw.integers(8 * 60, 20 * 60, len(who)).astype("timedelta64[m]")
    sold_at = FIRST_DAY + np.floor(day[who, number]).astype("timedelta64[D]") + minute
    sku = (start + line) % _ITEMS
    return pd.DataFrame(
        {
            "receipt": [f"R{number:06d}" for number in order],
            "line": line + 1,
            "cust": ids.to_numpy()[who[order]],
            "sku": [f"S{number:02d}" for number in sku],
            "qty": np.where(draw.random(len(order)) < 0.01, 0, draw.integers(1, 4, len(order))),
            "price": (spends[who[order]] * (0.5 + sku / _ITEMS)).round(2),
            "sold_at": pd.Series(sold_at[order]).dt.strftime("%Y-%m-%d %H:%M:%S"),
        }
    )


def _damaged(sales: pd.DataFrame) -> pd.DataFrame:
    """Two rows have a price that is none, and a day that is none."""
    damaged = sales.astype({"price": str})
    damaged.loc[100, "price"] = "n/a?"
    damaged.loc[200, "sold_at"] = "2025-02-30 12:00:00"
    return damaged


def _returns(draw: np.random.Generator, sales: pd.DataFrame) -> pd.DataFrame:
    bought = sales[(draw.random(len(sales)) < 0.03) & (sales["qty"] > 0)]
    later = pd.to_timedelta(draw.integers(1, 10, len(bought)), unit="D")
    on = (pd.to_datetime(bought["sold_at"]) + later).dt.normalize()
    returned = bought.assign(refund=bought["price"], returned_on=on.dt.strftime("%d/%m/%Y"))
    returned = returned[on < pd.Timestamp(FIRST_DAY) + pd.Timedelta(days=DAYS)]
    returned.insert(0, "slip", [f"T{number:05d}" for number in range(len(returned))])
    return returned[["slip", "receipt", "cust", "sku", "refund", "returned_on"]]


def _mailings(draw: np.random.Generator, ids: "pd.Series[str]") -> pd.DataFrame:
    sent = [
        pd.DataFrame({"campaign": f"C{month:02d}", "cust": ids[draw.random(len(ids)) < 0.5]})
        for month in range(14)
    ]
    days = FIRST_DAY + (np.arange(14) * 30).astype("timedelta64[D]")
    dated = [mailing.assign(sent_on=str(day)) for mailing, day in zip(sent, days, strict=True)]
    return pd.concat(dated)


def _customers(
    draw: np.random.Generator, ids: "pd.Series[str]", joined: np.ndarray[Any, Any]
) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "id": ids,
            "full_name": "Zoë Quibbleworth-" + ids,
            "mail": "zoe." + ids + "@canary.example",
            "mobile": "+99 8877 " + ids,
            "likes": draw.choice(["email", "phone", "app"], len(ids)),
            "area": draw.choice(["north", "south"], len(ids)),
            "joined": (FIRST_DAY + joined.astype("timedelta64[D]")).astype(str),
            "objects": np.where(draw.random(len(ids)) < 0.05, "true", "false"),
        }
    )


def shuffle_raw(folder: Path, seed: int = 7) -> None:
    """The same rows of every CSV in another order, their bytes unchanged."""
    for path in sorted(folder.glob("*.csv")):
        header, *lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
        order = np.random.default_rng(seed).permutation(len(lines))
        path.write_text(header + "".join(lines[i] for i in order), encoding="utf-8")


_MAINS: Final = """
import sys
from importlib import import_module

for words in [name.split() for name in sys.argv[1:]]:
    sys.argv = words
    import_module(f"pipeline.{words[0]}").main()
"""


@dataclass(frozen=True)
class Checkout:
    """A folder with the project's code and one company's data; its own code runs in it."""

    folder: Path
    log: str = ""

    def __truediv__(self, path: str | os.PathLike[str]) -> Path:
        return self.folder / path

    def run(self, *words: str, **env: str) -> "subprocess.CompletedProcess[str]":
        """`python -m words...` in the folder; stdout and stderr are kept."""
        return self._python(["-m", *words], env)

    def _python(
        self, words: Sequence[str], env: Mapping[str, str]
    ) -> "subprocess.CompletedProcess[str]":
        """`python words...`: a fork, but for DVC and what only a new interpreter takes."""
        if words[1] == "dvc" or any(name.startswith("PYTHON") for name in env):
            return self.new_interpreter(*words, **env)
        return forks.run(words, self.folder, self._env(env))

    def new_interpreter(self, *words: str, **env: str) -> "subprocess.CompletedProcess[str]":
        """`python words...` in the folder, with no library imported beforehand."""
        return subprocess.run(
            [sys.executable, *words],
            cwd=self.folder,
            env=self._env(env),
            capture_output=True,
            text=True,
            check=False,
            timeout=forks.PATIENCE,
        )

    def retention(self, *words: str, **env: str) -> "subprocess.CompletedProcess[str]":
        """`retention words...` in the folder."""
        return self.run("retention", *words, **env)

    def start(self, *words: str) -> "subprocess.Popen[str]":
        """Start `retention words...` in the folder; its output is discarded."""
        return subprocess.Popen(
            [sys.executable, "-m", "retention", *words],
            cwd=self.folder,
            env=self._env({}),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def stages(self, *names: str, **env: str) -> str:
        """Run main() of some stages in one process, without DVC; their output. All must pass."""
        done = self._python(["-c", _MAINS, *names], env)
        assert not done.returncode, done.stderr[-3000:]
        return done.stdout + done.stderr

    def repro(self, *words: str) -> str:
        """Run `dvc repro`, which must pass; its output."""
        done = self.run("dvc", "repro", *words)
        assert not done.returncode, done.stdout[-2000:] + done.stderr[-3000:]
        return done.stdout + done.stderr

    def _env(self, more: Mapping[str, str]) -> dict[str, str]:
        """This folder's code before an installed one, and no files outside of the folder."""
        foreign = ("COV", "MLFLOW", "DVC", "PYTHON")
        environment = {
            name: value for name, value in os.environ.items() if not name.startswith(foreign)
        }
        own = {
            "PYTHONPATH": str(self.folder),
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "DVC_SITE_CACHE_DIR": str(self.folder / ".dvc/tmp/site"),
            "DVC_NO_ANALYTICS": "true",
            "MLFLOW_DISABLE_TELEMETRY": "true",
        }
        return environment | own | dict(more)

    def params(self) -> dict[str, Any]:
        read: dict[str, Any] = yaml.safe_load((self / "params.yaml").read_text(encoding="utf-8"))
        return read

    def set_params(self, changed: dict[str, Any]) -> None:
        text = yaml.safe_dump(changed, sort_keys=False)
        (self / "params.yaml").write_text(text, encoding="utf-8")

    def copy(self, to: Path) -> "Checkout":
        """The whole folder elsewhere, modification times and links kept; MLflow writes there."""
        shutil.copytree(self.folder, to, symlinks=True)
        with closing(sqlite3.connect(to / "mlflow.db")) as store, store:
            for table in ("experiments", "logged_models"):
                store.execute(
                    f"update {table} set artifact_location = replace(artifact_location, ?, ?)",
                    (str(self.folder), str(to)),
                )
        return Checkout(to, self.log)

    def mlflow_tags(self, key: str) -> set[str]:
        """The values of a tag over all runs in MLflow."""
        with closing(sqlite3.connect(self / "mlflow.db")) as store:
            return {
                value for (value,) in store.execute("select value from tags where key = ?", [key])
            }


def make(folder: Path) -> Checkout:
    """A checkout with the company's raw files and params, in which nothing has run yet."""
    for part in PARTS:
        source, target = REPOSITORY / part, folder / part
        if source.is_dir():
            shutil.copytree(source, target, ignore=_HALF_WRITTEN)
        else:
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target)
    (folder / ".dvc/config.local").write_text("[core]\n    no_scm = true\n", encoding="ascii")
    write_raw(folder / "data/raw")
    checkout = Checkout(folder)
    checkout.set_params(PARAMS)
    return checkout


def make_reproduced(folder: Path) -> Checkout:
    """A checkout in which `dvc repro` has run once, with its output."""
    return Checkout(folder, make(folder).repro())


def texts(path: Path) -> Iterator[bytes]:
    """The content of a file in lower case; Parquet and zip are unpacked, as both hide text."""
    content = path.read_bytes()
    if content.startswith(b"PAR1"):
        yield _cells(pq.read_table(path))
    elif content.startswith(b"PK\x03\x04"):
        with ZipFile(path) as packed:
            yield b"".join(packed.read(name) for name in packed.namelist()).lower()
    else:
        yield content.lower()


def _cells(table: pa.Table) -> bytes:
    """The distinct texts of every column of text."""
    named = [field.name for field in table.schema if pa.types.is_string(field.type)]
    distinct = [table[name].unique().drop_null().to_pylist() for name in named]
    return "\n".join(text for column in distinct for text in column).lower().encode()


def canaries(path: Path) -> set[bytes]:
    """The canaries that a file holds."""
    return {canary for text in texts(path) for canary in CANARIES if canary in text}
