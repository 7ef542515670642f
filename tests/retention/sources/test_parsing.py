"""Wall clock times become instants in their zone."""

import datetime as dt
from zoneinfo import ZoneInfo

import pyarrow as pa

from retention.sources import parsing, reader


def test_wall_clocks_follow_their_zone_at_every_edge() -> None:
    walls = [dt.datetime(2026, 1, 1) + dt.timedelta(minutes=15 * n) for n in range(320 * 96)]  # noqa: DTZ001
    for name in ("Europe/London", "Australia/Lord_Howe", "America/Havana", "UTC"):
        zone = ZoneInfo(name)
        folds = [
            {wall.replace(tzinfo=zone, fold=fold).astimezone(dt.UTC) for fold in (0, 1)}
            for wall in walls
        ]
        with reader.connect("500MB") as connection:
            connection.register("walls", pa.table({"row": range(len(walls)), "wall": walls}))
            for dst, choose in (
                ("earlier", min),
                ("later", max),
                (None, lambda times: next(iter(times)) if len(times) == 1 else None),
            ):
                sql = parsing.instant_sql("wall", parsing.CLOCK, parsing.Clock(zone, dst))
                query = f"select {sql} as instant from walls order by row"
                instants = connection.sql(query).to_arrow_table()["instant"].to_pylist()
                assert instants == [choose(times) for times in folds], (name, dst)


def test_a_day_starts_at_its_first_moment() -> None:
    with reader.connect("500MB") as connection:
        clock = parsing.Clock(ZoneInfo("America/Havana"))
        days = "(values (date '2026-03-08'), (date '2026-11-01')) t(d)"
        sql = f"select ({parsing.instant_sql('d', parsing.DATE, clock)})::varchar from {days}"
        assert reader.run(connection, sql) == [
            ("2026-03-08 05:00:00+00",),
            ("2026-11-01 04:00:00+00",),
        ]
