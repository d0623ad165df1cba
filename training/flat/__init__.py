"""A training run on one flat table of an experiment."""
