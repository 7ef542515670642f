"""The types of values in params.yaml: strict models, days, lags and time zones."""

import datetime as dt
import re
from typing import Annotated, Any
from zoneinfo import available_timezones

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from retention.core.errors import suggestion

_LAG = re.compile(r"(\d+)\s*(m|h|d)")
_LAG_UNITS = {"m": "minutes", "h": "hours", "d": "days"}


def _zone(name: str) -> str:
    if name not in available_timezones():
        raise ValueError(f"no such time zone{suggestion(name, available_timezones())}")
    return name


def _lag(text: Any) -> Any:
    match = _LAG.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        raise ValueError("write a lag as 30m, 12h or 2d")
    return dt.timedelta(**{_LAG_UNITS[match[2]]: int(match[1])})


def _date(text: Any) -> Any:
    if text is None:
        return None
    if not isinstance(text, str):
        raise ValueError('write a date in quotes, as "2026-11-22"')
    try:
        return dt.date.fromisoformat(text)
    except ValueError as error:
        raise ValueError(f'not a day of the calendar as "2026-11-22" ({error})') from None


Zone = Annotated[str, AfterValidator(_zone)]
Lag = Annotated[dt.timedelta, BeforeValidator(_lag)]
Day = Annotated[dt.date | None, BeforeValidator(_date)]
Days = Annotated[int, Field(ge=1)]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
Currency = Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
Fraction = Annotated[float, Field(ge=0, le=1)]
Amount = Annotated[float, Field(gt=0)]


class Strict(BaseModel):
    """A section: frozen, and an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)
