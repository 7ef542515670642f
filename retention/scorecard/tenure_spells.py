"""Spells from the day a customer came to the day it left, by the company's own rule of churn.

Two tables have a row a spell:
    tenure    customer_id; begins: the day it came, null where that was before the data; since: the
              first day from which a departure could have been seen; ends: the day on which it left,
              null while it stays; until: the day after the last one seen
    presence  customer_id, begins; until: the first day on which it was no customer any more;
              ends: the day on which it left or fell silent, null while it stays; by_silence: which
              of the two; recorded: whether it ended when all that end so are known
They differ by rule `silence` alone. There a return shows that the silence was a gap and nobody had
left, so that tenure runs on; but nobody was a customer during the gap.
"""

import pandas as pd

from retention.core.params import ChurnLabel


def silence_days(label: ChurnLabel) -> int:
    """Days without activity after which a customer is no longer one.

    Until `active_days` have passed the list still asks for it, so it cannot count as lost; the
    label's own window must have passed too, and the days in which late rows may still come.
    """
    return max(label.active_days, label.gap_days + label.horizon_days) + label.settle_days


def silent_tenure(
    days: pd.DataFrame, joined: "pd.Series[int]", label: ChurnLabel, as_of: int
) -> pd.DataFrame:
    """`tenure` by rule `silence`, a row a customer: it left where it was not back by as_of.

    days: customer_id, day of each activity. joined: the day of joining by customer_id, where known.
    It left on the day of its last activity; who has been silent for less than the rule is followed
    until then. Without a day of joining, activity in the first days of the data may be a
    customer's who came before them.
    """
    silence = silence_days(label)
    spans = days.groupby("customer_id")["day"].agg(["min", "max"]).reset_index()
    came = spans["customer_id"].map(joined).astype("Int64")
    is_new = spans["min"] - spans["min"].min() >= silence
    begins = came.where(came <= spans["min"], spans["min"].astype("Int64").where(is_new))
    ends = spans["max"].astype("Int64").where(spans["max"] + silence < as_of)
    return pd.DataFrame(
        {
            "customer_id": spans["customer_id"],
            "begins": begins,
            "since": spans["min"],
            "ends": ends,
            "until": spans["max"] + 1,
        }
    )


def silent_presence(days: pd.DataFrame, label: ChurnLabel, as_of: int) -> pd.DataFrame:
    """`presence` by rule `silence`: a spell ends on the last activity before a silence.

    days: customer_id, day of each activity.
    """
    silence = silence_days(label)
    ordered = days[["customer_id", "day"]].drop_duplicates().sort_values(["customer_id", "day"])
    gap = ordered.groupby("customer_id")["day"].diff()
    number = (gap > silence).groupby(ordered["customer_id"]).cumsum().rename("spell")
    spans = ordered.groupby(["customer_id", number])["day"].agg(["min", "max"]).reset_index()
    ends = spans["max"].astype("Int64").where(spans["max"] + silence < as_of)
    until = (ends + 1).fillna(as_of).astype("int64")
    # In the first days only those are known who have just bought, so that more seem to end.
    recorded = (ends - spans["min"].min() >= silence).fillna(False).astype(bool)
    return pd.DataFrame(
        {
            "customer_id": spans["customer_id"],
            "begins": spans["min"],
            "ends": ends,
            "until": until,
            "by_silence": True,
            "recorded": recorded,
        }
    )


def contract_tenure(chains: pd.DataFrame, as_of: int) -> pd.DataFrame:
    """`tenure` by rule `cancel`: a spell is a chain of contracts. chains: customer_id, begins,
    ends_on.

    A company that began to record departures late knows nothing of earlier ones: everyone is
    followed from the first departure on record.
    """
    spells = chains[chains["begins"] < as_of].sort_values(
        ["customer_id", "begins"], ignore_index=True
    )
    ends = spells["ends_on"].where(spells["ends_on"] < as_of).astype("Int64")
    first = spells["begins"].min() if ends.isna().all() else ends.min()
    return pd.DataFrame(
        {
            "customer_id": spells["customer_id"],
            "begins": spells["begins"].astype("Int64"),
            "since": spells["begins"].clip(lower=first),
            "ends": ends,
            "until": (ends + 1).fillna(as_of).astype("int64"),
        }
    )


def contract_presence(tenure: pd.DataFrame) -> pd.DataFrame:
    """`presence` by rule `cancel`, of the spells of `contract_tenure`."""
    spells = tenure.astype({"begins": "int64"})[["customer_id", "begins", "ends", "until"]]
    return spells.assign(by_silence=False, recorded=spells["ends"].notna())


def observed_from(tenure: pd.DataFrame) -> int:
    """The first day from which departures could have been seen."""
    return int(tenure["since"].min())


def first_day_by_customer(tenure: pd.DataFrame) -> "pd.Series[int]":
    """The day on which each customer came, by customer_id; without those of whom it is unknown."""
    return tenure.dropna(subset="begins").groupby("customer_id")["begins"].min().astype("int64")


def days_present(presence: pd.DataFrame, start: int, end: int) -> "pd.Series[int]":
    """Days of start <= day < end on which each spell's customer was one, where there is any."""
    days = presence["until"].clip(upper=end) - presence["begins"].clip(lower=start)
    return days[days > 0]


def yearly_value(leavers: pd.DataFrame, money: pd.DataFrame, days: int = 182) -> "pd.Series[float]":
    """Net value a year of each leaver (customer_id, ends) in the `days` up to and with `ends`.

    A customer lost to silence left with its last activity, so that the silence itself, in which it
    bought nothing, does not lower its value.
    """
    keyed = leavers[["customer_id", "ends"]].reset_index()
    both = keyed.merge(money[["customer_id", "day", "net"]], on="customer_id")
    both = both[(both["day"] <= both["ends"]) & (both["day"] > both["ends"] - days)]
    sums = both.groupby("index")["net"].sum() * (365 / days)
    return sums.reindex(leavers.index, fill_value=0.0)
