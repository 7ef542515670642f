"""Purchase histories with known parameters: CDNOW's published sample, and simulated customers."""

from importlib.metadata import distribution

import numpy as np
import pandas as pd

from models.components.bgnbd import BGNBD

CALIBRATION_ENDS = pd.Timestamp("1997-09-30")  # 39 weeks from 1997-01-01


def cdnow() -> pd.DataFrame:
    """CDNOW's 1/10 sample, one row per customer and purchase day: id, date, usd, week."""
    files = distribution("lifetimes").files or []
    (path,) = (file.locate() for file in files if file.name == "CDNOW_sample.txt")
    names = ["master", "id", "date", "cds", "usd"]
    lines = pd.read_csv(str(path), sep=r"\s+", names=names, dtype={"id": str, "date": str})
    lines["date"] = pd.to_datetime(lines["date"], format="%Y%m%d")
    days = lines.groupby(["id", "date"])[["usd"]].sum().reset_index()
    days["week"] = (days["date"] - days.groupby("id")["date"].transform("min")).dt.days / 7
    return days


def simulated(model: BGNBD, T: float, later: float, n: int, seed: int) -> pd.DataFrame:
    """Customers of BG/NBD, one loop step a purchase of all: x, t_x, T and purchases `later`."""
    generator = np.random.default_rng(seed)
    rate = generator.gamma(model.r, 1 / model.alpha, n)
    leaves = generator.beta(model.a, model.b, n)
    clock, alive = np.zeros(n), np.ones(n, dtype=bool)
    x, t_x, future = np.zeros(n), np.zeros(n), np.zeros(n)
    while alive.any():
        clock = clock + generator.exponential(1 / rate)
        past, ahead = alive & (clock <= T), alive & (clock > T) & (clock <= T + later)
        x, t_x, future = x + past, np.where(past, clock, t_x), future + ahead
        alive = (past | ahead) & (generator.random(n) >= leaves)
    return pd.DataFrame({"x": x, "t_x": t_x, "T": T, "future": future})
