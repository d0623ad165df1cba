"""From features to an arm for each borrower: the one path that nights and judging share."""
