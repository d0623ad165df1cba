"""Doctests of the installed package: pytest's own collector would import a second copy under the folder's name."""

import doctest
import importlib
import pkgutil

import lighttouch
import pytest

MODULES = sorted(
    module.name
    for module in pkgutil.walk_packages(lighttouch.__path__, "lighttouch.")
    if module.name.split(".")[1] in {"data", "features", "policy", "training", "serving"}
)


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_in_docstrings_print_what_they_say(name):
    result = doctest.testmod(importlib.import_module(name), optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    assert result.failed == 0
