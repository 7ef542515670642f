"""What a manager reads first."""

import dataclasses

from retention.scorecard.headlines import headlines
from retention.scorecard.report_data import CauseReport, ChurnDrivers
from tests.support.scorecards import METRICS


def test_a_trouble_is_named_the_costliest_only_where_an_excess_is_claimed() -> None:
    chance, clear = (
        CauseReport(name, name, 9, 90.0, 9, 5.0, 1.0, 9.0, 50.0, verdict)
        for name, verdict in (
            ("late", "no more losses than expected can be shown (1 to 9)"),
            ("rude", "associated with about 5 more losses than expected"),
        )
    )
    fewer = dataclasses.replace(clear, excess=-5.0)
    assert [len(list(headlines((), ChurnDrivers((cause,))))) for cause in (chance, fewer)] == [0, 0]
    *_, headline = headlines((), ChurnDrivers((chance, clear)))
    assert headline.startswith("The costliest trouble: rude, associated with about 5 more")


def test_good_news_is_told_apart_from_bad() -> None:
    late = METRICS[0]
    assert late.alarm
    good = dataclasses.replace(late, title="Referrals", alarm_good=True)
    sentences_told = list(headlines((late, good), ChurnDrivers()))
    assert "Unusually bad now: delivered on time." in sentences_told
    assert "Unusually good now: referrals." in sentences_told
