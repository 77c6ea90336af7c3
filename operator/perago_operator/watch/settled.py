"""What is kept of an attempt that is complete and that nothing holds any more: enough to delete it in time. Pure.

Thousands of such attempts stay for a day, and most of each is its input and output, which its object still has.
"""

from perago_operator.api.reasons import ConditionType
from perago_operator.core.names import ATTEMPT_FINALIZER
from perago_operator.ports import Manifest

INPUT = frozenset({"input", "inputJson"})
OUTPUT = frozenset({"output", "outputGzip", "traceback"})


def without_payload(obj: Manifest) -> Manifest:
    """The object without input and output if it is settled, else as it is."""
    if not _is_settled(obj):
        return obj
    status = obj["status"] | {"outcome": _without(obj["status"].get("outcome", {}), OUTPUT)}
    return obj | {"spec": _without(obj["spec"], INPUT), "status": status}


def _is_settled(obj: Manifest) -> bool:
    conditions = obj.get("status", {}).get("conditions", ())
    complete = any(c["type"] == ConditionType.COMPLETE and c["status"] == "True" for c in conditions)
    return complete and ATTEMPT_FINALIZER not in obj["metadata"].get("finalizers", ())


def _without(fields: Manifest, names: frozenset[str]) -> Manifest:
    return {name: value for name, value in fields.items() if name not in names}
