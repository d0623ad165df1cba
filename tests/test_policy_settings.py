"""Policy settings: read whole, refused whole, with a version that follows the content."""

import pytest
from lighttouch.data.arms import ArmCatalogue
from lighttouch.data.errors import InvalidInput
from lighttouch.policy.settings import PolicySettings


def written(tmp_path, text):
    path = tmp_path / "policy.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_one_file_holds_the_settings_and_the_arms(tmp_path):
    path = written(
        tmp_path, "margin: 0.5\ncosts: {sms: 0.1}\narms: {none: , sms-weekly: {sms: 1}}\narm_options: {fallback: none}\n"
    )
    settings = PolicySettings.from_yaml(path)
    assert (settings.margin, settings.costs["sms"], settings.costs["call"]) == (0.5, 0.1, 2.0)
    assert ArmCatalogue.from_yaml(path).names == ["none", "sms-weekly"]


def test_every_fault_of_a_file_is_told_at_once(tmp_path):
    path = written(tmp_path, "margn: 0.5\nharm_price: -1\ncosts: {pigeon: 1}\npacks: []\nledger: {lag_limit_days: 0}\n")
    with pytest.raises(InvalidInput) as refused:
        PolicySettings.from_yaml(path)
    places = {fault.where.removeprefix(f"{path}: ") for fault in refused.value.faults}
    assert places == {"margn", "harm_price", "costs", "packs", "ledger.lag_limit_days"}


def test_the_version_follows_the_content_and_not_the_file(tmp_path):
    same = PolicySettings.from_yaml(written(tmp_path, "harm_price: 25.0\n"))
    assert same.version == PolicySettings().version != PolicySettings(harm_price=26).version
    assert PolicySettings.from_dict(same.model_dump()).version == same.version
