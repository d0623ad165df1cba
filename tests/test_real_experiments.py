"""Published figures of three randomised logs are reproduced, and policies are valued on them.

Sources: The Lab @ DC, TANF recertification letters (CC0 1.0); MineThatData e-mail challenge (Hillstrom 2008); Open Bandit
Dataset (Saito, Aihara, Matsutani, Narita, arXiv:2008.07146, CC BY 4.0).
"""

import runpy
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from lighttouch.training.evaluation import policy_value
from lighttouch.training.flat.run import LEARNT, train_flat
from lighttouch.training.model.boosting import Boosting
from real_data import needs_real_data, real

QUICK = Boosting(rounds=150, rate=0.05, pairs=1)


@pytest.fixture(scope="module")
def tanf():
    example = runpy.run_path(str(Path(__file__).parents[1] / "examples" / "tanf_letters" / "learn.py"))
    table = example["letters"]()
    options = {"arm": "condition", "outcome": "processed", "group": "household"}
    return table, train_flat(table, propensity=1 / 3, boosting=QUICK, n_threads=1, **options), options


@pytest.fixture(scope="module")
def hillstrom():
    table = pd.read_csv(real("hillstrom/hillstrom.csv.gz"))
    options = {"arm": "segment", "outcome": "visit", "drop": ["conversion", "spend"]}
    return table, train_flat(table, propensity=1 / 3, boosting=QUICK, n_threads=1, **options), options


CASES = [
    ("tanf", {"No_Letter": 39.9, "Open_Appt": 46.2, "Specific_Appt": 44.5}, "Open_Appt"),
    pytest.param(
        "hillstrom", {"No E-Mail": 10.62, "Mens E-Mail": 18.28, "Womens E-Mail": 15.14}, "Mens E-Mail", marks=needs_real_data
    ),
]


@pytest.mark.parametrize(("name", "published", "best"), CASES)
def test_snips_of_a_constant_policy_is_the_published_mean_of_its_arm(request, name, published, best):
    table, result, options = request.getfixturevalue(name)
    arm, y = table[options["arm"]].to_numpy(dtype=object), table[options["outcome"]].to_numpy(dtype=float)
    for arm_name, percent in published.items():
        found = policy_value(
            np.full(len(y), arm_name), arm=arm, reward=y, propensity=1 / 3, arms=result.model.arms, method="snips"
        )
        assert abs(found.estimate - y[arm == arm_name].mean()) < 1e-12
        assert 100 * found.estimate == pytest.approx(percent, abs=0.05 if name == "tanf" else 0.005)
        assert found.supported


@pytest.mark.parametrize(("name", "published", "best"), CASES)
def test_doubly_robust_agrees_with_the_mean_and_is_no_less_precise_than_ips(request, name, published, best):
    table, result, options = request.getfixturevalue(name)
    held = result.values
    for arm_name in published:
        dr = held[f"always {arm_name}"]
        row = result.report.set_index("policy").loc[f"always {arm_name}"]
        assert abs(dr.estimate - row["snips"]) < 2 * dr.se
    model = result.model
    X = table[list(result.covariates)].copy()
    for column in X.columns[X.dtypes == "str"]:
        X[column] = X[column].astype("category")
    model = type(model)(model.arms, boosting=QUICK, n_threads=1)
    y, arm = table[options["outcome"]], table[options["arm"]]
    model.fit(X, y, arm=arm, propensity=1 / 3, groups=table[options["group"]] if "group" in options else None)
    log = {"arm": arm, "reward": y, "propensity": 1 / 3, "arms": model.arms, "outcome": model.out_of_fold}
    for arm_name in published:
        dr, ips, snips = (policy_value(np.full(len(y), arm_name), method=m, **log) for m in ("dr", "ips", "snips"))
        assert abs(dr.estimate - snips.estimate) < 2 * dr.se
        assert dr.se <= ips.se


@pytest.mark.parametrize(("name", "published", "best"), CASES)
def test_the_best_arm_for_everyone_is_found_and_the_learnt_policy_valued(request, name, published, best):
    _, result, _ = request.getfixturevalue(name)
    assert result.best_constant == best
    # Its name does not say outright that it is no treatment.
    guessed = () if result.model.arms.baseline == "none" else (result.model.arms.baseline,)
    assert len(result.notices) == len(guessed)
    assert all(f"Arm '{name}' is taken for no treatment" in said for name, said in zip(guessed, result.notices, strict=True))
    learnt = result.values[LEARNT]
    assert learnt.supported
    assert learnt.low < learnt.estimate < learnt.high
    assert learnt.n == result.holdout_rows
    gain = result.values[f"{LEARNT} minus always {result.model.arms.baseline}"]
    assert gain.estimate > 0


@needs_real_data
def test_columns_of_hillstrom_measured_after_the_mail_ring():
    table = pd.read_csv(real("hillstrom/hillstrom.csv.gz"))
    found = train_flat(table, arm="segment", outcome="visit", propensity=1 / 3, boosting=QUICK, n_threads=1)
    assert [notice.split("'")[1] for notice in found.notices] == ["No E-Mail", "conversion", "spend"]


def test_the_mean_effect_of_a_letter_is_the_published_one(tanf):
    table, result, _ = tanf
    letters = np.tile([0.0, 0.5, 0.5], (len(table), 1))
    found = policy_value(
        letters, arm=table["condition"], reward=table["processed"], propensity=1 / 3, arms=result.model.arms,
        versus=np.full(len(table), "No_Letter"), method="snips",
    )  # fmt: skip
    assert 100 * found.estimate == pytest.approx(5.4, abs=0.05)
    assert 100 * found.se == pytest.approx(1.8, abs=0.1)


def thompson(campaign, draws=200_000):
    """Return the sampling policy's probabilities of (position, item): three best of Beta draws, in order."""
    prior = yaml.safe_load(real("open_bandit/prior_bts.yaml").read_text())[campaign]
    rng = np.random.default_rng(12345)
    alpha, beta = np.array(prior["alpha"]), np.array(prior["beta"])
    counts = np.zeros((3, len(alpha)))
    for _ in range(draws // 20_000):
        theta = rng.beta(alpha, beta, size=(20_000, len(alpha)))
        for position in range(3):
            best = theta.argmax(axis=1)
            counts[position] += np.bincount(best, minlength=len(alpha))
            theta[np.arange(len(theta)), best] = -1.0
    return counts / counts.sum(axis=1, keepdims=True)


def bandit(log):
    table = pd.read_csv(real(f"open_bandit/{log}/{log.split('/')[1]}.csv.gz"), index_col=0)
    items = table["item_id"].astype(str)
    return table, {"arm": items, "reward": table["click"], "propensity": table["propensity_score"]}


def names(K):
    return [str(item) for item in range(K)]


@needs_real_data
def test_the_value_of_thompson_sampling_from_the_uniform_log_is_the_published_one():
    table, log = bandit("random/all")
    policy = thompson("all")[table["position"].to_numpy() - 1]
    found = policy_value(policy, arms=names(80), method="ips", **log)
    assert found.estimate == pytest.approx(0.004553, abs=0.00015)
    # The click rate that the sampler had in its own log of the same size.
    assert found.low < 0.0042 < found.high
    assert found.supported


@needs_real_data
@pytest.mark.parametrize(("log", "K", "ess"), [("bts/women", 46, 2), ("bts/all", 80, 340)])
def test_the_uniform_policy_is_supported_only_by_the_log_that_explored(log, K, ess):
    table, data = bandit(log)
    found = policy_value(np.full((len(table), K), 1 / K), arms=names(K), method="ips", **data)
    assert round(found.ess) == ess
    assert found.supported == (ess == 340)
    if not found.supported:
        assert found.max_weight == pytest.approx(21_739, abs=1)
        assert "effective sample size is 2.1 of 10,000 rows" in found.reason
