"""Stage `customers`: what is known of customers beside their events, without contact data.

Names, e-mails and phones are read by `contacts` alone, when a list is written, and never stored.
"""

from retention.core import artefacts, console, errors
from retention.core.params import load_params
from retention.core.storage import atomic
from retention.ledgers import erasures
from retention.sources.customers import customers


def main() -> None:
    rules = load_params()
    with console.stage("customers") as report:
        table, rejects = customers(rules, erasures.read())
        if rejects.num_rows:
            report.say(f"{rejects.num_rows:,} rows rejected")
        atomic.write_table(artefacts.CUSTOMERS, table)
        atomic.write_table(artefacts.CUSTOMER_REJECTS, rejects)
        report.wrote(artefacts.CUSTOMERS, table.num_rows)


if __name__ == "__main__":
    errors.run(main)
