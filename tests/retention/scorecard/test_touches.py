"""Contacts per purchase by topic, cause and step, the normal number, and second purchases."""

from retention.scorecard import touches
from tests.support import histories
from tests.support.scorecard_frames import SHOP, inputs_of

HEAD = "customer | kind | day | minute | topic | order | case | promised | cause"


def company() -> list[histories.Event]:
    """Each week three orders: one in time, one late and asked for twice, one bill is asked about;
    from the fourteenth of the last 26 weeks on, each order brings a question besides."""
    rows = [HEAD, "z | purchase | -400 | 0 | | z | | |"]
    for week in range(60):
        day = -7 * (60 - week)
        for name, came in (("right", 3), ("late", 9), ("billed", 3)):
            who, order = f"{name}{week % 20}", f"{name}{week}"
            rows.append(f"{who} | purchase | {day} | 0 | | {order} | | {day + 4} |")
            rows.append(f"{who} | delivery | {day + came} | 0 | | {order} | | |")
        late, bill = f"late{week % 20} | contact", f"billed{week % 20}"
        rows.append(f"{late} | {day + 6} | 1 | complaint | late{week} | k{week} | |")
        rows.append(f"{late} | {day + 8} | 2 | complaint | late{week} | k{week} | |")
        rows.append(f"late{week % 20} | resolution | {day + 8} | 9 | | | k{week} | | late")
        rows.append(f"{bill} | invoice | {day + 1} | 0 | | b{week} | | |")
        rows.append(f"{bill} | contact | {day + 2} | 1 | billing | b{week} | c{week} | |")
        if week >= 47:
            rows.extend(
                f"right{week % 20} | contact | {day + 1} | {n} | question | | q{week}{n} | |"
                for n in range(9)
            )
    return histories.events("\n".join(rows))


def test_why_customers_call_and_which_number_is_normal_for_which_purchase() -> None:
    report = touches.touches_report(inputs_of(company(), SHOP))
    per_order = {
        (part.dimension, part.metric.title): round(part.metric.now.value or 0.0, 2)
        for part in report.parts
    }
    assert per_order == {
        ("topic", "question"): 3.0,
        ("topic", "complaint"): 0.67,
        ("topic", "billing"): 0.33,
        ("cause", "no cause stated"): 2.41,  # of the cases that could be judged
        ("cause", "late"): 0.67,
        ("step", "about no order or bill"): 3.0,
        ("step", "again about the same case"): 0.33,
        ("step", "about a bill"): 0.33,
        ("step", "while waiting for an order"): 0.33,
    }
    kinds = {kind.name: (kind.contacts.value, kind.usual) for kind in report.purchases}
    assert kinds == {"late": (2.0, 2), "as promised": (0.0, 0)}
    question = next(part.metric for part in report.parts if part.metric.title == "question")
    assert question.changed_on is not None
    assert question.alarm is not None
    assert not question.alarm_good
    text = " ".join(report.sentences)
    assert "The commonest topic is question: 3.00 contacts a purchase." in text
    assert "100% bring no contact in four weeks, so that none is normal" in text
    assert (
        f"question: another level since the four weeks from {question.changed_on:%-d %B %Y}."
        in text
    )


def test_of_new_customers_it_is_told_how_many_came_again() -> None:
    rows = ["customer | kind | day | order", "old | purchase | -400 | o"]
    for i in range(12):
        rows.append(f"c{i} | purchase | {-200 - i} | a{i}")
        if i < 9:
            rows.append(f"c{i} | purchase | {-170 - i if i < 6 else -100} | b{i}")
    rows.append("young | purchase | -10 | y")
    (sentence,) = touches.second_purchase(inputs_of(histories.events("\n".join(rows)), SHOP))
    assert sentence == (
        "4 of 13 new customers have bought once so far; of those whom 60 days could show it,"
        " 50% bought again within them."
    )
