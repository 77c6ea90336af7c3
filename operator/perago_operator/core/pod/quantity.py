"""Quantities of Kubernetes (`500M`, `1Gi`) as numbers. Pure."""

import re
from decimal import Decimal

_UNITS = {
    "": Decimal(1),
    "n": Decimal("1e-9"),
    "u": Decimal("1e-6"),
    "m": Decimal("1e-3"),
    **{unit: Decimal(1000) ** power for power, unit in enumerate("kMGTPE", start=1)},
    **{f"{unit}i": Decimal(1024) ** power for power, unit in enumerate("KMGTPE", start=1)},
}
_QUANTITY = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)([numkMGTPE]?|[KMGTPE]i)")


def number_of_bytes(quantity: int | float | str) -> int:
    """`1Gi` → 1073741824, rounded up to whole bytes. Raises ValueError if it is not a quantity."""
    match = _QUANTITY.fullmatch(str(quantity))
    if match is None:
        raise ValueError(f"{quantity!r} is not a quantity such as 500M, 1Gi or 2")
    value = Decimal(match[1]) * _UNITS[match[2]]
    return int(value.to_integral_value(rounding="ROUND_CEILING"))
