"""What a model refused, in people's words. Looks at values only, and never writes out a whole large one."""

import reprlib

from pydantic import ValidationError

LONGEST_VALUE = 80
"""Characters of a value that a message shows."""

_values = reprlib.Repr()  # sorts keys, survives any depth and any __repr__
_values.maxstring = _values.maxother = _values.maxlong = LONGEST_VALUE


def shown(value: object) -> str:
    """The value as a message shows it: cut, and whatever its `__repr__` does."""
    text = _values.repr(value)
    return text if len(text) <= LONGEST_VALUE else f"{text[:LONGEST_VALUE]}…"


def refusal(error: ValidationError) -> str:
    """One line per problem, `Model.field: what is wrong (got …)`, sorted, so that the order of keys does not show.

    Values are left out where the model hides them (`hide_input_in_errors`).
    """
    with_values = ", input_value=" in str(error)
    lines = []
    for problem in error.errors(include_url=False):
        place = ".".join([error.title, *map(str, problem["loc"])])
        value = f" (got {shown(problem['input'])})" if with_values else ""
        lines.append(f"{place}: {problem['msg'].removeprefix('Value error, ')}{value}")
    return "\n".join(sorted(lines))
