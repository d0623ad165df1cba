"""A training table where nobody logged a decision: contacts of the first days against what came after them.

Contact ends when people pay. A number of contacts counted until the outcome is a stopping time: few contacts mark success. Here
the count stops before the outcome starts. At each landmark (a night on which a borrower is overdue) the contacts of the next
days are the treatment, those whose state ended in these days are left out, and the outcome is what the others did after them.
What this does not mend is in ADR 10: the arms were not drawn, so everything rests on the features holding what steered contact.
"""

from dataclasses import dataclass, field

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
from .outcomes import outcomes
from .table import TrainingTable, training_table

__all__ = ["NO_LOG", "LandmarkOptions", "LandmarkTable", "landmark_alarm", "landmark_table", "treatment_table"]

NO_LOG = "no decision log"
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
        Where the days of exposure leave no outcome, an arm has no dose, or nothing is left to learn from.
    """
    options = options or LandmarkOptions()
    _check_days(options, settings)
    marks = landmarks(book, settings, options)
    points = decision_points(marks["borrower_id"].to_numpy(), pd.DatetimeIndex(marks["as_of"]), settings.ledger)
    lawful = open_arms(book, points, arms)
    exposure = nearest_arms(
        received_contacts(book, points, options.exposure_days), arms, options.exposure_days, options.furthest
    )
    happened = outcomes(book, points, settings.outcome, settings.ledger)
    reasons = _left_out(book, points, settings, options, happened) | {
        "under a stop, promise or complaint, or who refuse every channel": lawful.sum(axis=1) <= 1,
        "whose contacts no arm comes near": exposure.code < 0,
    }
    keep = ~np.logical_or.reduce(list(reasons.values()))
    notices = _notices(options, settings, len(marks), reasons, exposure.mapping)
    if not keep.any():
        remedy = "Load more history, or start a decision log with the house policy's first night."
        raise InvalidInput([Fault("contacts", "landmarks with a matured outcome", "; ".join(notices[1:]), remedy)])
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


def _check_days(options: LandmarkOptions, settings: PolicySettings) -> None:
    horizon = settings.outcome.horizon_days
    if not 1 <= options.exposure_days < horizon:
        expected = f"from 1 to {horizon - 1} days, so that days are left for the outcome"
        raise InvalidInput([Fault("exposure_days", expected, str(options.exposure_days), "3 is a good start.")])


def _left_out(
    book: Book, points: pa.Table, settings: PolicySettings, options: LandmarkOptions, happened: pd.DataFrame
) -> dict[str, NDArray[np.bool_]]:
    """Return why landmarks are left out, each reason with its mask of shape (n,)."""
    days = options.exposure_days
    short = settings.outcome.model_copy(update={"horizon_days": days})
    early = outcomes(book, points, short, settings.ledger)
    owed = happened["truly_overdue"].to_numpy()
    # Part payments too: they stop contact as full ones do, and would count for the days after it.
    paid = ((early["repaid"] == 1) | (early["recovered"] > 0)).to_numpy()
    return {
        "whose borrower had already paid, booked later": ~owed,
        f"who paid, in full or in part, within the {days} days of exposure": owed & paid,
        f"whose state was ended by another event within the {days} days": _ended(book, points, days),
    }


def _ended(book: Book, points: pa.Table, days: int) -> NDArray[np.bool_]:
    """Return whose state ended within the days after as_of by an event that ends commitments, of shape (n,)."""
    events = book.table("status_events").filter(lambda t: t.kind.isin(CLEARING_KINDS))
    ended = np.zeros(points.num_rows, dtype=bool)
    with book.points(points) as lent:
        window = lent.mutate(until=lent.as_of + ibis.interval(days=days))
        joined = window.join(events.select("borrower_id", "known_at"), "borrower_id")
        found = joined.filter((joined.known_at >= joined.as_of) & (joined.known_at < joined.until))
        ended[found.select("point_id").distinct().to_pandas()["point_id"].to_numpy()] = True
    return ended


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
