"""What may and should be done: rules, lawful arms, value, the choice, the calendar."""
