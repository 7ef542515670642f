"""Invented companies of kinds that the real histories lack. Nothing is tuned on them."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import yaml

from benchmarks.out_of_time.company import MAPPINGS, RAW, Company, mapped_params
from models.components.base import Floats

_START = np.datetime64("2022-02-01")
_HEADER = ["customer", "day", "price"]


@dataclass(frozen=True)
class Shop:
    """How customers come, buy and leave; times in days."""

    seed: int
    customers: int
    days: int
    gap: float  # median days between two purchases of a customer
    gap_spread: float  # standard deviation of its logarithm over customers
    shape: float  # of the gamma gaps of a customer: 1 is at random, 20 is like a clock
    life: float  # mean days until a customer leaves
    short_lived: float = 0.0  # part of the customers who stay a tenth of that
    peak: float = 1.0  # purchases before Christmas, as a multiple
    peak_only: float = 0.0  # part of the customers who buy hardly but before Christmas


SHOPS = {
    "seasonal retailer": Shop(1, 2500, 900, 70, 0.9, 1.0, 600, 0.3, 3.0, 0.2),
    "steady replenishment": Shop(2, 1200, 720, 30, 0.3, 12.0, 500),
    "few customers": Shop(3, 90, 1100, 35, 0.6, 1.5, 700),
    "churn nearly the rule": Shop(4, 3000, 720, 100, 1.2, 1.0, 150, 0.7),
}


def season(day: Floats, shop: Shop) -> Floats:
    """The rate of purchases on a day, as a multiple of the customer's own."""
    of_year = ((_START - _START.astype("datetime64[Y]")) / np.timedelta64(1, "D") + day) % 365.25
    christmas = (shop.peak - 1) * np.exp(-0.5 * ((of_year - 335) / 22) ** 2)
    january = 0.1 * (shop.peak - 1) * np.exp(-0.5 * ((of_year - 15) / 20) ** 2)
    return np.asarray(1 + christmas - january)


def purchases(shop: Shop) -> pd.DataFrame:
    """The history: customer, day, price; the first purchase is the customer's beginning.

    Gaps run on the customer's own clock, which the season makes go faster: a renewal process in
    operational time, so that it can be drawn for all customers at once.
    """
    draw, n = np.random.default_rng(shop.seed), shop.customers
    born = np.where(draw.random(n) < 0.35, 0, np.floor(shop.days * draw.beta(1, 1.6, n)))
    short = draw.random(n) < shop.short_lived
    dies = born + draw.exponential(np.where(short, shop.life / 10, shop.life))
    gap = shop.gap * np.exp(shop.gap_spread * draw.standard_normal(n))
    clock = np.cumsum(season(np.arange(shop.days, dtype=float), shop))
    peaked = np.cumsum(season(np.arange(shop.days, dtype=float), shop) ** 3 * 0.5)
    only_peak = draw.random(n) < shop.peak_only
    max_gaps = int(3 * clock[-1] / shop.gap * np.exp(2 * shop.gap_spread) + 30)
    elapsed = np.cumsum(draw.gamma(shop.shape, 1 / shop.shape, (n, max_gaps)) * gap[:, None], 1)
    begin = born.astype(int).clip(0, shop.days - 1)
    times = np.where(
        only_peak[:, None],
        np.interp(peaked[begin][:, None] + elapsed, peaked, np.arange(shop.days), right=np.inf),
        np.interp(clock[begin][:, None] + elapsed, clock, np.arange(shop.days), right=np.inf),
    )
    day = np.hstack([born[:, None], times])
    bought = (day < np.minimum(dies, shop.days - 1)[:, None]) | (np.arange(day.shape[1]) == 0)
    who, _ = np.nonzero(bought)
    level = np.exp(draw.normal(3.3, 0.9, n))[who]
    price = level * np.exp(draw.normal(0, 0.5, len(who)))
    date = _START + np.floor(day[bought]).astype("timedelta64[D]")
    frame = pd.DataFrame({"customer": who, "day": date, "price": price.round(2)})
    return frame.sort_values(["day", "customer"], kind="stable")


def invented() -> list[Company]:
    """One company for each of SHOPS."""
    mappings = yaml.safe_load(MAPPINGS.read_text())
    source = next(each["source"] for each in mappings if each["header"] == _HEADER)
    return [
        Company(name, mapped_params(name, source, 180, 90), _writer(shop))
        for name, shop in SHOPS.items()
    ]


def _writer(shop: Shop) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        (folder / RAW).parent.mkdir(parents=True, exist_ok=True)
        purchases(shop).to_csv(folder / RAW, index=False)

    return write
