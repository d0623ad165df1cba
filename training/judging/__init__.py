"""What a model's policy is worth on decisions that it has not seen: against rivals, along the frontier, by group."""
