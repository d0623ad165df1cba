"""Shadow prices: what arms cost when contacts or money are short."""
