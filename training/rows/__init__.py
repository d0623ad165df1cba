"""The rows that are learnt from: of a book by its decision log or by landmarks, of one flat table; folds in time."""
