"""Questions asked of a log before a model made from it is believed."""
