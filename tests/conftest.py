"""Fixtures and warnings that every test file shares."""

from command_line import book, broken, experiment, model, quick, shop
from postgres import postgres
from trained import small_world, trained

__all__ = ["book", "broken", "experiment", "model", "postgres", "quick", "shop", "small_world", "trained"]

# Warnings are errors, but for these two of ibis 12.0, which calls what DuckDB 2.0 and pandas 3.0 have deprecated. They go with
# the first ibis that has moved; this package cannot call ibis without them.
_UNTIL_IBIS_MOVES = (
    "ignore:fetch_arrow_table\\(\\) is deprecated:DeprecationWarning",
    "ignore:The 'future.infer_string' option is deprecated:DeprecationWarning",
)


def pytest_configure(config):
    for line in _UNTIL_IBIS_MOVES:
        config.addinivalue_line("filterwarnings", line)
