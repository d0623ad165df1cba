"""What rang when a model was trained, kept in the model's facts: wherever it goes, its log's refusals go with it."""

import json
from collections.abc import Sequence

from ..alarm import Alarm
from ..registry.bundle import ModelBundle

ALARM_FACT = "alarms"


def alarms_to_fact(alarms: Sequence[Alarm]) -> str:
    """Write what rang into one text, for the model's facts."""
    kept = [{"name": a.name, "severity": a.severity, "reason": a.reason, "arms": list(a.arms)} for a in alarms if a.rings]
    return json.dumps(kept, sort_keys=True)


def alarms_of(bundle: ModelBundle) -> tuple[Alarm, ...] | None:
    """Return what rang when a model was trained; None where its log was never asked."""
    text = bundle.facts.get(ALARM_FACT)
    if text is None:
        return None
    return tuple(Alarm(one["name"], one["severity"], one["reason"], arms=tuple(one["arms"])) for one in json.loads(text))
