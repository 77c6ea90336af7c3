"""Quantities of Kubernetes (`500M`, `1Gi`) as numbers. Pure."""

import re
from decimal import Decimal

from perago_operator.api.base import QUANTITY_LENGTH

_UNITS = {
    "": Decimal(1),
    "n": Decimal("1e-9"),
    "u": Decimal("1e-6"),
    "m": Decimal("1e-3"),
    **{unit: Decimal(1000) ** power for power, unit in enumerate("kMGTPE", start=1)},
    **{f"{unit}i": Decimal(1024) ** power for power, unit in enumerate("KMGTPE", start=1)},
}
_QUANTITY = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,2})?)([numkMGTPE]?|[KMGTPE]i)", re.ASCII)
"""With two digits of exponent at most: the number that follows from more takes half a minute to compute."""


def amount(quantity: int | float | str) -> Decimal:
    """`500m` → 0.5. Raises ValueError if it is not a quantity."""
    text = str(quantity)
    match = _QUANTITY.fullmatch(text) if len(text) <= QUANTITY_LENGTH else None
    if match is None:
        raise ValueError(f"{text[:QUANTITY_LENGTH]!r} is not a quantity such as 500M, 1Gi or 2")
    return Decimal(match[1]) * _UNITS[match[2]]


def number_of_bytes(quantity: int | float | str) -> int:
    """`1Gi` → 1073741824, rounded up to whole bytes. Raises ValueError if it is not a quantity."""
    return int(amount(quantity).to_integral_value(rounding="ROUND_CEILING"))
