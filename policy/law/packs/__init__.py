"""Rule packs: the contact rules of one jurisdiction or house, as dated data with sources."""
