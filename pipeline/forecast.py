"""Stage `forecast`: customers and money expected to be lost within 1, 3, 6 and 12 months."""

import datetime as dt

import pandas as pd

from retention.core import artefacts, console, errors
from retention.core.params import load_params
from retention.core.storage import atomic
from retention.i18n.language import ENGLISH, language
from retention.reporting.forecast import page
from retention.scorecard.forecast import ATTRIBUTES, forecast
from retention.training import slices


def main() -> None:
    params, summary = load_params(), artefacts.SCORE_SUMMARY.read()
    with console.stage("forecast") as log:
        scores = artefacts.SCORES.read().to_pandas()
        log.read(artefacts.SCORES, len(scores))
        customers = pd.DataFrame({"customer_id": pd.Series(dtype="str")})
        if artefacts.CUSTOMERS.path.is_file():
            names = ["customer_id", "known_day", *ATTRIBUTES]
            customers = slices.newest_attributes(
                artefacts.CUSTOMERS.read(columns=names).to_pandas()
            )
        # Without a curve there is no report on curves, and nothing to forecast.
        has_curve = artefacts.LIFETIME.path.is_file()
        past = artefacts.LIFETIME.read().figures if has_curve else ()
        opens_on = summary.as_of + dt.timedelta(days=params.labels.churn.gap_days)
        result = forecast(scores, customers, past, opens_on, summary.lifetime_days)
        artefacts.FORECAST.write(result)
        report_language = language(params.at_risk.language)
        churn = params.labels.churn
        text = page.html(result, params.company, params.currency, churn, report_language)
        atomic.write_text(artefacts.FORECAST_PAGE, text)
        log.wrote(artefacts.FORECAST, len(result.figures))
        log.info(page.headline(result, ENGLISH))
        log.info(f"open next: {artefacts.FORECAST_PAGE}")


if __name__ == "__main__":
    errors.run(main)
