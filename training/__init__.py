"""What works: response models, evaluation without deployment, the registry."""
