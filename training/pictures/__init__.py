"""Pictures of training runs and of the frontier, each page in one file of its own."""
