"""What commands on models print: an interval only where the log carries the figure, words where it does not."""

import re

import numpy as np
import pandas as pd
import pytest
from lighttouch.data.arms import Arm, ArmCatalogue
from lighttouch.serving.tables import show_account, show_report, show_verdict
from lighttouch.training.evaluation.logged import Log
from lighttouch.training.runs.account import Account, calibration_table, dose_table, support_table

ARMS = ArmCatalogue([Arm("none"), Arm("sms-weekly", sms=1), Arm("call-weekly", call=1)])


def account_without(missing):
    """Return the account of a log that never gave one of the arms."""
    rng, n = np.random.default_rng(0), 2_000
    odds = np.where(np.arange(3) == missing, 0.0, 0.5)
    code = rng.choice(3, n, p=odds)
    reward = (rng.random(n) < 0.3).astype(float)
    log = Log(code, reward, np.tile(odds, (n, 1)), np.full((n, 3), 0.3), ARMS, np.arange(n))
    support = support_table(pd.DataFrame({"x": reward}), np.tile(odds > 0, (n, 1)), ARMS)
    qini = {
        "unit": "value",
        "versus": "none",
        "qini": 1.5,
        "se": 0.1,
        "low": 1.3,
        "high": 1.7,
        "supported": False,
        "reason": "why",
    }
    return Account(
        {}, pd.DataFrame([qini]), dose_table(log, np.ones((n, 3), dtype=bool)), calibration_table(log), support, pd.DataFrame()
    )


def told(text, name):
    (line,) = (line for line in text.splitlines() if line.startswith(f"{name} "))
    return line


def test_an_arm_that_the_log_never_gave_has_no_interval(capsys):
    show_account(account_without(1))
    text = capsys.readouterr().out
    assert re.search(r"0\.300 \(not supported\) +not supported", told(text, "sms-weekly"))
    assert re.search(r"0\.\d{3} \[0\.\d{3}, 0\.\d{3}\] +-?0\.\d{3} ", told(text, "call-weekly"))
    assert "1.5 (not supported)" in told(text, "value")
    assert "1.3" not in told(text, "value")


def test_an_arm_keeps_its_interval_where_only_no_contact_was_never_given(capsys):
    show_account(account_without(0))
    text = capsys.readouterr().out
    for arm in ("sms-weekly", "call-weekly"):
        assert re.search(r"0\.\d{3} \[0\.\d{3}, 0\.\d{3}\] +not supported", told(text, arm))
    assert "0.300 (not supported)" in told(text, "none")


@pytest.mark.parametrize("supported", [True, False])
def test_a_policy_that_the_log_does_not_carry_has_a_value_without_an_interval(supported, capsys):
    figures = {"value": 10.0, "value_low": 9.0, "value_high": 11.0, "repaid": 0.5, "repaid_low": 0.4, "repaid_high": 0.6}
    why = {"supported": supported, "reason": "" if supported else "Not supported: nobody got it."}
    show_verdict(pd.DataFrame([{"policy": "rule", **figures, **why}]), pd.DataFrame([{"over": "rival", **figures, **why}]))
    flat = {"policy": "always x", "value": 0.5, "low": 0.4, "high": 0.6, "snips": 0.5, "ess": 9.0, "max_weight": 2.0, **why}
    show_report(pd.DataFrame([flat]))
    text = capsys.readouterr().out
    for name in ("rule", "rival"):
        assert ("10.00 [9.00, 11.00]" in told(text, name)) == supported
        assert told(text, name).count("(not supported)") == (0 if supported else 2)
    assert ("0.5 (not supported)" if not supported else "0.5 [0.4, 0.6]") in told(text, "always x")
    assert ("not supported: rule: nobody got it." in text) == (not supported)
