"""The `perago` command: check and extract a task module, and run it on the author's own machine.

Loads a sub-command's code when that sub-command is called.
"""

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path


def parser() -> argparse.ArgumentParser:
    """The command line."""
    top = argparse.ArgumentParser(prog="perago", description=__doc__.splitlines()[0] if __doc__ else None)
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    check = _command(commands, "check", "load a task module and say what it declares, or all that is wrong with it")
    check.set_defaults(home="perago.cli.check")
    extract = _command(commands, "extract", "write the task's Conductor TaskDef, or its PeragoTask")
    extract.add_argument(
        "-o", "--output", type=Path, metavar="DIR", help="folder to write to (default: standard output)"
    )
    extract.add_argument("--kubernetes", action="store_true", help="a PeragoTask for kubectl apply, not a TaskDef")
    extract.add_argument("--image", help="with --kubernetes: the image that holds the module")
    extract.set_defaults(home="perago.cli.extract")
    run = _command(commands, "run", "run the task here, with a local folder in place of lakeFS")
    run.add_argument(
        "--input", required=True, metavar="FILE", help='JSON like Conductor\'s input: {"params": …}; - reads it'
    )
    run.add_argument("--workspace", type=Path, metavar="DIR", help="folder that the body sees a copy of")
    run.add_argument("--in-place", action="store_true", help="apply the changes to the folder; without, only show them")
    run.set_defaults(home="perago.cli.run")
    return top


def _command(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]", name: str, what: str
) -> argparse.ArgumentParser:
    command = commands.add_parser(name, help=what, description=what)
    command.add_argument("module", metavar="MODULE", help="import path of the task module, such as app.tasks.features")
    command.add_argument("--json", action="store_true", help="print one JSON object instead of text")
    return command


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; 0 when all is well, 1 when the module or the attempt is not, 2 when the command line is not."""
    options = parser().parse_args(arguments)
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    exit_code: int = import_module(options.home).execute(options)
    return exit_code
