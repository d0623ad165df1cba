"""Doses that were never tried: between tried ones they are valued and flagged, outside them refused."""

import numpy as np
import pandas as pd
import pytest
from lighttouch.data.arms import Arm, ArmCatalogue
from lighttouch.data.errors import OutsideTriedDoses
from lighttouch.training.model.arm_kernel import ArmKernel
from lighttouch.training.model.boosting import Boosting
from lighttouch.training.response import ResponseModel
from scipy.special import expit

DOSES = {"none": 0.0, "sms-weekly": 1.0, "sms-twice": 2.0, "sms-daily": 7.0}
ARMS = ArmCatalogue([Arm("none"), *(Arm(name, sms=dose) for name, dose in DOSES.items() if dose), Arm("call-weekly", call=1)])


def true_response(x, dose):
    """A curve over the dose that rises and turns back; how high depends on x."""
    z = np.log1p(dose)
    return expit(-0.4 + 0.5 * x + (1.0 + 0.3 * x) * z * (1.9 - z))


@pytest.fixture(scope="module")
def fitted():
    rng = np.random.default_rng(0)
    n = 30_000
    x = rng.standard_normal(n)
    code = rng.integers(len(ARMS), size=n)
    dose = np.array([*DOSES.values(), 0.5])[code]
    y = (rng.random(n) < true_response(x, dose)).astype(float)
    X = pd.DataFrame({"x": x})
    model = ResponseModel(ARMS, boosting=Boosting(rounds=100, rate=0.1, leaves=7))
    return model.fit(X, y, arm=np.array(ARMS.names, dtype=object)[code], propensity=1 / len(ARMS)), X.head(2_000)


@pytest.mark.parametrize("dose", [1.4, 3.5])
def test_a_dose_between_tried_doses_is_valued_near_the_truth_and_flagged(fitted, dose):
    model, X = fitted
    found = model.predict_dose(X, Arm("new", sms=dose))
    truth = true_response(X["x"].to_numpy(), dose)
    assert found.between == (("sms-weekly", "sms-twice") if dose < 2 else ("sms-twice", "sms-daily"))
    assert found.probability.mean() == pytest.approx(truth.mean(), abs=0.05)
    assert ((found.low <= truth) & (truth <= found.high)).mean() > 0.85
    assert found.supported.all()


def test_a_dose_between_is_valued_beside_an_arm_whose_dose_nobody_knows():
    arms = ArmCatalogue(
        [Arm("none"), Arm("sms-weekly", sms=1), Arm("sms-daily", sms=7), Arm("call-script-b", dose_known=False)]
    )
    kernel = ArmKernel.of(arms)
    logs = np.zeros(len(kernel.names))
    weights, left = kernel.of_new_arm(Arm("sms-twice", sms=2), arms, logs)
    # Only what any contact does is shared: 1 of 2 of every arm's variance.
    assert weights == pytest.approx(np.full(3, 0.25))
    assert left == pytest.approx(2 - 0.75)


def test_what_was_never_tried_is_less_sure_than_what_was(fitted):
    model, X = fitted
    low, high = model.interval_by_arm(X)
    found = model.predict_dose(X, Arm("new", sms=4))
    assert (found.high - found.low).mean() > (high - low)[:, ARMS.index("sms-daily")].mean()


@pytest.mark.parametrize(
    "arm",
    [Arm("more", sms=14), Arm("call-often", call=3), Arm("letter", letter=0.5), Arm("mix", sms=1, call=1), Arm("nothing")],
)
def test_a_dose_outside_the_tried_ones_is_refused_with_what_was_tried(fitted, arm):
    model, X = fitted
    with pytest.raises(OutsideTriedDoses, match=r"between two tried doses.*tried with at least 100 rows"):
        model.predict_dose(X, arm)


def test_a_saved_model_values_untried_doses_bit_for_bit(fitted, tmp_path):
    model, X = fitted
    model.save(tmp_path / "m")
    again = ResponseModel.load(tmp_path / "m").predict_dose(X, Arm("new", sms=3))
    first = model.predict_dose(X, Arm("new", sms=3))
    for name in ("probability", "low", "high"):
        assert np.array_equal(getattr(first, name), getattr(again, name))


def test_kriging_at_a_tried_dose_gives_that_arm_but_for_what_is_its_own():
    kernel = ArmKernel.of(ARMS)
    logs = np.array([-2.0, -2.0, -2.0, -2.0, -12.0])
    weights, left = kernel.of_new_arm(Arm("again", sms=2), ARMS, logs)
    assert weights == pytest.approx(np.eye(len(ARMS) - 1)[1], abs=0.02)
    assert left < 1e-4
