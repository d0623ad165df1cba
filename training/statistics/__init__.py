"""Standard errors of clustered means, means of small groups, and p-values of many questions."""
