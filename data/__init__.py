"""What exists: table contracts, stores, quality gate, arms, clock, worlds, the Policy protocol."""
