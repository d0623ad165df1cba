"""The audit of a book: who gets how much contact and what it does, what each rule costs, what people overrode."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import ibis
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..data.arms import DAYS_PER_WEEK, ArmCatalogue
from ..data.book import Book
from ..data.errors import Fault, InvalidInput
from ..data.files import ensure_writable, replacing
from ..features.points import decision_points
from ..policy.settings import PolicySettings
from ..training.judging.audit import FROM_LOG, UNKNOWN, AuditLog, AuditOptions, age_band, audit_groups, judged_together
from ..training.judging.unseen import Unseen
from ..training.rows.table import TrainingTable, training_table
from .audit_rules import rule_prices
from .decisions import Brain

DIMENSIONS: Final = ("age_band", "region", "segment")
_NUMBERS: Final = ("estimate", "low", "high", "difference", "difference_low", "difference_high", "p")
NOTES: Final = (
    "Intervals are clustered by borrower and hold each for itself; `notable`, a star in print, holds for all together (Holm).",
    "uplift and harm are the model's; *_log are doubly robust on the log against no contact, only where `supported`.",
    "A difference between groups is a question, not a finding of fault: it may come from what they owe and have done before.",
    (
        "A rule's price is the model's expectation with this rule alone out of force; no contact was ever planned with it. "
        "A rule beside which another forbids the same costs nothing alone, so prices do not add up."
    ),
)

_FILES: Final = ("audit.json", "groups.csv", "overrides.csv", "rules.csv")


@dataclass(frozen=True)
class Audit:
    """What an audit found.

    Parameters
    ----------
    groups : DataFrame
        As `training.judging.audit.audit_groups`, with supported and reason for what comes from the log.
    rules : DataFrame
        As `audit_rules.price_rules`.
    overrides : DataFrame
        dimension, group, direction (lighter, same, heavier, open), overrides, borrowers.
    facts : dict
        Versions, period, counts.
    unseen : Unseen
        The decisions that it tells of.
    """

    groups: pd.DataFrame
    rules: pd.DataFrame
    overrides: pd.DataFrame
    facts: dict[str, Any]
    unseen: Unseen

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        """Every table by its name."""
        return {"groups": self.groups, "rules": self.rules, "overrides": self.overrides}

    def write(self, folder: Path) -> None:
        """Write groups.csv, rules.csv, overrides.csv and audit.json, all or none; the folder of an audit is replaced."""
        check_audit_folder(folder)
        tables = self.tables
        content = {"facts": self.facts, "notes": list(NOTES)} | {name: _plain(table) for name, table in tables.items()}
        with replacing(folder) as room:
            room.mkdir()
            for name, table in tables.items():
                table.to_csv(room / f"{name}.csv", index=False, lineterminator="\n")
            text = json.dumps(content, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False)
            (room / "audit.json").write_text(text + "\n", encoding="utf-8", newline="\n")


def check_dimensions(by: Sequence[str]) -> None:
    """Refuse groups that an audit does not have.

    Raises
    ------
    InvalidInput
        Naming every one.
    """
    if unknown := sorted(set(by) - set(DIMENSIONS)):
        raise InvalidInput([Fault("--by", f"words out of {', '.join(DIMENSIONS)}", ", ".join(unknown), "")])


def check_audit_folder(folder: Path) -> None:
    """Refuse a folder for an audit that cannot be written or holds anything else: what is in it is replaced.

    Raises
    ------
    InvalidInput
        Naming what else is there.
    """
    ensure_writable(folder)
    strangers = sorted(path.name for path in folder.iterdir() if path.name not in _FILES) if folder.is_dir() else []
    if strangers:
        found = ", ".join(strangers[:5])
        raise InvalidInput([Fault(str(folder), "a new folder or one with an audit only", found, "Choose another folder.")])


def audit(
    book: Book,
    brain: Brain,
    by: Sequence[str] = DIMENSIONS,
    as_of: datetime | None = None,
    options: AuditOptions | None = None,
) -> Audit:
    """Audit a model's policy on the decisions that it has not seen, and the rules on everybody overdue at an instant.

    Parameters
    ----------
    book : Book
        With a decision log.
    brain : Brain
        With a model.
    by : sequence of {"age_band", "region", "segment"}
    as_of : datetime, optional
        At which the rules are priced; the last logged decision's where left out.
    options : AuditOptions, optional
    """
    check_dimensions(by)
    if brain.bundle is None:
        raise InvalidInput([Fault("the audit", "a model", "the house policy alone", "Train one: `lighttouch train DIR`.")])
    options, settings = options or AuditOptions(), brain.settings
    table = training_table(book, brain.arms, settings)
    unseen = Unseen.of(book, table, brain.bundle, settings)
    test = unseen.rows
    log = AuditLog.of(brain.bundle, test, settings)
    groups = {one: values for one, values in profiles(book, test.rows[["borrower_id", "as_of"]]).items() if one in by}
    scores = log.scores(executed_contacts(book, test, settings))
    found = _supported(audit_groups(scores, groups, test.rows["borrower_id"], options), groups, log, options)
    instant = as_of or table.rows["as_of"].max().to_pydatetime()
    priced, borrowers = rule_prices(book, instant, brain)
    facts = {
        "decisions": len(test),
        "borrowers": int(test.rows["borrower_id"].nunique()),
        "first": test.rows["as_of"].min().isoformat(),
        "last": test.rows["as_of"].max().isoformat(),
        "rules_as_of": instant.isoformat(),
        "rules_borrowers": borrowers,
        "data_digest": book.digest,
        "options": asdict(options),
        "model_version": brain.versions.model,
        "policy_version": brain.versions.policy,
        "rules_version": brain.versions.rules,
    }
    return Audit(found, priced, overrides(book, brain.arms, settings, by, options), facts, unseen)


def profiles(book: Book, points: pd.DataFrame) -> dict[str, pd.Series]:
    """Return each point's age band, region and segment, as they were known then.

    Parameters
    ----------
    points : DataFrame of shape (n, ...)
        borrower_id, as_of (aware).
    """
    names = ("borrower_id", "valid_from", "timezone", "jurisdiction", "birth_year", "segment")
    known = book.table("borrowers").select(*names).to_pandas()
    known["valid_from"] = known["valid_from"].astype("datetime64[us]")
    asked = pd.DataFrame({"borrower_id": points["borrower_id"].astype("str"), "place": np.arange(len(points))})
    asked["as_of"] = points["as_of"].dt.tz_convert(None).astype("datetime64[us]")
    merged = pd.merge_asof(
        asked.sort_values("as_of", kind="stable"),
        known.assign(borrower_id=known["borrower_id"].astype("str")).sort_values("valid_from", kind="stable"),
        left_on="as_of",
        right_on="valid_from",
        by="borrower_id",
        allow_exact_matches=False,
    ).sort_values("place")
    place = [merged[name].astype(object).where(merged[name].notna() & (merged[name] != ""), None) for name in names[2:]]
    zone, code, _, segment = (one.reset_index(drop=True) for one in place)
    year = merged["birth_year"].to_numpy(dtype=np.float64, na_value=np.nan)
    return {
        "age_band": pd.Series(age_band(year, merged["as_of"].dt.year.to_numpy()), index=points.index),
        "region": code.fillna(zone).fillna(UNKNOWN).set_axis(points.index),
        "segment": segment.fillna(UNKNOWN).set_axis(points.index),
    }


def executed_contacts(book: Book, test: TrainingTable, settings: PolicySettings) -> NDArray[np.float64]:
    """Return the contacts per week that were made to the borrower within each decision's horizon, of shape (n,)."""
    days = settings.outcome.horizon_days
    points = decision_points(test.rows["borrower_id"].to_numpy(), test.rows["as_of"], settings.ledger)
    with book.points(points) as table:
        made = book.table("contacts").filter(
            ibis._.direction == "out", ibis._.party == "borrower", ibis._.purpose == "collection"
        )
        both = table.join(made, "borrower_id").filter(
            ibis._.at >= ibis._.as_of, ibis._.at < ibis._.as_of + ibis.interval(days=days)
        )
        counted = both.group_by("point_id").agg(made=ibis._.count()).to_pandas().set_index("point_id")["made"]
    found = counted.reindex(points["point_id"].to_numpy()).fillna(0).to_numpy(dtype=np.float64)
    return np.asarray(found * DAYS_PER_WEEK / days)


def _supported(found: pd.DataFrame, groups: dict[str, pd.Series], log: AuditLog, options: AuditOptions) -> pd.DataFrame:
    """Say for what comes from the log whether it can carry it in the group, and take away what it cannot."""
    reasons: dict[tuple[str, str], str] = {}
    shown = found[["dimension", "group"]].drop_duplicates()
    for dimension, group in shown.itertuples(index=False):
        inside = np.ones(len(log.test), dtype=bool)
        if dimension != "all":
            own = groups[dimension]
            told = set(shown.loc[shown["dimension"] == dimension, "group"])
            inside = (own == group).to_numpy() if group in set(own) and group in told else (~own.isin(told)).to_numpy()
        reasons[dimension, group] = log.benefit(inside, options.confidence).reason
    from_log = found["measure"].isin(FROM_LOG)
    said = [
        reasons[one] if log_ else ""
        for one, log_ in zip(found[["dimension", "group"]].itertuples(index=False, name=None), from_log, strict=True)
    ]
    carried = np.array([not one for one in said])
    kept = found.assign(supported=carried, reason=said)
    # What the log cannot carry is no number, and does not count among the differences that are judged together.
    kept.loc[~carried, list(_NUMBERS)] = np.nan
    return judged_together(kept, options.confidence)


def overrides(
    book: Book, arms: ArmCatalogue, settings: PolicySettings, by: Sequence[str], options: AuditOptions
) -> pd.DataFrame:
    """Count the decisions that a person has overridden, by group and by where they went.

    The direction holds the arm that stood at the override against the next one in the decision log, by contacts per week;
    ``open`` where there was none, or nothing was decided after it within the horizon.
    """
    events = book.table("status_events").filter(ibis._.kind == "override").select("borrower_id", "known_at").to_pandas()
    names = ["dimension", "group", "direction", "overrides", "borrowers"]
    if events.empty:
        return pd.DataFrame(columns=names)
    events = events.sort_values(["known_at", "borrower_id"], kind="stable", ignore_index=True)
    events["direction"] = _directions(book, events, arms, settings)
    rows = [("all", "all", *one) for one in _counted(events)]
    told = profiles(book, events.assign(as_of=events["known_at"].dt.tz_localize("UTC")))
    for dimension in by:
        for group, own in events.groupby(told[dimension].to_numpy()):
            if own["borrower_id"].nunique() >= options.min_borrowers:
                rows += [(dimension, str(group), *one) for one in _counted(own)]
    return pd.DataFrame(rows, columns=names)


def _counted(events: pd.DataFrame) -> list[tuple[str, int, int]]:
    return [(str(way), len(own), int(own["borrower_id"].nunique())) for way, own in events.groupby("direction")]


def _directions(book: Book, events: pd.DataFrame, arms: ArmCatalogue, settings: PolicySettings) -> list[str]:
    log = book.table("decisions").select("borrower_id", "as_of", "arm").to_pandas()
    dose = {arm.name: arm.intensity for arm in (*arms, *arms.retired)}
    log = log.assign(dose=log["arm"].map(dose).astype(float)).drop(columns="arm").sort_values("as_of", kind="stable")
    log["as_of"], asked = (
        log["as_of"].astype("datetime64[us]"),
        events.assign(known_at=events["known_at"].astype("datetime64[us]")),
    )
    span = pd.Timedelta(days=settings.outcome.horizon_days)
    before, after = (_joined(asked, log, span, direction) for direction in ("backward", "forward"))
    open_ = ~(np.isfinite(before) & np.isfinite(after))
    named: NDArray[np.str_] = np.select([open_, after < before, after > before], ["open", "lighter", "heavier"], "same")
    return [str(one) for one in named]


def _joined(asked: pd.DataFrame, log: pd.DataFrame, span: pd.Timedelta, direction: Any) -> NDArray[np.float64]:
    found = pd.merge_asof(
        asked,
        log,
        left_on="known_at",
        right_on="as_of",
        by="borrower_id",
        tolerance=span,
        direction=direction,
        allow_exact_matches=direction == "backward",
    )
    return found["dose"].to_numpy(dtype=np.float64)


def _plain(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Return rows for JSON; what is missing is null."""
    plain = table.astype(object).where(table.notna(), None)
    return [dict(zip(plain.columns, row, strict=True)) for row in plain.itertuples(index=False, name=None)]


__all__ = ["DIMENSIONS", "NOTES", "Audit", "audit", "executed_contacts", "overrides", "profiles"]
