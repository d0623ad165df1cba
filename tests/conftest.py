"""Fixtures that every test file may ask for."""

from postgres import postgres

__all__ = ["postgres"]
