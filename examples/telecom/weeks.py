"""What a week brings: failures, complaints and their repair, and what customers make of it.

Times are minutes from the first midnight of the books. A week's events are those of customers who
are still there at its end. What a complaint is about is numbered 2n for order n, 2n + 1 for bill n.
"""

from dataclasses import dataclass

import numpy as np

from examples.telecom.books import Books
from examples.telecom.customers import CHANNELS, RISES, Array, State
from examples.telecom.mechanism import CAUSES, Mechanism

DAY = 24 * 60
WEEK = 7 * DAY
NONE = -1  # a time that has not come
TOPICS = (
    "complaint",
    "billing",
    "technical_request",
    "question",
    "information",
    "suggestion",
    "praise",
)
AGENTS = 60
ANSWER_HOURS = np.array([0.15, 9.0, 0.4, 13.0, 0.6])  # median to the first answer, by channel
COST = np.array([6.0, 4.0, 9.0, 3.0, 3.5])  # of a contact, by channel
_CAUSE_CODES = {cause: place for place, cause in enumerate(CAUSES)}
_TOPIC = {topic: place for place, topic in enumerate(TOPICS)}
_SPONTANEOUS = ["question", "information", "technical_request", "suggestion", "praise"]


@dataclass
class World:
    """One week's surroundings: the mechanism, chance, and the books to write in."""

    plain: Mechanism
    rng: np.random.Generator
    books: Books
    bills: Array  # weeks x 29: on which day of the week a day of the month falls, -1 if on none
    margin: float = 1.0

    def chance(self, rows: Array, probability: "Array | float") -> Array:
        """The rows to which it happens."""
        return rows[self.rng.random(len(rows)) < probability]

    def moment(self, week: int, rows: Array) -> Array:
        """A minute between eight and twenty o'clock of some day of the week."""
        day = self.rng.integers(0, 7, len(rows))
        return week * WEEK + day * DAY + self.rng.integers(8 * 60, 20 * 60, len(rows))


def live(state: State, week: int, world: World) -> Array:
    """One week of all active customers; changes the state. Returns the net value of each."""
    net = np.zeros(len(state))
    here = np.flatnonzero(state.active)
    _forget(state, world)
    _bill(state, here, week, world, net)
    _order(state, here, week, world, net)
    _surface(state, here, week, world, net)
    _chase(state, here, week, world, net)
    _ask(state, here, week, world, net)
    _use_portal(state, here, week, world)
    _refer(state, here, week, world)
    return net


def notice_late(state: State, week: int, world: World) -> None:
    """Orders of last week that will be late: customers hear of it as the week begins."""
    due = np.flatnonzero(state.late_due & state.active)
    state.late_due[due] = False
    moments = week * WEEK + world.rng.integers(8 * 60, 20 * 60, len(due))
    about = 2 * state.late_order[due]
    _fail(state, due, "late", moments, about, week, world, np.zeros(len(state)))


def _forget(state: State, world: World) -> None:
    state.hurt *= 0.5 ** (1 / world.plain.half_life)
    state.warmth *= 0.5 ** (1 / 52)


def _felt(state: State, world: World) -> Array:
    return np.asarray(world.plain.service_effect * np.minimum(state.total, 3))


def _bill(state: State, here: Array, week: int, world: World, net: Array) -> None:
    """Bills on each customer's day of the month, some too high; payments late or refused."""
    plain, rng, books = world.plain, world.rng, world.books
    _raise_prices(state, here, week, world)
    rows = here[world.bills[week, state.bill_day[here]] >= 0]
    moments = week * WEEK + world.bills[week, state.bill_day[rows]] * DAY + 9 * 60
    agreed = state.price[rows]
    over = rng.random(len(rows)) < plain.bill_overcharged
    billed = np.round(agreed * np.where(over, 1 + rng.uniform(0.06, 0.35, len(rows)), 1), 2)
    net[rows] += world.margin * billed
    bill = books.add(
        "invoices",
        customer=state.number[rows],
        issued=moments,
        correction=False,
        amount=billed,
        agreed=agreed,
    )
    _pay(state, rows, moments, billed, bill, world)
    wrong = rows[over]
    about = 2 * bill[over] + 1
    upset = _fail(state, wrong, "overcharged", moments[over] + DAY, about, week, world, net)
    back, place = rows[over][upset], np.flatnonzero(over)[upset]
    credit = (agreed - billed)[place]
    net[back] += world.margin * credit
    books.add(
        "invoices",
        customer=state.number[back],
        issued=moments[place] + 4 * DAY,
        correction=True,
        amount=credit,
        agreed=0.0,
    )


def _raise_prices(state: State, here: Array, week: int, world: World) -> None:
    """The yearly rise, at each customer's own time, for those here for half a year."""
    settled = week - state.start_week[here] > 26
    rows = here[(state.rise_week[here] == week % 52) & settled]
    rise = RISES[state.plan[rows]]
    state.price[rows] = np.round(state.price[rows] * (1 + rise), 2)
    _hurt(state, rows, "price_rise", state.price_sense[rows] * rise / 0.06, world)


def _pay(
    state: State, rows: Array, moments: Array, billed: Array, bill: Array, world: World
) -> None:
    plain, rng = world.plain, world.rng
    risky = state.risky[rows] < plain.risky_payers
    refused = rng.random(len(rows)) < np.where(risky, plain.risky_failed, plain.payment_failed)
    late = rng.random(len(rows)) < plain.payment_late
    early, delayed = rng.integers(1, 12, len(rows)), 14 + rng.integers(1, 25, len(rows))
    paid = moments + np.where(late, delayed, early) * DAY
    world.books.add(
        "payments",
        customer=state.number[rows],
        bill=bill,
        due=moments + 14 * DAY,
        paid=paid,
        amount=billed,
        refused=refused,
    )
    _hurt(state, rows[refused], "payment_failed", 1.0, world)


def _order(state: State, here: Array, week: int, world: World, net: Array) -> None:
    """Orders with a promise: when, at what price; some are late, faulty or dearer than quoted."""
    plain, rng, books = world.plain, world.rng, world.books
    christmas = 1 + 0.6 * (np.abs(((week + 4) % 52) - 2) <= 2)
    wish = plain.orders * christmas * np.exp(-plain.order_drop * _felt(state, world)[here])
    first = state.start_week[here] == week
    rows = here[first | (rng.random(len(here)) < wish * (0.5 + 0.5 * state.engagement[here]))]
    moments = world.moment(week, rows)
    quoted = np.round(np.exp(rng.normal(3.2, 0.7, len(rows))), 2)
    over = rng.random(len(rows)) < plain.order_overcharged
    charged = np.round(quoted * np.where(over, rng.uniform(1.05, 1.4, len(rows)), 1), 2)
    promised = moments // DAY + rng.integers(3, 7, len(rows))
    late = rng.random(len(rows)) < plain.late
    days = np.where(late, 1 + rng.geometric(0.2, len(rows)), -rng.integers(0, 3, len(rows)))
    net[rows] += world.margin * charged
    order = books.add(
        "orders",
        customer=state.number[rows],
        ordered=moments,
        quoted=quoted,
        charged=charged,
        promised=promised,
        item=rng.integers(0, 12, len(rows)),
        channel=rng.integers(0, 3, len(rows)),
    )
    books.add(
        "deliveries",
        customer=state.number[rows],
        order=order,
        delivered=(promised + days) * DAY + rng.integers(8 * 60, 18 * 60, len(rows)),
        fault=NONE,
        returned=NONE,
        refund=0.0,
        lag=rng.geometric(0.4, len(rows)),
    )
    state.late_due[rows[late]] = True
    state.late_order[rows[late]] = order[late]
    state.warmth[rows[~late]] = np.minimum(state.warmth[rows[~late]] + 0.06, 1)
    _fail(state, rows[over], "overcharged", moments[over], 2 * order[over], week, world, net)
    _plan_defects(state, rows, order, charged, week, world)


def _plan_defects(
    state: State, rows: Array, order: Array, charged: Array, week: int, world: World
) -> None:
    """A faulty order shows two weeks later, or, hidden, up to seven."""
    faulty = world.rng.random(len(rows)) < world.plain.defect
    free = faulty & (state.defect_due[rows] <= week)
    hidden = world.rng.random(len(rows)) < world.plain.hidden
    wait = np.where(hidden, world.rng.integers(3, 8, len(rows)), 2)
    state.defect_order[rows[free]] = order[free]
    state.defect_due[rows[free]] = week + wait[free]
    state.defect_amount[rows[free]] = charged[free]


def _surface(state: State, here: Array, week: int, world: World, net: Array) -> None:
    """Faults show; a third of the goods come back."""
    rows = here[state.defect_due[here] == week]
    moments, order = world.moment(week, rows), state.defect_order[rows]
    world.books.fill("deliveries", order, fault=moments)
    back = world.rng.random(len(rows)) < 0.33
    refund = state.defect_amount[rows[back]]
    net[rows[back]] -= world.margin * refund
    world.books.fill("deliveries", order[back], returned=moments[back] + 2 * DAY, refund=refund)
    _fail(state, rows, "not_right_first_time", moments, 2 * order, week, world, net)


def _hurt(state: State, rows: Array, cause: str, size: "float | Array", world: World) -> None:
    """A failure on top of others hurts more: second failures break trust."""
    more = 1 + world.plain.escalation * np.minimum(state.total[rows], 2)
    state.hurt[rows, _CAUSE_CODES[cause]] += size * more


def _fail(
    state: State,
    rows: Array,
    cause: str,
    moments: Array,
    about: Array,
    week: int,
    world: World,
    net: Array,
) -> Array:
    """Something went wrong for these customers. Returns the positions of those who complain."""
    complains = (world.rng.random(len(rows)) < state.voice[rows]) & (state.case[rows] == 0)
    _hurt(state, rows, cause, np.where(complains, 1.0, world.plain.silent), world)
    upset = np.flatnonzero(complains)
    topic = "billing" if cause == "overcharged" else "complaint"
    delay = world.rng.integers(0, 2 * DAY, len(upset))
    opened = _by_day(moments[upset] + delay)
    _open(state, rows[upset], cause, topic, opened, about[upset], week, world, net)
    return upset


def _by_day(moments: Array) -> Array:
    """Moved into the hours between eight and twenty."""
    return np.asarray(moments // DAY * DAY + 8 * 60 + moments % DAY // 2)


def _open(
    state: State,
    rows: Array,
    cause: str,
    topic: str,
    moments: Array,
    about: Array,
    week: int,
    world: World,
    net: Array,
) -> None:
    state.case[rows] = 1 + world.books.add("cases", customer=state.number[rows])
    state.case_cause[rows] = _CAUSE_CODES[cause]
    state.case_topic[rows] = _TOPIC[topic]
    state.case_order[rows] = about
    state.case_tries[rows] = 0
    state.case_closed[rows] = state.case_reopened[rows] = False
    _contact(state, rows, moments, week, world, net)


def _contact(
    state: State, rows: Array, moments: Array, week: int, world: World, net: Array
) -> None:
    """A contact on the customers' open cases: answered, and solved or not."""
    plain, rng = world.plain, world.rng
    own = rng.random(len(rows)) < 0.8
    channel = np.where(own, state.preferred[rows], rng.integers(0, len(CHANNELS), len(rows)))
    agent = rng.integers(0, AGENTS, len(rows))
    poor = agent % 7 == 0
    answered = moments + np.maximum(
        1, 60 * ANSWER_HOURS[channel] * np.exp(rng.normal(0, 0.9, len(rows)))
    ).astype(int)
    closed = answered + np.maximum(5, 60 * np.exp(rng.normal(2.3, 1.0, len(rows)))).astype(int)
    misplaced = state.older[rows] & (channel != CHANNELS.index("office"))
    failing = plain.unsolved * np.where(poor, 1.6, 0.9) * np.where(misplaced, 1.3, 1.0)
    asked = state.case_topic[rows] >= _TOPIC["question"]
    failing = np.where(asked, 0.3 * failing, failing) + 0.1 * (state.case_tries[rows] > 0)
    failing[state.case_topic[rows] >= _TOPIC["suggestion"]] = 0
    solved = rng.random(len(rows)) >= failing
    rude = rng.random(len(rows)) < plain.rude * np.where(poor, 3.0, 0.7)
    shut = solved | (rng.random(len(rows)) < 0.5)
    net[rows] -= COST[channel]
    quiet = asked & solved & ~rude  # nothing to be dissatisfied with
    _write(state, rows, moments, answered, closed, channel, agent, solved, shut, rude, quiet, world)
    _survey(state, rows[shut], closed[shut], agent[shut], solved[shut], rude[shut], world)
    _hurt(state, rows[rude], "unprofessional", 1.0, world)
    _settle(state, rows, solved, shut, week, world)


def _write(
    state: State,
    rows: Array,
    moments: Array,
    answered: Array,
    closed: Array,
    channel: Array,
    agent: Array,
    solved: Array,
    shut: Array,
    rude: Array,
    quiet: Array,
    world: World,
) -> None:
    """A row of the tickets, or, when a closed one is opened again, the end of the old row."""
    again = state.case_closed[rows] & ~state.case_reopened[rows]
    cause = np.where(
        rude & (world.rng.random(len(rows)) < 0.6),
        _CAUSE_CODES["unprofessional"],
        state.case_cause[rows],
    )
    documented = shut & ~quiet & (world.rng.random(len(rows)) < 0.85)
    stated_cause = np.where(documented, cause, NONE)
    end, outcome = np.where(shut, closed, NONE), np.where(shut, solved, NONE)
    old = state.case_row[rows[again]]
    world.books.fill(
        "tickets",
        old,
        reopened=moments[again],
        final_closed=end[again],
        final_outcome=outcome[again],
        final_cause=stated_cause[again],
    )
    new = ~again
    fresh = rows[new]
    about = np.where(state.case_topic[fresh] <= _TOPIC["billing"], state.case_order[fresh], NONE)
    state.case_row[fresh] = world.books.add(
        "tickets",
        customer=state.number[fresh],
        case=state.case[fresh],
        opened=moments[new],
        answered=answered[new],
        closed=end[new],
        outcome=outcome[new],
        reopened=NONE,
        final_closed=NONE,
        final_outcome=NONE,
        final_cause=NONE,
        channel=channel[new],
        agent=agent[new],
        topic=state.case_topic[fresh],
        about=about,
        cause=stated_cause[new],
        cost=COST[channel[new]],
    )
    state.case_reopened[rows[again]] = True
    state.case_reopened[fresh] = False


def _settle(state: State, rows: Array, solved: Array, shut: Array, week: int, world: World) -> None:
    """Solved at once repairs; unsolved hurts, and the customer calls again or gives up."""
    plain, rng = world.plain, world.rng
    done, open_still = rows[solved], rows[~solved]
    cause = state.case_cause[done]
    left = np.where(state.case_tries[done] == 0, 1 - plain.repair, 1 - plain.repair / 2)
    pleased = ~state.impossible[done]
    state.hurt[done, cause] *= np.where(pleased, left, 1)
    state.warmth[done] = np.minimum(state.warmth[done] + 0.08 * pleased, 1)
    state.case[done] = 0
    state.case_tries[open_still] += 1
    state.case_closed[open_still] = shut[~solved]
    more = 1 + plain.escalation * np.minimum(state.total[open_still], 2)
    state.hurt[open_still, state.case_cause[open_still]] += plain.unsolved_hurt * more
    tired = (state.case_tries[open_still] >= 4) | (rng.random(len(open_still)) < 0.2)
    state.case_next[open_still] = week + np.where(tired, 9, rng.integers(1, 4, len(open_still)))
    state.case_tries[open_still[tired]] = 9


def _chase(state: State, here: Array, week: int, world: World, net: Array) -> None:
    """Open cases: waiting hurts; some customers call again, of others the case is filed away."""
    rows = here[state.case[here] > 0]
    state.hurt[rows, state.case_cause[rows]] += world.plain.waiting_hurt
    due = rows[state.case_next[rows] <= week]
    filed = due[state.case_tries[due] >= 9]
    shut = state.case_closed[filed]
    world.books.fill(
        "tickets", state.case_row[filed[~shut]], outcome=0, closed=world.moment(week, filed[~shut])
    )
    state.case[filed] = 0
    again = due[state.case_tries[due] < 9]
    _contact(state, again, world.moment(week, again), week, world, net)


def _survey(
    state: State, rows: Array, closed: Array, agent: Array, solved: Array, rude: Array, world: World
) -> None:
    """Some are asked, some answer; the rating tells of trust, the other one of the person."""
    rng = world.rng
    asked = rng.random(len(rows)) < 0.5
    rows, closed, agent, solved, rude = (
        values[asked] for values in (rows, closed, agent, solved, rude)
    )
    answers = rng.random(len(rows)) < np.where(state.voice[rows] < 0.3, 0.2, 0.55)
    mood = 4.6 - 1.6 * ~solved - 1.5 * rude - 0.7 * np.minimum(state.total[rows], 2.5)
    mood = np.where(state.impossible[rows], 1.4, mood + 0.4 * state.warmth[rows])
    rating = np.clip(np.round(mood + rng.normal(0, 0.6, len(rows))), 1, 5)
    person = np.clip(
        np.round(4.7 - 2.9 * rude - 2.0 * state.impossible[rows] + rng.normal(0, 0.5, len(rows))),
        1,
        5,
    )
    sent = closed + DAY
    why = np.where(rude, _CAUSE_CODES["unprofessional"], state.case_cause[rows])
    after = sent + _by_day(rng.integers(0, 6 * DAY, len(rows)))
    world.books.add(
        "surveys",
        customer=state.number[rows],
        case=state.case[rows],
        agent=agent,
        sent=sent,
        answered=np.where(answers, after, NONE),
        solved=solved,
        rating=rating,
        person=person,
        cause=np.where(rating <= 2, why, NONE),
    )


def _ask(state: State, here: Array, week: int, world: World, net: Array) -> None:
    """Contacts for no failure of ours; those who cannot be pleased find something to complain."""
    plain, rng = world.plain, world.rng
    free = here[state.case[here] == 0]
    rows = world.chance(free, plain.questions * (1 + 2 * (state.start_week[free] > week - 4)))
    topic = rng.choice(len(_SPONTANEOUS), len(rows), p=[0.4, 0.25, 0.2, 0.08, 0.07])
    for place, name in enumerate(_SPONTANEOUS):
        visitors = rows[topic == place]
        about, moments = np.full(len(visitors), NONE), world.moment(week, visitors)
        _open(state, visitors, "not_addressed", name, moments, about, week, world, net)
    never = world.chance(free[state.impossible[free] & (state.case[free] == 0)], 0.06)
    about, moments = np.full(len(never), NONE), world.moment(week, never)
    _open(state, never, "not_addressed", "complaint", moments, about, week, world, net)


def _use_portal(state: State, here: Array, week: int, world: World) -> None:
    felt = np.exp(-world.plain.portal_drop * _felt(state, world)[here])
    visits = world.rng.poisson(world.plain.portal * state.engagement[here] * felt)
    rows = np.repeat(here, visits)
    failed = world.rng.random(len(rows)) < world.plain.portal_failed
    world.books.add(
        "portal",
        customer=state.number[rows],
        at=world.moment(week, rows),
        task=world.rng.integers(0, 4, len(rows)),
        failed=failed,
    )


def _refer(state: State, here: Array, week: int, world: World) -> None:
    drop = np.exp(-world.plain.referral_drop * _felt(state, world)[here])
    rows = world.chance(here, world.plain.referrals * (1 + 2 * state.warmth[here]) * drop)
    world.books.add("referrals", customer=state.number[rows], at=world.moment(week, rows))
