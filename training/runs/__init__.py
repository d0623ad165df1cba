"""A training run on a book: from the decision log to a model, a record and a model card."""
