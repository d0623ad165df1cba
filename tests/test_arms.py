"""Arms and their catalogue: order, doses, names and the messages when something is wrong."""

import numpy as np
import pytest
from lighttouch.data.arms import Arm, ArmCatalogue, default_arms
from lighttouch.data.errors import InvalidInput
from lighttouch.data.vocabulary import CHANNELS

ARMS = ArmCatalogue([Arm("none"), Arm("sms-weekly", sms=1), Arm("sms-every-3-days", sms=7 / 3), Arm("call-weekly", call=1)])


def test_no_contact_is_first_and_the_fallback():
    assert ARMS.names == ["none", "sms-weekly", "sms-every-3-days", "call-weekly"]
    assert (len(ARMS), ARMS.baseline, ARMS.fallback) == (4, "none", "none")
    with pytest.raises(
        InvalidInput, match=r'the first arm: expected no contact at all, found \'sms\'. Put Arm\("none"\) first.'
    ):
        ArmCatalogue([Arm("sms", sms=1)])
    with pytest.raises(InvalidInput, match=r"at least the no-contact arm"):
        ArmCatalogue([])


def test_an_unknown_arm_is_named_with_its_neighbour():
    with pytest.raises(InvalidInput, match=r"arm: expected one of none, .*, found 'sms-weekely'. Did you mean 'sms-weekly'"):
        ARMS["sms-weekely"]
    with pytest.raises(InvalidInput, match=r"(?s)^2 faults:.*column 'arm': .*found 'pigeon'") as error:
        ARMS.encode(["none", "pigeon", "fax", "pigeon"], where="column 'arm'")
    assert len(error.value.faults) == 2


def test_names_become_positions_and_back():
    names = ["call-weekly", "none", "none", "sms-weekly"]
    assert [ARMS.names[i] for i in ARMS.encode(names)] == names
    assert ARMS.encode([]).shape == (0,)
    assert ARMS.index("sms-every-3-days") == 2


def test_doses_are_contacts_per_week_by_channel():
    arm = ARMS["sms-every-3-days"]
    assert arm.intensity * arm.interval_days == pytest.approx(7)
    assert ARMS.dose_matrix.shape == (4, len(CHANNELS))
    np.testing.assert_allclose(ARMS.dose_matrix.sum(axis=1), ARMS.intensity)
    assert Arm("none").interval_days is None
    assert Arm("mixed", sms=1, call=2).channels == ("call", "sms")


@pytest.mark.parametrize("dose", [-1, float("nan"), float("inf")])
def test_a_dose_that_is_no_dose_is_refused(dose):
    with pytest.raises(InvalidInput, match=r"arm 'x', channel 'sms': expected a finite number of contacts per week"):
        Arm("x", sms=dose)


def test_all_faults_of_an_arm_come_at_once():
    with pytest.raises(InvalidInput, match=r"^3 faults:"):
        Arm("", sms=-1, call=-1)


def test_names_are_unique_over_active_and_retired_arms():
    with pytest.raises(InvalidInput, match=r"each name once, found 'sms' 2 times"):
        ArmCatalogue([Arm("none"), Arm("sms", sms=1)], retired=[Arm("sms", sms=2)])


def test_a_retired_arm_can_be_read_but_not_given():
    arms = ArmCatalogue([Arm("none")], retired=[Arm("visit-weekly", visit=1)])
    assert arms["visit-weekly"].intensity == 1
    assert arms.names == ["none"]
    with pytest.raises(InvalidInput, match=r"found 'visit-weekly'"):
        arms.encode(["visit-weekly"])


def test_the_arms_of_an_experiment_have_no_known_dose():
    arms = ArmCatalogue.from_names(["Mens E-Mail", "No E-Mail", "Womens E-Mail"], baseline="No E-Mail")
    assert arms.names == ["No E-Mail", "Mens E-Mail", "Womens E-Mail"]
    assert np.isnan(arms.intensity[1:]).all()
    assert arms.intensity[0] == 0
    with pytest.raises(InvalidInput, match=r"baseline: expected one of .*, found 'Control'"):
        ArmCatalogue.from_names(["A", "B"], baseline="Control")


def test_a_catalogue_survives_its_dictionary():
    arms = ArmCatalogue(ARMS.arms, fallback="sms-weekly", retired=[Arm("letter-weekly", letter=1)])
    assert ArmCatalogue.from_dict(arms.to_dict()) == arms
    experiment = ArmCatalogue.from_names(["a", "b"], baseline="a")
    assert ArmCatalogue.from_dict(experiment.to_dict()) == experiment


def test_a_catalogue_is_read_from_its_section(tmp_path):
    path = tmp_path / "policy.yaml"
    path.write_text(
        "arms:\n  none:\n  sms-weekly: {sms: 1}\n  call-weekly: {call: 1}\n"
        "arm_options: {fallback: sms-weekly, retired: [{name: visit-weekly, visit: 1}]}\nother: {}\n",
        encoding="utf-8",
    )
    arms = ArmCatalogue.from_yaml(path)
    assert arms.names == ["none", "sms-weekly", "call-weekly"]
    assert (arms.fallback, arms["visit-weekly"].visit) == ("sms-weekly", 1)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("arms: {none: , x: {smss: 1}}", "arm 'x': expected a channel out of .*found 'smss'. Did you mean 'sms'"),
        ("arms: [none, x]", "arms: expected a mapping from arm name to doses"),
        ("arms: {none: , x: 3}", "arm 'x': expected a mapping from channel to contacts per week, found 3"),
        ("arms: {none: , x: {sms: often}}", "arm 'x', channel 'sms': expected a finite number"),
        ("arms: {none: }\narm_options: {fall_back: none}", "arm_options: expected .*fallback, retired.*found 'fall_back'"),
    ],
)
def test_a_settings_file_with_a_fault_is_refused_with_a_message(tmp_path, text, message):
    path = tmp_path / "policy.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InvalidInput, match=message):
        ArmCatalogue.from_yaml(path)


def test_the_default_house_policy_has_ten_arms():
    arms = default_arms()
    assert (len(arms), arms.baseline) == (10, "none")
    assert arms["sms-every-3-days"].interval_days == pytest.approx(3)
