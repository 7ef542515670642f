"""Control charts: the normal band of a metric over periods, and alarms.

The centre and the width come from the baseline, which is every period but the last `recent`.
An alarm is one of two rules, for any period: a value beyond 3 sigma, or the eighth value in a row
(and each after it) on one side of the centre: rules 1 and 4 of Western Electric (1956), 1 and 2
of Nelson (1984), who waits for nine. Of a metric without a trend about 2 periods in 100 give a
false alarm, fewer where its baseline is long.

A period in which nothing was counted neither breaks a run nor counts towards it.
"""

from typing import Final

import numpy as np
import pandas as pd

from retention.stats.intervals import Floats

MIN_BASELINE: Final = 8  # periods with a value; fewer give no band
RUN: Final = 8  # values in a row on one side
SIGMAS: Final = 3.0
D2: Final = 1.128  # mean range of two standard normals
COLUMNS: Final = (
    "period",
    "value",  # the rate or mean; nan where nothing was counted
    "centre",  # of the band, as low and high in the unit of value; nan where there is none
    "low",
    "high",
    "alarm",  # what is unusual, in words, or null
    "note",  # why there is no band, or null
)


def p_chart(periods: pd.DataFrame, recent: int) -> pd.DataFrame:
    """Chart a proportion, numerator / denominator, by Laney's p' chart.

    Parameters
    ----------
    periods : DataFrame
        period, numerator, denominator; a row a period, in order of time.
    recent : int
        Periods at the end that are no part of the baseline.

    Returns
    -------
    DataFrame
        COLUMNS, a row a period.

    Raises
    ------
    ValueError
        A numerator is negative or above its denominator.

    References
    ----------
    Laney (2002), Quality Engineering 14, 531-537.
    """
    numerator, denominator = _counted(periods)
    if (numerator > denominator).any():
        raise ValueError("a numerator is above its denominator")
    return _rates(periods, numerator, denominator, recent, highest=1.0)


def u_chart(periods: pd.DataFrame, recent: int) -> pd.DataFrame:
    """Chart a rate of events per unit, numerator / denominator, by Laney's u' chart.

    Parameters and References as `p_chart`; a numerator may exceed its denominator.

    Returns
    -------
    DataFrame
        As `p_chart`.

    Raises
    ------
    ValueError
        A numerator or denominator is negative.
    """
    return _rates(periods, *_counted(periods), recent, highest=np.inf)


def xmr_chart(periods: pd.DataFrame, recent: int, lowest: float = -np.inf) -> pd.DataFrame:
    """Chart period means by an XmR chart: centre +- 2.66 mean moving range.

    Parameters
    ----------
    periods : DataFrame
        period, value (null for none); a row a period, in order of time.
    recent : int
        Periods at the end that are no part of the baseline.
    lowest : float
        What the metric cannot be below, in its unit.

    Returns
    -------
    DataFrame
        COLUMNS, a row a period.

    References
    ----------
    Wheeler (2000), Understanding Variation, 2nd ed.
    """
    value = periods["value"].to_numpy(dtype=float, na_value=np.nan)
    base = _baseline(value, recent)
    if len(base) < MIN_BASELINE:
        return _table(periods, value, note=_note_too_few(len(base)))
    sigma = _sigma(base)
    if sigma == 0:
        return _table(periods, value, note="no band: it never varied before")
    return _table(periods, value, float(base.mean()), np.full(len(value), sigma), lowest)


def _counted(periods: pd.DataFrame) -> tuple[Floats, Floats]:
    numerator, denominator = (
        periods[name].to_numpy(dtype=float, na_value=0.0) for name in ("numerator", "denominator")
    )
    if (numerator < 0).any() or (denominator < 0).any():
        raise ValueError("a numerator or denominator is negative")
    return numerator, denominator


def _rates(
    periods: pd.DataFrame, numerator: Floats, denominator: Floats, recent: int, highest: float
) -> pd.DataFrame:
    """Chart a rate: p' where highest is 1, else u'.

    sigma of a period is sigma_z sqrt(v / n), with v the variance of one case, and sigma_z the
    spread of z-scores by their mean moving range.

    Returns
    -------
    DataFrame
        As `p_chart`.
    """
    value = np.divide(
        numerator, denominator, out=np.full(len(denominator), np.nan), where=denominator > 0
    )
    before_recent = np.arange(len(denominator)) < len(denominator) - recent
    in_baseline = before_recent & (denominator > 0)
    if in_baseline.sum() < MIN_BASELINE:
        return _table(periods, value, note=_note_too_few(int(in_baseline.sum())))
    centre = float(numerator[in_baseline].sum() / denominator[in_baseline].sum())
    variance = centre * (1 - centre) if highest == 1.0 else centre
    if variance == 0:
        never = "it never happened" if centre == 0 else "it always happened"
        return _table(periods, value, note=f"no band: {never} before")
    by_chance = np.sqrt(variance / np.where(denominator > 0, denominator, np.nan))
    z = (value[in_baseline] - centre) / by_chance[in_baseline]
    # Held at 1 or more: a short baseline that varies less than by chance is luck.
    sigma_z = max(_sigma(z), 1.0)
    return _table(periods, value, centre, by_chance * sigma_z, 0.0, highest)


def _baseline(value: Floats, recent: int) -> Floats:
    old = value[: max(len(value) - recent, 0)]
    return old[np.isfinite(old)]


def _sigma(base: Floats) -> float:
    return float(np.abs(np.diff(base)).mean()) / D2


def _note_too_few(periods: int) -> str:
    return f"no band yet: {periods} of the {MIN_BASELINE} earlier periods that it takes"


def _table(
    periods: pd.DataFrame,
    value: Floats,
    centre: float = np.nan,
    sigma: Floats | None = None,
    lowest: float = -np.inf,
    highest: float = np.inf,
    note: str | None = None,
) -> pd.DataFrame:
    """Build COLUMNS, with a band that stays within what the metric can be."""
    width = SIGMAS * sigma if sigma is not None else np.full(len(value), np.nan)
    low, high = np.maximum(centre - width, lowest), np.minimum(centre + width, highest)
    notes = pd.Series([note] * len(value), dtype="str")
    columns = (
        periods["period"].reset_index(drop=True),
        value,
        np.full(len(value), centre),
        low,
        high,
        _alarm(value, centre, low, high),
        notes,
    )
    return pd.DataFrame(dict(zip(COLUMNS, columns, strict=True)))


def _alarm(value: Floats, centre: float, low: Floats, high: Floats) -> "pd.Series[str]":
    """Name the rule that each value breaks, the band before the run, or null."""
    side, run = np.sign(value - centre), _runs(np.sign(value - centre))
    words = pd.Series([None] * len(value), dtype="str")
    words[(run >= RUN) & (side > 0)] = f"{RUN} or more in a row above the centre"
    words[(run >= RUN) & (side < 0)] = f"{RUN} or more in a row below the centre"
    words[value > high] = "above the normal band"
    words[value < low] = "below the normal band"
    return words


def _runs(side: Floats) -> Floats:
    """(n,) how many in a row, up to each, are on its side; 0 on the centre and where nan."""
    positions = np.flatnonzero(np.isfinite(side))
    sides = side[positions]
    is_first = np.append(True, sides[1:] != sides[:-1])[: len(sides)]
    place = np.arange(len(sides))
    # The place of the first of each run, carried along the run.
    start = np.maximum.accumulate(np.where(is_first, place, 0))
    run = np.zeros(len(side))
    run[positions] = np.where(sides == 0, 0, place - start + 1)
    return run
