"""obp's own estimates on its sample, as its quick start makes them: `obp_figures.py OUT`, JSON on the last line.

OUT receives the log, the sampler's probabilities and the expected rewards. Runs in the peers' environment.
"""

import json
import sys
import types
import warnings
from importlib.metadata import version
from pathlib import Path
from typing import Any

warnings.simplefilter("ignore")


class Lent(types.ModuleType):
    """Stands in for torch, gigabytes that obp imports for a neural policy which isn't called here."""

    def __getattr__(self, name: str) -> Any:
        """Return an empty class or another such module."""
        return type(name, (), {}) if name[0].isupper() else Lent(name)


sys.modules |= {name: Lent(name) for name in ("torch", "torch.nn", "torch.nn.functional", "torch.optim")}

import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402
from obp.dataset import OpenBanditDataset  # noqa: E402
from obp.ope import (  # noqa: E402
    DirectMethod,
    DoublyRobust,
    InverseProbabilityWeighting,
    OffPolicyEvaluation,
    RegressionModel,
)
from obp.policy import BernoulliTS  # noqa: E402
from sklearn.linear_model import LogisticRegression  # noqa: E402
from sklearn.preprocessing import LabelEncoder  # noqa: E402


class Sample(OpenBanditDataset):
    """The sample that obp carries, its features made as obp makes them: its own code is written for pandas 1."""

    def pre_process(self) -> None:
        """Make the features."""
        people = self.data.columns.str.contains("user_feature")
        self.context = pd.get_dummies(self.data.loc[:, people], drop_first=True).to_numpy()
        first, rest = self.item_context["item_feature_0"], self.item_context.drop(columns="item_feature_0")
        self.action_context = pd.concat([rest.apply(LabelEncoder().fit_transform), first], axis=1).to_numpy()


def main(out: Path) -> None:
    """Value the sampler from the uniform log, and print."""
    data = Sample(behavior_policy="random", campaign="all")
    log = data.obtain_batch_bandit_feedback()
    sampler = BernoulliTS(
        n_actions=data.n_actions, len_list=data.len_list, is_zozotown_prior=True, campaign="all", random_state=12345
    )
    chances = sampler.compute_batch_action_dist(n_sim=100_000, n_rounds=log["n_rounds"])
    found = {"obp": version("obp"), "scikit-learn": version("scikit-learn")}
    for folds in (2, 3):
        model = RegressionModel(
            n_actions=data.n_actions,
            len_list=data.len_list,
            action_context=data.action_context,
            base_model=LogisticRegression(max_iter=1000, random_state=12345),
        )
        expected = model.fit_predict(
            context=log["context"],
            action=log["action"],
            reward=log["reward"],
            position=log["position"],
            pscore=log["pscore"],
            n_folds=folds,
            random_state=12345,
        )
        values = OffPolicyEvaluation(
            bandit_feedback=log, ope_estimators=[InverseProbabilityWeighting(), DirectMethod(), DoublyRobust()]
        ).estimate_policy_values(action_dist=chances, estimated_rewards_by_reg_model=expected)
        found[f"{folds} folds"] = {name: float(value) for name, value in values.items()}
        if folds == 3:
            kept = {name: log[name] for name in ("action", "reward", "pscore", "position")}
            np.savez(out, expected=expected[np.arange(len(expected)), :, log["position"]], sampler=chances[0].T, **kept)
    print(json.dumps(found))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
