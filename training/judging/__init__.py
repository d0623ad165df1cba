"""From features to an arm for each borrower, and what that policy is worth on decisions that it has not seen."""
