"""Pictures of a training run, as one self-contained page."""
