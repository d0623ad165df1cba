"""Contact rules as data: packs, which of them hold for whom, and what they forbid, one contact or a whole book at a time."""
