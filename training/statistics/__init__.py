"""Standard errors of clustered means, means of small groups, p-values of many questions, and ranks."""
