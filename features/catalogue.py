"""The catalogue: every feature with its name, unit, family and description; the only list of them."""

from typing import Any

from . import ability, contact, friction, habit, health, reachability, stage, willingness
from .definition import Feature
from .known import Known

_FAMILIES = (ability, willingness, habit, contact, reachability, friction, stage, health)

FEATURES: tuple[Feature, ...] = tuple(feature for module in _FAMILIES for feature in module.FEATURES)
FEATURE_NAMES: tuple[str, ...] = tuple(feature.name for feature in FEATURES)


def family_tables(known: Known) -> tuple[Any, ...]:
    """Return each family's features as an ibis table with point_id, a row per point."""
    return tuple(module.columns(known) for module in _FAMILIES)
