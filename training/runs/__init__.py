"""Training runs on a book: the model, its record and card, and what flat runs, other looks and the gate share of them."""
