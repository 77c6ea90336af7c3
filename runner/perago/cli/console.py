"""The commands for people on call, where the package `perago_console` is installed beside this one.

It is found by its name, as a plug-in is: an image of a task has neither it nor its libraries.
"""

import os
from collections.abc import Mapping, Sequence
from importlib import import_module
from importlib.util import find_spec
from typing import Final

from perago.cli.output import Misused

PACKAGE: Final = "perago_console"
LIBRARIES: Final = ("typer", "rich", "kubernetes", "urllib3")
COMPLETION: Final = ("--install-completion", "--show-completion")
COMPLETED: Final = "_PERAGO_COMPLETE"
"""The variable by which a shell asks what a line could go on with."""


def commands() -> Mapping[str, str]:
    """Each command and what it does; none where the package is not installed."""
    if find_spec(PACKAGE) is None:
        return {}
    names: Mapping[str, str] = import_module(PACKAGE).COMMANDS
    return names


def takes(arguments: Sequence[str]) -> bool:
    """Whether a command line is for it."""
    named = arguments[0] if arguments else ""
    completes = named in COMPLETION or COMPLETED in os.environ
    return named in (names := commands()) or (completes and bool(names))


def run(arguments: Sequence[str]) -> int:
    """Run its command; returns the exit code. Raises Misused where its libraries are missing."""
    try:
        app = import_module(f"{PACKAGE}.app")
    except ModuleNotFoundError as error:
        if error.name not in LIBRARIES:
            raise
        named = arguments[0] if arguments else "its completion"
        text = f"perago {named} needs the extra console: install it with pip install 'perago[console]' ({error})"
        raise Misused(text) from error
    code: int = app.main(arguments)
    return code
