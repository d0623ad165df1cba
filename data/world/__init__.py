"""What a world is made of: people, loans, contacts, reactions, and the truth behind them."""
