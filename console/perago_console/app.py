"""The command line of the commands for people on call. Loads the code of a command when it is called."""

import os
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final

import typer

from perago.cli import COMMANDS as AUTHORS
from perago.cli.console import COMPLETED
from perago_console import COMMANDS
from perago_console.core.rows import Selection
from perago_console.core.times import InvalidLength, seconds_of
from perago_console.options import As, Context, Opened, Place, in_cluster, session_in
from perago_console.problems import Misused, Problem

EXIT_CODES: Final = """Exit codes: 0 success; 1 the object says failure, or does not exist; 2 an option or the
kubeconfig cannot be used; 3 a server cannot be reached or refuses; 130 stopped by Ctrl-C."""

app = typer.Typer(
    name="perago",
    help="Look after attempts in a cluster.",
    epilog=EXIT_CODES,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


class Form(StrEnum):
    """How objects are printed."""

    WIDE = "wide"
    JSON = "json"
    YAML = "yaml"
    NAME = "name"


class ObjectForm(StrEnum):
    """How one object is printed."""

    JSON = "json"
    YAML = "yaml"


NAMED: Final = "Its name or the beginning of it, its Conductor task id, its pod or its UID."
Name = Annotated[str, typer.Argument(metavar="ATTEMPT", help=NAMED)]
OneForm = Annotated[ObjectForm | None, typer.Option("--output", "-o", help="Print an object instead of text.")]


@app.command("list", help=COMMANDS["list"].capitalize() + ".", epilog=EXIT_CODES)
@in_cluster
def list_attempts(
    *,
    task: Annotated[str | None, typer.Option(help="Only of this PeragoTask, module or Conductor task type.")] = None,
    workflow: Annotated[str | None, typer.Option(help="Only of this workflow id, or what it begins with.")] = None,
    phase: Annotated[list[str] | None, typer.Option(help="Only in this phase; repeatable.")] = None,
    failed: Annotated[bool, typer.Option("--failed", help="Only those that failed.")] = False,
    waiting: Annotated[bool, typer.Option("--waiting", help="Only those that wait for something.")] = False,
    since: Annotated[str | None, typer.Option(metavar="TIME", help="Leave out what ended before, as in 30m.")] = None,
    selector: Annotated[str, typer.Option("--selector", "-l", help="Labels, as kubectl takes them.")] = "",
    output: Annotated[Form | None, typer.Option("--output", "-o", help="More columns, objects, or names.")] = None,
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Go on with each change.")] = False,
    session: Opened,
) -> int:
    from perago_console.commands import list as command

    if watch and output in (Form.JSON, Form.YAML, Form.NAME):
        raise Misused(f"--watch prints rows; leave out -o {output.value}")
    phases = tuple(name.lower() for name in (*(phase or ()), *(("failed",) if failed else ())))
    within = None if since is None else _seconds(since, "--since")
    selection = Selection(task, workflow, phases, waiting, within)
    asked = command.ListQuery(selection, selector, output.value if output else "", watch)
    return command.execute(session(), asked)


@app.command(help=COMMANDS["describe"].capitalize() + ".", epilog=EXIT_CODES)
@in_cluster
def describe(
    attempt: Annotated[str | None, typer.Argument(metavar="ATTEMPT", help=NAMED)] = None,
    *,
    workflow: Annotated[str | None, typer.Option(help="A workflow as a chart: its id, or what it begins with.")] = None,
    output: OneForm = None,
    html: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write a page for a browser, in one file, instead of text.")
    ] = None,
    session: Opened,
) -> int:
    from perago_console.commands import describe as command

    if (attempt is None) is (workflow is None) or (workflow is not None and output is not None):
        raise Misused("name an attempt, with or without -o, or pass --workflow alone")
    if html is not None and output is not None:
        raise Misused("pass -o or --html, not both")
    if attempt is None:
        return command.of_workflow(session(), str(workflow), html)
    return command.execute(session(), attempt, output.value if output else "", html)


@app.command(help=COMMANDS["explain"].capitalize() + ".", epilog=EXIT_CODES)
@in_cluster
def explain(
    what: Annotated[str, typer.Argument(metavar="ATTEMPT|pt/TASK|REASON", help="An attempt, a PeragoTask, a reason.")],
    *,
    output: OneForm = None,
    session: Opened,
) -> int:
    from perago_console.commands import explain as command
    from perago_console.output import Output

    if output is None and command.of_reason(Output(), what):
        return 0
    return command.execute(session(), what, output.value if output else "")


@app.command(help=COMMANDS["logs"].capitalize() + ".", epilog=EXIT_CODES)
@in_cluster
def logs(
    attempt: Name,
    *,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Wait for the start, and follow to the end.")] = False,
    agent: Annotated[bool, typer.Option("--agent", help="The log of the agent beside the task.")] = False,
    tail: Annotated[int | None, typer.Option(min=1, help="Only so many of the last lines.")] = None,
    session: Opened,
) -> int:
    from perago_console.commands import logs as command
    from perago_console.conductor import conductor

    return command.execute(session(), attempt, command.LogChoice(agent, follow, tail), command.of_conductor(conductor))


@app.command(help=COMMANDS["cancel"].capitalize() + ".", epilog=EXIT_CODES)
@in_cluster
def cancel(
    attempts: Annotated[list[str], typer.Argument(metavar="ATTEMPT…", help="Which.")],
    *,
    session: Opened,
) -> int:
    from perago_console.commands import cancel as command

    return command.execute(session(), attempts)


@app.command(help=COMMANDS["retry"].capitalize() + ".", epilog=EXIT_CODES)
@in_cluster
def retry(
    attempt: Name,
    *,
    session: Opened,
) -> int:
    from perago_console.commands import retry as command
    from perago_console.conductor import conductor

    return command.execute(session(), attempt, conductor)


@app.command(help=COMMANDS["top"].capitalize() + ".", epilog=EXIT_CODES)
@in_cluster
def top(
    *,
    since: Annotated[str, typer.Option(metavar="TIME", help="The time that rates and parts are taken over.")] = "1h",
    output: OneForm = None,
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Print the table anew every few seconds.")] = False,
    session: Opened,
) -> int:
    from perago_console.commands import top as command

    window = _seconds(since, "--since")
    if not window:
        raise Misused("--since: rates need a time that is longer than nothing")
    if watch and output is not None:
        raise Misused(f"--watch prints a table; leave out -o {output.value}")
    return command.execute(session(), command.TopQuery(window, output.value if output else "", watch))


@app.command(help=COMMANDS["why"].capitalize() + ".", epilog=EXIT_CODES)
def why(
    repository: Annotated[str, typer.Argument(metavar="REPO", help="The lakeFS repository.")],
    what: Annotated[str, typer.Argument(metavar="COMMIT|PATH", help="A commit, branch or tag, or an object's path.")],
    *,
    at: Annotated[
        str | None,
        typer.Option(metavar="REF", help="Take it for a path, and look from here (default: the main branch)."),
    ] = None,
    context: Context = None,
    user: As = None,
) -> int:
    from perago_console import lakefs
    from perago_console.commands import why as command
    from perago_console.conductor import conductor
    from perago_console.output import Output

    commit = lakefs.commit_for(repository, what, at)
    return command.execute(
        commit,
        Output(),
        datetime.now(UTC),
        lambda: session_in(Place(every=True, context=context, user=user)).cluster,
        conductor,
    )


@app.command(help=COMMANDS["doctor"].capitalize() + ".", epilog=EXIT_CODES)
@in_cluster
def doctor(
    *,
    session: Opened,
) -> int:
    from perago_console.commands import doctor as command
    from perago_console.conductor import conductor

    return command.execute(session(), conductor)


@app.command("support-bundle", help=COMMANDS["support-bundle"].capitalize() + ".", epilog=EXIT_CODES)
@in_cluster
def support_bundle(
    *,
    file: Annotated[Path | None, typer.Option(help="The archive (default: perago-support-TIME.tar.gz).")] = None,
    with_content: Annotated[
        bool, typer.Option("--with-content", help="Also inputs, outputs, tracebacks and logs of tasks.")
    ] = False,
    session: Opened,
) -> int:
    from perago_console.commands import bundle as command
    from perago_console.conductor import conductor

    opened = session()
    target = file or Path(f"perago-support-{opened.now():%Y%m%d-%H%M%S}.tar.gz")
    return command.execute(opened, target, conductor, content=with_content)


def _know_the_authors_commands() -> None:
    """By their names alone, for a shell that asks what a line can go on with; another parser runs them."""

    def elsewhere() -> None:
        """Nothing: a completion runs no command."""

    for name in AUTHORS:
        app.command(name)(elsewhere)


def _seconds(text: str, option: str) -> float:
    try:
        return seconds_of(text)
    except InvalidLength as error:
        raise Misused(f"{option}: {error}") from error


def main(arguments: Sequence[str], call: Callable[..., object] = app) -> int:
    """Run a command; returns its exit code."""
    if COMPLETED in os.environ:
        _know_the_authors_commands()
    try:
        answer = call(list(arguments), prog_name="perago", standalone_mode=False)
    except Problem as problem:
        sys.stderr.write(f"perago: {problem}\n")
        return problem.exit_code
    except typer.TyperException as misuse:
        sys.stderr.write(f"perago: {misuse.format_message().rstrip('.')}; see perago {arguments[0]} --help\n")
        return misuse.exit_code
    return answer if isinstance(answer, int) else 0
