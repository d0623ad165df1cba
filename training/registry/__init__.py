"""What is kept of a model, and where: bundle, provenance, the tracker and the one file that knows MLflow."""
