"""Which module of this folder fits which learner; imported only where its library is installed."""

FAMILY = {
    "ours": "ours",
    "plain LightGBM": "plain",
    "residual trees": "residual_trees",
    "robust trees": "robust_trees",
    "stack by value": "stacked",
    "EconML LinearDML": "econml_learners",
    "EconML DRLearner": "econml_learners",
    "EconML CausalForestDML": "econml_learners",
    "causalml S": "causalml_learners",
    "causalml T": "causalml_learners",
    "causalml X": "causalml_learners",
    "causalml uplift forest": "causalml_learners",
}
