"""What was known at the time: borrower history as of an instant."""
