"""What is said: batch job, explanations, the command line."""
