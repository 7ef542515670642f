"""Control charts: the normal band of a metric over periods, and alarms.

The centre and the width come from the baseline, which is every period but the last `recent`. Where
the baseline shows that a time of the year comes out high or low again and again, the centre moves
with it (`season`), and the band is wider by what is unknown of it.
An alarm is one of two rules, for any period: a value beyond 3 sigma, or the eighth value in a row
(and each after it) on one side of the centre: rules 1 and 4 of Western Electric (1956), 1 and 2
of Nelson (1984), who waits for nine. Of a metric without a trend about 2 periods in 100 give a
false alarm, fewer where its baseline is long.

A period in which nothing was counted neither breaks a run nor counts towards it.
"""

from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from retention.stats.intervals import Floats
from retention.stats.season import seasonal_shift

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
    "season",  # how far the time of the year moves the centre
    "season_error",  # its standard error
    "sigma",  # the standard deviation of a value; nan where there is no band
    "alarm",  # what is unusual, in words, or null
    "note",  # why there is no band, or null
)


def p_chart(periods: pd.DataFrame, recent: int, a_year: int = 0) -> pd.DataFrame:
    """Chart a proportion, numerator / denominator, by Laney's p' chart.

    Parameters
    ----------
    periods : DataFrame
        period, numerator, denominator; a row a period, in order of time.
    recent : int
        Periods at the end that are no part of the baseline.
    a_year : int
        Periods in a year; 0: no season is looked for.

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
    return _rates(periods, numerator, denominator, recent, a_year, highest=1.0)


def u_chart(periods: pd.DataFrame, recent: int, a_year: int = 0) -> pd.DataFrame:
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
    return _rates(periods, *_counted(periods), recent, a_year, highest=np.inf)


def xmr_chart(
    periods: pd.DataFrame, recent: int, lowest: float = -np.inf, a_year: int = 0
) -> pd.DataFrame:
    """Chart period means by an XmR chart: centre +- 2.66 mean moving range.

    Parameters
    ----------
    periods : DataFrame
        period, value (null for none); a row a period, in order of time.
    recent : int
        Periods at the end that are no part of the baseline.
    lowest : float
        What the metric cannot be below, in its unit.
    a_year : int
        Periods in a year; 0: no season is looked for.

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
    if _sigma(base) == 0:
        return _table(periods, value, note="no band: it never varied before")
    in_baseline = np.isfinite(value) & (np.arange(len(value)) < len(value) - recent)
    unit = np.ones(len(value))
    season, sigma = _season(value, in_baseline, float(base.mean()), unit, 0.0, a_year)
    return _table(periods, value, float(base.mean()), sigma, lowest, season=season)


def _counted(periods: pd.DataFrame) -> tuple[Floats, Floats]:
    numerator, denominator = (
        periods[name].to_numpy(dtype=float, na_value=0.0) for name in ("numerator", "denominator")
    )
    if (numerator < 0).any() or (denominator < 0).any():
        raise ValueError("a numerator or denominator is negative")
    return numerator, denominator


def _rates(
    periods: pd.DataFrame,
    numerator: Floats,
    denominator: Floats,
    recent: int,
    a_year: int,
    highest: float,
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
    # Held at 1 or more: a short baseline that varies less than by chance is luck.
    season, sigma = _season(value, in_baseline, centre, by_chance, 1.0, a_year)
    return _table(periods, value, centre, sigma, 0.0, highest, season=season)


def _season(
    value: Floats,
    in_baseline: NDArray[np.bool_],
    centre: float,
    unit: Floats,
    floor: float,
    a_year: int,
) -> tuple[tuple[Floats, Floats], Floats]:
    """Estimate the season's shift and error, and the sigma of each period around it.

    sigma is `unit` times the spread of (value - centre - shift) / unit in the baseline, which is
    at least `least`. The season is in the spread at first, so that both are estimated twice.

    Returns
    -------
    (shift, error), sigma : ndarray of float
        (n,) in the unit of value.
    """
    deviation = np.where(in_baseline, value - centre, np.nan)
    shift, error = np.zeros(len(value)), np.zeros(len(value))
    sigma = unit * max(_sigma((deviation / unit)[in_baseline]), floor)
    for _ in range(2 if a_year else 0):
        shift, error = seasonal_shift(deviation, sigma**2, a_year)
        sigma = unit * max(_sigma(((deviation - shift) / unit)[in_baseline]), floor)
    return (shift, error), sigma


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
    season: tuple[Floats, Floats] | None = None,
) -> pd.DataFrame:
    """Build COLUMNS, with a band that stays within what the metric can be."""
    nothing = np.zeros(len(value))
    shift, error = season if season is not None else (nothing, nothing)
    middle = np.clip(centre + shift, lowest, highest)
    width = SIGMAS * np.hypot(sigma, error) if sigma is not None else nothing + np.nan
    low, high = np.maximum(middle - width, lowest), np.minimum(middle + width, highest)
    notes = pd.Series([note] * len(value), dtype="str")
    columns = (
        periods["period"].reset_index(drop=True),
        value,
        middle,
        low,
        high,
        shift,
        error,
        sigma if sigma is not None else nothing + np.nan,
        _alarm(value, middle, low, high),
        notes,
    )
    return pd.DataFrame(dict(zip(COLUMNS, columns, strict=True)))


def _alarm(value: Floats, centre: Floats, low: Floats, high: Floats) -> "pd.Series[str]":
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
