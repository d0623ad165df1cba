"""From raw tables to a promoted model, cell by cell: check, train, look, compare, the gate, and the run made again.

    python examples/retrain.py            # about two minutes; or cell by cell in an editor that knows `# %%`

Everything goes to ``var/retrain``. Your own tables take the place of the simulated ones: a folder of Parquet or CSV, a DuckDB
file or a PostgreSQL address, as the README describes them.
"""

# %% A book. Here simulated, so that the truth is known; its world is 'randomised': a log that explores every arm.
import sys
from dataclasses import replace
from pathlib import Path

from lighttouch.data.stores import check_source
from lighttouch.data.worlds import simulate
from lighttouch.serving.settings import Settings
from lighttouch.training.account import account_of
from lighttouch.training.boosting import Boosting
from lighttouch.training.bundle import ModelBundle
from lighttouch.training.gate_promotion import Candidates, promote
from lighttouch.training.recipe import RECIPE_PAGE, Recipe
from lighttouch.training.record import record_of
from lighttouch.training.run import TrainOptions, train_book
from lighttouch.training.tracking import MlflowTracker

room = Path(sys.argv[1] if len(sys.argv) > 1 else "var/retrain")
borrowers = int(sys.argv[2]) if len(sys.argv) > 2 else 1_500
name = "contact-response"
simulate("randomised", borrowers=borrowers, days=360, seed=1).write(room / "book")

# %% Check: every row against its contract. What is wrong is set aside with its reason, and the report says so.
settings = Settings()
book, report = check_source(room / "book", settings.book, settings.arms)
print(report.to_text())

# %% Train two candidates on the past, compared on the select fold: the final fold stays unseen, so this costs no attempt.
candidates = {
    "shallow": TrainOptions(boosting=Boosting(rounds=150, rate=0.1, leaves=4, pairs=2), select_share=0.2),
    "deeper": TrainOptions(boosting=Boosting(rounds=150, rate=0.1, leaves=12, pairs=2), select_share=0.2),
}
worth = {}
for label, options in candidates.items():
    tried = train_book(book, settings.arms, settings.policy, room / "candidates" / label, options)
    learnt = tried.verdict.values.set_index("policy").loc["learnt"]
    worth[label] = learnt["value"]
    print(
        f"{label}: {learnt['value']:.2f} a decision on the select fold, {learnt['value_low']:.2f} to {learnt['value_high']:.2f}"
    )

# %% Train the better one on all but the final fold. What rang is said first: a refusal closes the gate whatever else is good.
best = max(worth, key=lambda label: worth[label])
options = replace(candidates[best], select_share=0.0)
run = train_book(book, settings.arms, settings.policy, room / "model", options)
print(f"'{best}' is trained: version {run.bundle.version}")
for notice in run.notices:
    print(f"  {notice}")

# %% Look at it: doses, calibration by arm, Qini, and which families of history move what contact changes.
account = account_of(run, settings.policy)
print(
    account.doses[["arm", "contacts_per_week", "response", "low", "high", "predicted", "supported"]]
    .round(3)
    .to_string(index=False)
)
print(account.calibration.round(3).to_string(index=False))
print(account.qini.drop(columns="reason").round(4).to_string(index=False))
print(account.families.round(3).to_string(index=False))

# %% Compare with what would be done without a model: money per decision on the final fold, paired, clustered by borrower.
print(run.verdict.gains[["over", "value", "value_low", "value_high", "supported"]].round(2).to_string(index=False))

# %% Keep the run with all that makes it again (settings, options, digests), its pages and its card; register it as challenger.
tracker = MlflowTracker(f"sqlite:///{room / 'mlflow.db'}", room / "mlartifacts")
record = record_of(run, room / "model", options, account)
recipe = Recipe.of(run, options, str(room / "book"), settings.to_dict())
kept = tracker.log(replace(record, pages={**record.pages, RECIPE_PAGE: recipe.to_json()}))
registered = tracker.register(kept, name)
for page in ("model_card.md", "report.html"):
    (room / page).write_text(record.pages[page], encoding="utf-8")
print(f"registered as version {registered.version}, a challenger; read {room / 'model_card.md'} and {room / 'report.html'}")

# %% The gate. It moves the alias `champion` only on what the final fold shows, and says every reason against.
promotion = promote(book, Candidates.load(tracker, name), tracker, settings.policy, settings.gate)
if promotion.verdict.passed:
    champion = ModelBundle.load(tracker.folder(f"models:/{name}/{promotion.after.champion}"))
    print(f"the gate is open: version {promotion.after.champion} is champion, model {champion.version}")
else:
    # Nothing is broken: the champion (here none, so the house policy) goes on deciding, and exploring with known odds. What to
    # do depends on the reason. A gain whose interval holds 0 wants more decisions: `lighttouch plan-experiment` says how many
    # weeks at which share. A calibration gap or an alarm wants another model, or another log. Another try on the same fold is
    # counted, and held at a stricter level.
    print(f"the gate stays closed; champion: {promotion.after.champion or 'none, the house policy decides'}")
    for reason in promotion.verdict.reasons:
        print(f"  - {reason}")

# %% The run made again from its record, as `lighttouch train --like RUN` does: the same tables, the same bytes.
again = Recipe.from_json(tracker.page(kept.run_id, RECIPE_PAGE))
again.check(book)
repeated = train_book(book, settings.arms, settings.policy, room / "again", again.options)
again.compare(repeated)
print(f"made again: version {repeated.bundle.version}, byte for byte the same")
book.close()
