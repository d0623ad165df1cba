"""Light touch: the least contact that brings an overdue borrower back."""

__version__ = "0.1.0"

__all__ = ["__version__"]
