"""Training runs on a book, from the decision log to a model; records and parts of cards, which flat runs, looks and the gate share."""
