"""The gate: whether a challenger may become champion, and the experiment that would tell."""
