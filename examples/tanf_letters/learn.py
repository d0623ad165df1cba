"""From the raw table of a randomised letter experiment to the value of a learnt policy."""

from pathlib import Path

import pandas as pd
from lighttouch.training.flat.run import FlatResult, train_flat
from lighttouch.training.model.boosting import Boosting

FOLDER = Path(__file__).parent
START = pd.Timestamp("2017-07-01")


def letters(path: Path = FOLDER / "tanf_letters.csv.gz") -> pd.DataFrame:
    """Return arm, outcome, household, and what was known before the letters went out."""
    raw = pd.read_csv(path)
    known = {"appointment_day": "appt_date", "notice_day": "notice_date.x", "certified_day": "cert_period_start"}
    return pd.DataFrame(
        {
            "household": raw["ic_case_id"],
            "condition": raw["condition"],
            "processed": (raw["recert_status"] == "Processed").astype("int64"),
            "service_center": raw["service_center"],
            "recert_month": raw["recert_month"],
            "days_from_notice_to_due": raw["days_betwn_notice_and_recert_due"],
        }
        | {name: (pd.to_datetime(raw[column]) - START).dt.days for name, column in known.items()}
    )


def learn(rounds: int = 800) -> FlatResult:
    """Train on 70% of the households and value every policy on the others."""
    return train_flat(
        letters(),
        arm="condition",
        outcome="processed",
        propensity=1 / 3,
        group="household",
        boosting=Boosting(rounds=rounds),
    )


if __name__ == "__main__":
    result = learn()
    print(f"Best arm for everyone, chosen on {result.fit_rows:,} rows: {result.best_constant}")
    print(result.report.drop(columns="reason").round(4).to_string(index=False))
