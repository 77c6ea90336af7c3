"""The `perago` command: check, extract and run a task module on the author's own machine, look after a repository.

Loads the code of a sub-command when it is called. Commands for people on call come from `perago_console`, where that is
installed; `kubectl-perago` is the same command, so that `kubectl perago list` works.
"""

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from perago.cli import console, lakefs
from perago.cli.output import Answer, Unusable, say, show, show_unusable, tell
from perago.cli.process import Stopped, leave_broken_pipe, prints_to_stderr, stoppable

ABOUT = """Check a task module, extract or register its definitions, and run it on this machine; look after a
lakeFS repository."""
EXIT_CODES = """exit codes: 0 success; 1 the module has problems, the attempt failed, or the branch is not
fenced; 2 an option cannot be used or a package is missing; 3 Conductor or lakeFS cannot be reached or refuses; 130
stopped by Ctrl-C. Standard output carries only the answer; what the module prints goes to standard error."""
CREDENTIALS = """credentials come from the environment: CONDUCTOR_AUTH_TOKEN; or CONDUCTOR_AUTH_KEY and
CONDUCTOR_AUTH_SECRET, which Conductor exchanges for a token; or CONDUCTOR_USERNAME and CONDUCTOR_PASSWORD. The
certificates of an authority of your own are read from the file that SSL_CERT_FILE names. Exit codes are those of
perago."""


COMMANDS = ("check", "extract", "register", "run", "lakefs")
"""Those of authors, besides which there may be those of `perago.cli.console`."""


class _Version(argparse.Action):
    """Looks up the version only on demand."""

    def __call__(self, parser: argparse.ArgumentParser, *_: Any, **__: Any) -> None:
        say(f"perago {import_module('importlib.metadata').version('perago')}")
        parser.exit()


def parser() -> argparse.ArgumentParser:
    """The command line."""
    top = argparse.ArgumentParser(
        prog="perago", description=ABOUT, epilog=EXIT_CODES, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    top.add_argument("--version", action=_Version, nargs=0, help="print the version and exit")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    check = _command(commands, "check", "load a task module and show what it declares, or all that is wrong with it")
    check.set_defaults(home="perago.cli.check")
    _extract_options(_command(commands, "extract", "write the task's Conductor TaskDef, or its PeragoTask"))
    _register_options(commands)
    _run_options(_command(commands, "run", "run the task on this machine, with a local folder in place of lakeFS"))
    lakefs.add_to(commands)
    for name, what in console.commands().items():
        commands.add_parser(name, help=what, add_help=False)
    return top


def _command(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]", name: str, what: str
) -> argparse.ArgumentParser:
    command = commands.add_parser(name, help=what, description=what)
    command.add_argument("module", metavar="MODULE", help="import path of the task module, such as app.tasks.features")
    command.add_argument("--json", action="store_true", help="print one JSON object instead of text")
    return command


def _extract_options(extract: argparse.ArgumentParser) -> None:
    extract.add_argument(
        "-o", "--output", metavar="DIR", help="folder to write to, created if necessary (default: standard output)"
    )
    extract.add_argument(
        "--kubernetes", action="store_true", help="a PeragoTask for kubectl apply instead of a TaskDef"
    )
    extract.add_argument("--image", help="with --kubernetes: the image that contains the module")
    extract.set_defaults(home="perago.cli.extract")


def _register_options(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    what = "register or update definitions in Conductor, after showing what that changes"
    register = commands.add_parser("register", help=what, description=what, epilog=CREDENTIALS)
    register.add_argument("modules", metavar="MODULE", nargs="*", help="import paths of task modules")
    register.add_argument(
        "--workflow", metavar="FILE", action="append", default=[], help="a workflow's JSON; repeatable"
    )
    register.add_argument("--url", help="Conductor's API, usually ending in /api (default: CONDUCTOR_SERVER_URL)")
    register.add_argument("--dry-run", action="store_true", help="show what would change, and change nothing")
    register.add_argument(
        "--token-header",
        choices=("Authorization", "X-Authorization"),
        default="Authorization",
        help="where a token goes: Authorization (the default) sends it as a bearer token, X-Authorization as it is",
    )
    register.add_argument("--json", action="store_true", help="print one JSON object instead of text")
    register.set_defaults(home="perago.cli.register")


def _run_options(run: argparse.ArgumentParser) -> None:
    run.add_argument(
        "--input", required=True, metavar="FILE", help='input as in Conductor, {"params": …}; - is standard input'
    )
    run.add_argument("--workspace", metavar="DIR", help="folder of which the body gets a copy as its workspace")
    run.add_argument(
        "--exclude",
        metavar="PATTERN",
        action="append",
        default=[],
        help="pattern of paths that are not published, as in the PeragoTask; may be given more than once",
    )
    run.add_argument("--in-place", action="store_true", help="apply the changes to the folder instead of showing them")
    run.set_defaults(home="perago.cli.run")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit code."""
    words = sys.argv[1:] if arguments is None else list(arguments)
    if console.takes(words):
        return _on_call(words)
    options = parser().parse_args(words)
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        return _answered(options)
    except Stopped as stopped:
        tell(f"perago: {stopped}")
        return stopped.exit_code
    except BrokenPipeError:
        leave_broken_pipe()
        return 1
    except KeyboardInterrupt:
        return 130


def _on_call(arguments: Sequence[str]) -> int:
    try:
        return console.run(arguments)
    except Unusable as unusable:
        return show_unusable(unusable, as_object=False)
    except BrokenPipeError:
        leave_broken_pipe()
        return 1
    except KeyboardInterrupt:
        return 130


def _answered(options: argparse.Namespace) -> int:
    try:
        with prints_to_stderr(), stoppable():
            answer: Answer = import_module(options.home).execute(options)
    except Unusable as unusable:
        return show_unusable(unusable, options.json)
    return show(answer, options.json)
