"""What an input may not hold, whichever way it comes: from Conductor, from an attempt, from a file. PURE."""

from perago.wire.depth import is_too_deep, too_deep
from perago.wire.exact import no_number


def input_problem(data: object) -> str | None:
    """Why no task can be given this input; None when one can."""
    if is_too_deep(data):
        return too_deep("the input")
    unsayable = no_number(data, "the input")
    return f"{unsayable}, which JSON does not have. Leave it out, or write null" if unsayable else None
