"""A training table where nobody logged a decision: contacts of the first days against what came after them.

Contact ends when people pay. A number of contacts counted until the outcome is a stopping time: few contacts mark success. Here
the count stops before the outcome starts. At each landmark (a night on which a borrower is overdue) the contacts of the next
days are the treatment, those whose state ended in these days are left out, and the outcome is what the others did after them.
What this does not mend is in ADR 10: the arms were not drawn, so everything rests on the features holding what steered contact.
"""

from dataclasses import dataclass, field
from numbers import Integral
from typing import Any

import ibis
import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from ...data.arms import ArmCatalogue
from ...data.book import Book
from ...data.errors import Fault, InvalidInput, NoDecisionLog
from ...features.build import build_features
from ...features.catalogue import FEATURE_NAMES
from ...features.ledger import point_loans
from ...features.points import decision_points
from ...policy.commitments import CLEARING_KINDS
from ...policy.money import account_rates
from ...policy.settings import PolicySettings
from ..alarm import Alarm
from ..columns import Columns
from ..inputs import Floats, group_codes
from ..model.propensity import PROPENSITY_BOOSTING, PropensityTask, estimate_propensity
from .exposure import nearest_arms, received_contacts
from .landmark_points import LandmarkOptions, landmarks, open_arms
from .outcomes import nothing_owed, outcomes, taken_away
from .table import TrainingTable, training_table

__all__ = ["NO_LOG", "LandmarkOptions", "LandmarkTable", "landmark_alarm", "landmark_table", "treatment_table"]

NO_LOG = "no decision log"
# Propensities are estimated out of fold by borrower, in two folds at least.
_FEWEST_BORROWERS = 2
_MONEY = ("overdue", "recoverable", "recovered")


@dataclass(frozen=True)
class LandmarkTable(TrainingTable):
    """Landmarks with matured outcomes: a training table whose arms are read off the contacts that were made.

    Beside the columns of a training table the rows have `distance` (contacts per week between what was received and the arm's
    plan). Propensities are estimated, out of fold by borrower.

    Parameters
    ----------
    mapping : DataFrame
        Which contacts became which arm: see `Exposure.mapping`. Of all landmarks, those left out included.
    """

    mapping: pd.DataFrame = field(default_factory=pd.DataFrame)


def treatment_table(
    book: Book, arms: ArmCatalogue, settings: PolicySettings, options: LandmarkOptions | None = None
) -> TrainingTable:
    """Return the commitments of the decision log, or landmarks where there is no log and contacts are all there is.

    Raises
    ------
    InvalidInput
        Where there is neither, or no outcome is mature yet.
    """
    logged, made = (int(book.table(name).count().to_pandas()) for name in ("decisions", "contacts"))
    if logged or not made:
        return training_table(book, arms, settings)
    return landmark_table(book, arms, settings, options)


def landmark_table(
    book: Book, arms: ArmCatalogue, settings: PolicySettings, options: LandmarkOptions | None = None
) -> LandmarkTable:
    """Build a training table from contacts that were made.

    Parameters
    ----------
    book : Book
        Its decision log is not looked at.
    options : LandmarkOptions, optional

    Raises
    ------
    InvalidInput
        Where the days of exposure leave no outcome, an arm has no dose, or nothing is left to learn from, of two borrowers.
    """
    options = options or LandmarkOptions()
    _check(options, settings)
    marks = landmarks(book, settings, options)
    points = decision_points(marks["borrower_id"].to_numpy(), pd.DatetimeIndex(marks["as_of"]), settings.ledger)
    lawful = open_arms(book, points, arms)
    exposure = nearest_arms(
        received_contacts(book, points, options.exposure_days), arms, options.exposure_days, options.furthest
    )
    happened = outcomes(book, points, settings.outcome, settings.ledger)
    reasons = _left_out(book, points, options.exposure_days, happened) | {
        "under a stop, promise or complaint, or who refuse every channel": lawful.sum(axis=1) <= 1,
        "whose contacts no arm comes near": exposure.code < 0,
    }
    keep = ~np.logical_or.reduce(list(reasons.values()))
    notices = (
        *_notices(options, settings, len(marks), reasons, exposure.mapping),
        *taken_away(happened[keep], "landmarks"),
    )
    borrowers = marks.loc[keep, "borrower_id"].nunique()
    if borrowers < _FEWEST_BORROWERS:
        why = "; ".join(line for line in notices[1:] if line.endswith("left out")) or "no night on which somebody was overdue"
        found = f"{borrowers} of {marks['borrower_id'].nunique():,} borrowers who were overdue: {why}"
        remedy = "Load more history, or start a decision log with the house policy's first night."
        expected = f"landmarks with a matured outcome, of {_FEWEST_BORROWERS} borrowers or more"
        raise InvalidInput([Fault("contacts", expected, found, remedy)])
    kept = points.filter(pa.array(keep))
    kept = kept.set_column(0, "point_id", pa.array(np.arange(kept.num_rows)))
    features = build_features(book, kept, settings.ledger)[list(FEATURE_NAMES)]
    code = exposure.code[keep]
    rows = _rows(marks[keep], happened[keep], settings).assign(
        arm=np.array(arms.names, dtype=object)[code].astype(str), distance=exposure.distance[keep]
    )
    propensity = _estimated(features, code, rows["borrower_id"], len(arms), options.seed)
    # What somebody got was open to them, whatever the tables say.
    given = lawful[keep] | (np.arange(len(arms)) == code[:, None])
    return LandmarkTable(rows, features, propensity, given, arms, notices, estimated=True, mapping=exposure.mapping)


def landmark_alarm(table: TrainingTable) -> tuple[Alarm, ...]:
    """Return the refusal that goes with estimated propensities; nothing where the log states them."""
    if not table.estimated:
        return ()
    reason = (
        "There was no decision log: the arms were read off contacts that were made, and their propensities are estimated. That "
        "is no ground to decide on: give one lawful arm or another by chance and log it (`lighttouch plan-experiment`), or set "
        "`gate.accept_landmarks: true`."
    )
    return (Alarm(NO_LOG, "refuse", reason, {"rows": len(table)}, refusal=NoDecisionLog(reason)),)


def _check(options: LandmarkOptions, settings: PolicySettings) -> None:
    """Refuse options that no landmark can be built with, all at once."""
    horizon = settings.outcome.horizon_days
    ranges = {
        "exposure_days": (1, horizon - 1, "so that days are left for the outcome", "3 is a good start."),
        "hour": (0, 23, "o'clock", "22 is when a nightly run would decide."),
        "most_per_spell": (1, 10_000, "landmarks", ""),
        "seed": (0, 2**32 - 1, "", ""),
    }
    faults = [
        Fault(name, f"a whole number from {low} to {high} {what}".rstrip(), repr(value), remedy)
        for name, (low, high, what, remedy) in ranges.items()
        if not (isinstance(value := getattr(options, name), Integral) and low <= int(value) <= high)
    ]
    if not options.furthest >= 0:
        faults.append(Fault("furthest", "a number of contacts from 0 on", repr(options.furthest), ""))
    if faults:
        raise InvalidInput(faults)


def _left_out(book: Book, points: pa.Table, days: int, happened: pd.DataFrame) -> dict[str, NDArray[np.bool_]]:
    """Return why landmarks are left out, with so many days of exposure; each reason with its mask of shape (n,)."""
    owed = happened["truly_overdue"].to_numpy()
    ripe = happened["mature"].to_numpy()
    return {
        "whose outcome is not mature yet, by the postings of a product": ~ripe,
        **{why: ripe & mask for why, mask in nothing_owed(happened).items()},
        f"who paid, in full or in part, within the {days} days of exposure": owed & _paid(book, points, days),
        f"whose state was ended by another event within the {days} days": _ended(book, points, days),
    }


def _paid(book: Book, points: pa.Table, days: int) -> NDArray[np.bool_]:
    """Return who paid anything within the days after as_of, of shape (n,).

    Part payments too: they stop contact as full ones do, and would count for the days after it. So do those that bounce.
    """
    payments = book.table("payments").filter(lambda t: t.kind.isin(["payment", "waiver"])).select("loan_id", "paid_at")
    with book.points(points) as lent:
        owned = point_loans(book, lent)
        joined = owned.filter(owned.is_open).join(payments, "loan_id")
        until = joined.as_of + ibis.interval(days=days)
        found = joined.filter((joined.paid_at > joined.as_of) & (joined.paid_at <= until))
        return _marked(found, points.num_rows)


def _ended(book: Book, points: pa.Table, days: int) -> NDArray[np.bool_]:
    """Return whose state ended within the days after as_of by an event that ends commitments, of shape (n,).

    By when it happened or by when it became known: a complaint that is entered late was harm of these days, and the contact
    that it ended was ended by the person who took the call.
    """
    events = book.table("status_events").filter(lambda t: t.kind.isin(CLEARING_KINDS)).select("borrower_id", "at", "known_at")
    with book.points(points) as lent:
        joined = lent.join(events, "borrower_id")
        until = joined.as_of + ibis.interval(days=days)
        known = (joined.known_at >= joined.as_of) & (joined.known_at < until)
        happened = (joined["at"] > joined.as_of) & (joined["at"] <= until)
        return _marked(joined.filter(known | happened), points.num_rows)


def _marked(found: Any, n: int) -> NDArray[np.bool_]:
    """Return which points a table holds, of shape (n,)."""
    mask = np.zeros(n, dtype=bool)
    mask[found.select("point_id").distinct().to_pandas()["point_id"].to_numpy()] = True
    return mask


def _rows(marks: pd.DataFrame, happened: pd.DataFrame, settings: PolicySettings) -> pd.DataFrame:
    rates = account_rates(happened["currency"], settings)
    money = {name: happened[name].to_numpy() * rates for name in _MONEY}
    return pd.DataFrame(
        {
            "decision_id": marks["borrower_id"].astype(str).to_numpy() + marks["as_of"].dt.strftime(" %Y-%m-%d").to_numpy(),
            "borrower_id": marks["borrower_id"].to_numpy(),
            "as_of": pd.DatetimeIndex(marks["as_of"]),
            "arm": "",
            **money,
            "repaid": happened["repaid"].to_numpy(),
            "harm": happened["harm"].to_numpy(),
        }
    )


def _estimated(features: pd.DataFrame, code: NDArray[np.int64], borrowers: pd.Series, K: int, seed: int) -> Floats:
    """Return the probability of every arm of shape (n, K), learnt from other borrowers."""
    columns = Columns.learn(features)
    groups = group_codes(borrowers.to_numpy(), len(features), [])
    task = PropensityTask(columns.encode(features), columns.categorical, code, K, groups)
    found, _ = estimate_propensity(task, PROPENSITY_BOOSTING, 1, seed)
    return found


def _notices(
    options: LandmarkOptions, settings: PolicySettings, n: int, reasons: dict[str, NDArray[np.bool_]], mapping: pd.DataFrame
) -> tuple[str, ...]:
    days, horizon = options.exposure_days, settings.outcome.horizon_days
    warning = (
        "WARNING: NO DECISION LOG. What was decided is not known, only which contacts were made. Counts of contacts are a "
        "stopping time: contact ends when people pay, so few contacts mark success, and a model of counts learns that contact "
        f"does harm. Instead, contacts of the first {days} days after a landmark are held against outcomes of days {days + 1} "
        f"to {horizon}; who paid anything, complained or opted out in those first days is left out, and with them what contact "
        "does at once: harm comes out too low. Propensities are estimated: effects hold only if the features contain all that "
        "steered contact. Nothing is promoted from this unless `gate.accept_landmarks` says so."
    )
    told = [f"{int(mask.sum()):,} of {n:,} landmarks {why} are left out" for why, mask in reasons.items() if mask.any()]
    alike = mapping[mapping["alike"] != ""].drop_duplicates("arm")
    told += [f"within {days} days '{row['arm']}' looks like {row['alike']}" for row in alike.to_dict("records")]
    return (warning, *told)
