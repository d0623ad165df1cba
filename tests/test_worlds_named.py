"""Is each world's trap really there?"""

import numpy as np
import pytest
from lighttouch.data.policies import Policy
from lighttouch.data.vocabulary import CHANNELS, DELIVERED_OUTCOMES
from lighttouch.data.worlds import WORLDS, simulate
from world_cases import NAMES, draw, logged
from world_ledger_oracle import DAY, Oracle, Running, us

DIGESTS = {
    "randomised": "8ae65bdd54c2db5fe3be0bb7cc632edfc85db4f6328feda8846141ed484c7937",
    "confounded": "1c2c51ecb2799dad193bae429bb295af11dbf67dfeeb371d9aa14ca894087149",
    "fatigue": "e6ac0ccbf58d26cc8516a6119a5a37314b1bf19bcf46267d6e9f8139a717740e",
    "outage": "ece5f4020f0fccfbd315b4e68b646553e080583529e2d27bcc22733ec1018943",
    "stale": "0fbd156ac84dc095d0173914c1697ecfccebcf83f4e5096f00800c0e6f432bac",
    "lagged-ledger": "5d0ff7178247b5c2acc5b104fca00ca20b488aa015338cf2ca1b73f8a20bc095",
    "bureau": "b6fc3f7ce7a20274e7a6933eb4b91c5ef133ad0c2383da64c61838fae70b9b55",
    "self-cure": "9543a140a0fb7fffd37d883b30b05c85ded5862d8301502f9152b0e79bfa1a68",
    "flat": "1ec29a63c201e9a4db69a495e98c39cec8e8ff8f8015fd3701cec364aafc15ee",
    "drift": "e1ccc5de2282eb044429de38cbff620bd3da61e3d65690c781b4044631841e4d",
    "no-overlap": "9d14b567861b2590ccfeb8d1643896debd05f256c7dd8c5a632e56d77b429aab",
    "stop-on-success": "40d937c0fd95b602e56cbcdefc8611a989528903eb06039e74f6d04f9a05cab8",
    "hidden": "74e7e43b34172278c06230cb668037e55aa3114bb7f7d0d4404c221d457dcec2",
}


def known(world):
    """Return response and snapshot of the decisions that have a truth."""
    rows = np.flatnonzero(~world.truth.already_paid)
    return world.truth.response[rows], world.snapshot.take(rows)


def arm_of(world, name):
    return world.truth.arms.index(name)


@pytest.mark.parametrize("name", NAMES)
def test_a_world_is_frozen(name):
    # Whoever changes a world changes every figure that was measured on it: a new world takes a new name.
    assert simulate(name, borrowers=300, days=120, seed=1).digest() == DIGESTS[name]


def test_every_world_says_what_its_trap_is():
    assert all(spec.name == name and spec.trap.endswith(".") for name, spec in WORLDS.items())
    assert len({spec.trap for spec in WORLDS.values()}) == len(WORLDS)


def test_fatigue_more_messages_pay_less_and_the_best_dose_differs_by_person():
    world = draw("fatigue")
    response, _ = known(world)
    ladder = [arm_of(world, name) for name in ("none", "sms-weekly", "sms-twice-weekly", "sms-every-3-days")]
    none, once, twice, most = response[:, ladder].mean(axis=0)
    assert once > none + 0.003
    assert once > twice + 0.01 > most + 0.01
    best = np.bincount(response[:, ladder].argmax(axis=1), minlength=4) / len(response)
    assert (best[[0, 3]] > 0.15).all()
    assert (best[1:3] > 0.04).all()


def test_outage_a_week_without_messages_and_no_burst_after_it():
    world = draw("outage")
    contacts = world.tables["contacts"].to_pandas()
    gaps = world.tables["system_gaps"].to_pandas()
    assert set(gaps["channel"]) == {"sms", "app_push", "im", "email"}
    start, end = gaps["start_at"].iloc[0], gaps["end_at"].iloc[0]
    assert (end - start).days == 7
    sent = contacts[(contacts["direction"] == "out") & contacts["channel"].isin(gaps["channel"])]
    assert len(sent[sent["at"].between(start, end)]) == 0
    arrived = sent[sent["outcome"].isin(DELIVERED_OUTCOMES)]
    by_week = ((arrived["at"] - start).dt.total_seconds() // (7 * 86_400)).value_counts()
    usual = by_week[(by_week.index >= -6) & (by_week.index < 0)]
    assert usual.min() > 100
    # Those under a commitment when the week is over have had fewer contacts; nobody sends them what they missed.
    assert by_week[1] < 1.15 * usual.max()


def test_stale_dead_endpoints_stay_in_the_files_and_are_never_reached():
    world = draw("stale")
    contacts = world.tables["contacts"].filter(world.tables["contacts"]["decision_id"].is_valid())
    person = Oracle(world.tables).codes(contacts["borrower_id"])
    channel = np.array([CHANNELS.index(name) for name in contacts["channel"].to_pylist()])
    day = (us(contacts["at"]) - world.setting.calendar.start_us) // DAY + 1
    dead = day >= world.setting.people.dead_day[person, channel]
    outcome = np.array(contacts["outcome"].to_pylist())
    assert 0.25 < dead.mean() < 0.6
    assert not np.isin(outcome[dead], DELIVERED_OUTCOMES).any()
    assert world.tables["contact_points"]["valid_to"].null_count == world.tables["contact_points"].num_rows
    # A text to a dead number helps nobody; it may still be counted as contact.
    response, start = known(world)
    gone = start.day >= world.setting.people.dead_day[start.person, CHANNELS.index("sms")]
    uplift = response[:, arm_of(world, "sms-weekly")] - response[:, 0]
    assert gone.mean() > 0.25
    assert uplift[gone].max() < 1e-12
    assert uplift[~gone].mean() > 0.02


def test_lagged_ledger_many_are_decided_on_who_have_paid():
    world = draw("lagged-ledger")
    payments = world.tables["payments"]
    assert (us(payments["posted_at"]) - us(payments["paid_at"]) > DAY).mean() > 0.3
    assert 0.1 < world.truth.already_paid.mean() < 0.4
    assert world.truth.already_paid.mean() > 5 * draw("randomised").truth.already_paid.mean()


def test_bureau_contact_helps_before_the_report_and_puts_off_after_it():
    world = draw("bureau")
    response, start = known(world)
    arm = arm_of(world, "sms-weekly")
    uplift = response[:, arm] - response[:, 0]
    # Decided fourteen days before the report and earlier, and after it.
    assert uplift[start.dpd <= 16].mean() > 0.02
    assert uplift[start.dpd > 30].mean() < -0.01
    events = world.tables["status_events"]
    reported = events.filter(np.array(events["kind"].to_pylist()) == "bureau_reported")
    oracle = Oracle(world.tables)
    who, at = oracle.codes(reported["borrower_id"]), us(reported["at"])
    assert len(who) > 200
    assert (oracle.due_at(who, at - 30 * DAY) > oracle.posted.at(who, at)).all()
    assert (oracle.due_at(who, at - 45 * DAY) <= oracle.posted.at(who, at)).mean() > 0.8
    count = Running(who, at, np.ones(len(who), dtype=np.int64))
    late = world.snapshot.dpd > 30
    assert (count.at(oracle.borrower[late], oracle.as_of[late]) > 0).all()


def test_self_cure_most_pay_anyway():
    response, _ = known(draw("self-cure"))
    assert response[:, 0].mean() > 0.75
    assert (response.mean(axis=0) - response[:, 0].mean()).max() < 0.04


def test_flat_all_arms_are_equal_and_averages_are_not():
    world = draw("flat")
    response, _ = known(world)
    assert np.ptp(response, axis=1).max() < 1e-12
    assert (world.truth.harm[~world.truth.already_paid] == 0).all()
    oracle = Oracle(world.tables)
    _, repaid = oracle.outcomes()
    rows = oracle.mature() & ~world.truth.already_paid
    heavy = world.truth.taken == arm_of(world, "sms-every-3-days")
    assert repaid[rows & heavy].mean() < repaid[rows & (world.truth.taken == 0)].mean() - 0.1


def test_drift_fewer_pay_after_the_shock_and_contact_does_less():
    world = draw("drift")
    response, start = known(world)
    half = world.setting.calendar.days // 2
    before, after = response[start.day < half - 14], response[start.day >= half]
    assert before[:, 0].mean() > after[:, 0].mean() + 0.1
    arm = arm_of(world, "sms-weekly")
    assert (before[:, arm] - before[:, 0]).mean() > 3 * abs((after[:, arm] - after[:, 0]).mean())


class Recorded:
    """Decides as another policy does, and keeps the situations."""

    def __init__(self, policy: Policy):
        self.policy, self.name, self.seen = policy, policy.name, []

    def propensities(self, situation):
        self.seen.append(situation)
        return self.policy.propensities(situation)


def test_no_overlap_whoever_looks_alike_gets_the_same_arm():
    recorded = Recorded(WORLDS["no-overlap"].policy())
    world = simulate("no-overlap", borrowers=600, days=200, seed=2, policy=recorded)
    assert set(np.unique(world.truth.propensity)) == {0.0, 1.0}
    days = np.concatenate([situation.observed["days_past_due"] for situation in recorded.seen])
    arms_by_look = {}
    for look, arm in zip(zip(days, map(bytes, world.truth.lawful), strict=True), world.truth.taken, strict=True):
        arms_by_look.setdefault(look, set()).add(int(arm))
    assert all(len(arms) == 1 for arms in arms_by_look.values())
    assert len(set(world.truth.taken)) >= 8
    assert days[world.truth.taken == 0].max() < days[world.truth.taken == arm_of(world, "sms-every-3-days")].min()


def test_stop_on_success_no_log_and_counts_of_contacts_lie_in_sign():
    world, twin = draw("stop-on-success"), logged("stop-on-success")
    assert world.tables["decisions"].num_rows == 0
    assert world.tables["contacts"]["decision_id"].null_count == world.tables["contacts"].num_rows > 5_000
    assert all(world.tables[name].equals(twin.tables[name]) for name in world.tables if name not in ("decisions", "contacts"))
    oracle = Oracle(twin.tables)
    contacts = world.tables["contacts"]
    out = np.array(contacts["direction"].to_pylist()) == "out"
    sent = Running(oracle.codes(contacts["borrower_id"])[out], us(contacts["at"])[out], np.ones(int(out.sum()), dtype=np.int64))
    count = sent.at(oracle.borrower, oracle.as_of + 14 * DAY) - sent.at(oracle.borrower, oracle.as_of)
    _, repaid = oracle.outcomes()
    rows = oracle.mature() & ~world.truth.already_paid
    some = rows & (world.truth.taken > 0)
    assert np.corrcoef(count[some], repaid[some])[0, 1] < -0.1
    assert np.corrcoef(count[rows], repaid[rows])[0, 1] < -0.05
    response = world.truth.response[rows]
    assert (response[:, 1:].mean(axis=0) > response[:, 0].mean() + 0.005).all()


def test_hidden_weights_by_the_logged_propensities_promise_a_gain_that_is_not_there():
    world = draw("hidden")
    truth, oracle = world.truth, Oracle(world.tables)
    _, repaid = oracle.outcomes()
    rows = np.flatnonzero(oracle.mature() & ~truth.already_paid)
    heaviest, y = arm_of(world, "sms-every-3-days"), repaid[rows].astype(float)
    truth = truth.take(rows)
    weight = {k: (truth.taken == k) / truth.propensity[np.arange(len(truth)), truth.taken] for k in (0, heaviest)}
    for k, sign in ((0, -1), (heaviest, 1)):
        lawful = truth.lawful[:, k]
        gap = (weight[k] * y - truth.response[:, k])[lawful]
        assert sign * gap.mean() > 4 * gap.std() / np.sqrt(len(gap))
        # Nothing in the log gives it away: the weights average one.
        assert weight[k][lawful].mean() == pytest.approx(1, abs=0.06)
    real = (truth.response[:, heaviest] - truth.response[:, 0]).mean()
    assert (weight[heaviest] * y).mean() - (weight[0] * y).mean() > real + 0.2


def test_hidden_the_means_that_staff_go_by_are_in_no_table_and_move_who_pays():
    world = draw("hidden")
    people, start = world.setting.people, world.snapshot
    means = people.unseen_means
    assert np.corrcoef(means[start.person], np.nan_to_num(world.truth.arms.intensity)[start.arm])[0, 1] > 0.4
    for seen in (people.segment, people.birth_year, people.place, people.due_dom):
        assert abs(np.corrcoef(means, seen)[0, 1]) < 4 / np.sqrt(len(people))
    response, start = known(world)
    assert np.corrcoef(means[start.person], response[:, 0])[0, 1] > 0.3
