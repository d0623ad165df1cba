"""The example of retraining runs to its end, and says of the gate what the registry holds."""

import re
import runpy
import sys
from pathlib import Path

import pytest
from lighttouch.training.registry.bundle import ModelBundle
from lighttouch.training.registry.tracker import Standing
from lighttouch.training.registry.tracking import MlflowTracker

EXAMPLE = Path(__file__).parents[1] / "examples" / "retrain.py"
# So few that the gate has seen too few complaints to open.
FEW = 300


def run_example(room, *size):
    """Run the example; return its room and the names that its last cell leaves."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(sys, "argv", [str(EXAMPLE), str(room), *map(str, size)])
        return room, runpy.run_path(str(EXAMPLE))


def standing_in(room):
    """Return what the registry holds."""
    return MlflowTracker(f"sqlite:///{room / 'mlflow.db'}", room / "mlartifacts").standing("contact-response")


@pytest.fixture(scope="module")
def ended(tmp_path_factory):
    return run_example(tmp_path_factory.mktemp("retrain"), FEW)


@pytest.fixture(scope="module")
def standing(ended):
    return standing_in(ended[0])


def test_at_its_own_size_a_raw_table_ends_as_a_champion(tmp_path):
    room, names = run_example(tmp_path)
    verdict = names["promotion"].verdict
    assert verdict.passed, verdict.reasons
    gains = [check for check in verdict.checks if check.name.startswith("gain over ")]
    assert len(gains) >= 2
    assert all(check.figure > check.limit == 0.0 for check in gains)
    assert standing_in(room) == Standing("contact-response", champion="1", challenger="1")
    assert names["champion"].version == names["run"].bundle.version == names["repeated"].bundle.version


def test_the_better_candidate_is_trained_registered_and_judged_once(ended, standing):
    room, names = ended
    assert standing.challenger == "1"
    assert names["promotion"].verdict.attempt == 1
    assert names["compared"]["value"].idxmax() == names["best"]
    assert ModelBundle.load(room / "model").version == names["run"].bundle.version
    assert {"model_card.md", "report.html"} <= {path.name for path in room.iterdir()}


def test_the_gate_decides_by_its_own_defaults_and_the_registry_holds_what_it_says(ended, standing):
    _, names = ended
    verdict = names["promotion"].verdict
    assert {check.name: check.limit for check in verdict.checks}["harm"] == 0.02
    assert {check.name for check in verdict.checks} >= {
        "gain over fixed: sms-every-3-days",
        "gain over everyone: none",
        "support",
    }
    assert not verdict.passed
    assert any(re.match(r"harm .* events? w(as|ere) seen under its arms", reason) for reason in verdict.reasons)
    assert standing == Standing("contact-response", None, "1")


def test_the_run_made_again_is_the_same_model(ended):
    room, _ = ended
    first, again = (
        {path.relative_to(room / name): path.read_bytes() for path in (room / name).rglob("*") if path.is_file()}
        for name in ("model", "again")
    )
    assert first == again
    assert len(first) > 3
