"""Stage `customers`: what is known of customers beside their events, without contact data.

Names, e-mails and phones are read by `contacts` alone, when a list is written, and never stored.
"""

from retention.core import artefacts, console, errors
from retention.core.params import load_params
from retention.ledgers import erasures
from retention.sources.customers import customers


def main() -> None:
    params = load_params()
    with console.stage("customers") as report:
        table, rejects = customers(params, erasures.read())
        if rejects.num_rows:
            report.say(f"{rejects.num_rows:,} rows rejected")
        artefacts.CUSTOMERS.write(table)
        artefacts.CUSTOMER_REJECTS.write(rejects)
        report.wrote(artefacts.CUSTOMERS, table.num_rows)


if __name__ == "__main__":
    errors.run(main)
