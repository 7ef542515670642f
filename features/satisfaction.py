"""Satisfaction: what the customer answered when asked, and whether at all."""

import narwhals as nw

from features.engine import service_grains
from features.engine.base import Appended, Past, count, feature, grain, ratio, total, within
from retention.core.point_in_time import Frame

_YEAR = 365
_PATIENCE = 14  # days in which a question may still be answered
_FINE = 10**9  # ratings are summed in whole parts of this, so that their order does not matter
_LOW = 0.25
_TREATMENT = ("unprofessional", "treated_badly", "impersonal")
_CHANGING = ("unanswered", "last_rating", "last_solved", "last_cause")  # by a later answer
_DISSATISFIED = ~nw.col("cause").is_null()


@grain("survey", form=Appended(changing=_CHANGING))
def survey_answers(past: Past) -> Frame:
    """The survey events with the latest answers.

    rating_parts, person_parts: the ratings as whole numbers; last_rating, last_solved and
    last_cause: the value of the row where no later row has one, else null.
    """
    rows = past[service_grains.answers].with_columns(
        rating_parts=_parts("rating"),
        person_parts=_parts("person"),
        complained=nw.when(_DISSATISFIED).then(nw.col("cause")),
    )
    return rows.with_columns(
        last_rating=_last("rating_parts"),
        last_solved=_last("solved"),
        last_cause=_last("complained"),
    )


def _parts(column: str) -> nw.Expr:
    return (nw.col(column) * _FINE).round().cast(nw.Int64())


def _last(column: str) -> nw.Expr:
    """The column where it is the last one known of the customer, else null."""
    answered_minute = nw.when(~nw.col(column).is_null()).then(nw.col("occurred_minute"))
    newest = answered_minute.max().over("customer_id")
    return nw.when(nw.col("occurred_minute") == newest).then(nw.col(column))


@grain("resolution", "survey", form=Appended())
def bad_treatment(past: Past) -> Frame:
    """One row a resolution or answer that blames how the person was treated: customer_id, age."""
    events = past.events("resolution", "survey")
    return events.filter(nw.col("cause").is_in(_TREATMENT)).select("customer_id", "age")


def _rating(parts: nw.Expr) -> nw.Expr:
    return parts.cast(nw.Float64()) / _FINE


def _mean(column: str, days: int) -> nw.Expr:
    rows = within(days) & ~nw.col(column).is_null()
    return ratio(total(column, rows), count(rows) * _FINE)


def _lowest(column: str, days: int) -> nw.Expr:
    return _rating(nw.when(within(days)).then(nw.col(column)).min())


@feature(
    survey_answers,
    unit="rating",
    windows=(_YEAR,),
    words="rated us {rating_mean_Nd:percent} on average in the last {days} days",
)
def rating_mean(days: int) -> nw.Expr:
    """Mean rating of the service in the last {days} days, 0 to 1."""
    return _mean("rating_parts", days)


@feature(
    survey_answers,
    unit="rating",
    windows=(_YEAR,),
    words="rated us as low as {rating_lowest_Nd:percent} in the last {days} days",
)
def rating_lowest(days: int) -> nw.Expr:
    """Lowest rating of the service in the last {days} days, 0 to 1."""
    return _lowest("rating_parts", days)


@feature(
    survey_answers,
    unit="rating",
    words="last rated us {last_rating:percent}, {days_since_rating:days} ago",
)
def last_rating() -> nw.Expr:
    """The last rating of the service, 0 to 1; the lower of two at the same minute."""
    return _rating(nw.col("last_rating").min())


@feature(
    survey_answers,
    unit="days",
    words="last answered a survey {days_since_rating:days} ago",
    alarming="high",
)
def days_since_rating() -> nw.Expr:
    """Days since the last rating of the service."""
    return nw.when(~nw.col("rating").is_null()).then(nw.col("age")).min()


@feature(
    survey_answers,
    unit="rating",
    words="the last rating was {rating_trend:points} those before",
)
def rating_trend() -> nw.Expr:
    """The last rating of the service less the mean of those before. Null with fewer than two."""
    last, number = nw.col("last_rating").min(), nw.col("rating_parts").count()
    before = ratio(nw.col("rating_parts").sum() - last, (number - 1) * _FINE)
    return _rating(last) - before


@feature(
    survey_answers,
    unit="share",
    windows=(_YEAR,),
    words="says that only {said_solved_Nd:percent} was solved in the last {days} days",
)
def said_solved(days: int) -> nw.Expr:
    """Share of the answers of the last {days} days that said it was solved."""
    rows = within(days) & ~nw.col("solved").is_null()
    return ratio(total("solved", rows), count(rows))


@feature(
    survey_answers,
    unit="yes (1) or no (0)",
    words="was it solved, said their last survey: {last_said_solved:yes}",
)
def last_said_solved() -> nw.Expr:
    """Whether the last answer to it said that it was solved."""
    return nw.col("last_solved").min()


@feature(
    survey_answers,
    unit="share",
    windows=(180, _YEAR),
    words="left {unanswered_Nd:percent} of our questions unanswered in the last {days} days",
    alarming="high",
)
def unanswered(days: int) -> nw.Expr:
    """Share without an answer, of the questions sent 15 to {days} days ago."""
    sent = (nw.col("asked") == 1) & within(days - _PATIENCE, skip=_PATIENCE)
    return ratio(total("unanswered", sent), count(sent))


@feature(
    survey_answers,
    unit="rating",
    windows=(_YEAR,),
    words="rated the person who served {person_mean_Nd:percent} on average in the last {days} days",
)
def person_mean(days: int) -> nw.Expr:
    """Mean rating of who served in the last {days} days, 0 to 1."""
    return _mean("person_parts", days)


@feature(
    survey_answers,
    unit="rating",
    windows=(_YEAR,),
    words="lowest rating of who served them in the last {days} days: {person_lowest_Nd:percent}",
)
def person_lowest(days: int) -> nw.Expr:
    """Lowest rating of who served in the last {days} days, 0 to 1."""
    return _lowest("person_parts", days)


@feature(
    survey_answers,
    unit="ratings",
    none=0,
    windows=(_YEAR,),
    words="gave the person who served a low rating {person_low_Nd:times} in the last {days} days",
    alarming="high",
)
def person_low(days: int) -> nw.Expr:
    """Ratings of who served in the lowest quarter of the scale, in the last {days} days."""
    return count(within(days) & (nw.col("person") <= _LOW))


@feature(
    survey_answers,
    unit="answers",
    none=0,
    windows=(90, _YEAR),
    words="answered that something was wrong {dissatisfied_Nd:times} in the last {days} days",
    alarming="high",
)
def dissatisfied(days: int) -> nw.Expr:
    """Answers of the last {days} days that named a cause of dissatisfaction."""
    return count(within(days) & _DISSATISFIED)


@feature(survey_answers, unit="category")
def last_dissatisfaction() -> nw.Expr:
    """The cause that was named last; of several at the same minute the alphabetical first."""
    return nw.col("last_cause").min()


@feature(
    bad_treatment,
    unit="times",
    none=0,
    windows=(_YEAR,),
    words="felt treated badly {treated_badly_Nd:times} in the last {days} days",
    alarming="high",
)
def treated_badly(days: int) -> nw.Expr:
    """Ends and answers of the last {days} days that blame how the person was treated."""
    return count(within(days))
