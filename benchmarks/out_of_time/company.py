"""A company of the comparison: its configuration, and how its raw files come about."""

import gzip
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from pipeline import example
from retention.core.params import Params, parse_params

ROOT = Path(__file__).resolve().parents[2]
MAPPINGS = Path(__file__).with_name("mappings.yaml")
RAW = Path("data/raw/history.csv")
SHIPPED = ("grocer", "cdnow")


@dataclass(frozen=True)
class Company:
    """Keys of params.yaml without as_of; everything that they do not name is the default."""

    name: str
    raw_params: dict[str, Any]
    write: Callable[[Path], None]  # the raw files, under a folder
    has_money: bool = True

    @property
    def params(self) -> Params:
        return parse_params(yaml.safe_dump(self.raw_params, sort_keys=False))


def shipped() -> list[Company]:
    """The example companies that are real, under their own params.yaml."""
    companies = []
    for name in SHIPPED:
        raw_params = yaml.safe_load((ROOT / "examples" / name / "params.yaml").read_text())
        raw_params["as_of"] = None
        companies.append(Company(name, raw_params, _example_writer(name)))
    return companies


def _example_writer(name: str) -> Callable[[Path], None]:
    return lambda folder: example.COMPANIES[name](folder / "data/example" / name)


def in_folder(folder: Path) -> list[Company]:
    """One company for each history of a folder and each pair of label windows.

    A history is a file NAME.csv.gz whose header is one of MAPPINGS. ValueError: another header.
    """
    mappings = yaml.safe_load(MAPPINGS.read_text())
    companies = []
    for path in sorted(folder.glob("*.csv.gz")):
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            header = lines.readline().strip().split(",")
        mapping = next((each for each in mappings if each["header"] == header), None)
        if mapping is None:
            raise ValueError(f"{path.name}: no mapping for the header {','.join(header)}")
        history = path.name.removesuffix(".csv.gz")
        windows = mapping["windows"].get(history, mapping["windows"]["default"])
        for active_days, horizon_days in windows:
            name = history if len(windows) == 1 else f"{history} {active_days}/{horizon_days}"
            raw_params = mapped_params(name, mapping["source"], active_days, horizon_days)
            has_money = "amount" in mapping["source"]["events"][0]
            companies.append(Company(name, raw_params, _unpacker(path), has_money))
    return companies


def _unpacker(path: Path) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        (folder / RAW).parent.mkdir(parents=True, exist_ok=True)
        (folder / RAW).write_bytes(gzip.decompress(path.read_bytes()))

    return write


def mapped_params(
    name: str, source: dict[str, Any], active_days: int, horizon_days: int
) -> dict[str, Any]:
    """The params of a history that lies in one file; all else is the default."""
    return {
        "company": name,
        "time_zone": "UTC",
        "currency": "EUR",
        "engine": {"name": "duckdb", "memory": "2GB"},
        "sources": {"history": {"path": str(RAW), **source}},
        "labels": {
            "churn": {"rule": "silence", "active_days": active_days, "horizon_days": horizon_days},
            "value": {"horizon_days": horizon_days},
        },
    }
