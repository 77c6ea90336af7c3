"""`python -m perago_dev.demo [--name NAME]`, which `python -m perago_dev demo` and `make demo` run."""

import argparse
import sys
from collections.abc import Sequence

from perago_dev.demo.cluster import NAMESPACE
from perago_dev.demo.definitions import REPOSITORY
from perago_dev.demo.steps import Published, play
from perago_dev.demo.story import Story
from perago_dev.demo.table import commands, rendered
from perago_dev.environment import DEFAULT_NAME
from perago_dev.errors import EnvironmentProblem
from perago_dev.host import progress


def run(name: str) -> int:
    """Play the demo in this environment; returns the exit code."""
    story = Story()
    try:
        published = play(name, story)
    except EnvironmentProblem as problem:
        _show(story)
        sys.stderr.write(f"\nThe demo failed: {problem}\n")
        return 1
    _show(story)
    sys.stdout.write(f"\nTry next:\n{next_commands(name, published)}\n")
    return 0


def next_commands(name: str, published: Published) -> str:
    """Commands that a newcomer may want to try."""
    option, variable = ("", "") if name == DEFAULT_NAME else (f" --name {name}", f" NAME={name}")
    return commands(
        [
            (
                "use this environment's kubectl, helm and addresses in your shell",
                f'eval "$(.venv/bin/python -m perago_dev env{option})"',
            ),
            ("list the attempts with their refs and pods", f"kubectl -n {NAMESPACE} get peragoattempts -o wide"),
            (
                "see what became of one attempt",
                f"kubectl -n {NAMESPACE} describe peragoattempt {published.attempts[0]}",
            ),
            ("list the fields of an attempt", "kubectl explain peragoattempt.spec"),
            ("print the report", lakefs_cat(published.branch, "report.md")),
            ("save the picture", f"{lakefs_cat(published.branch, 'summary/climate.png')} > climate.png"),
            ("remove everything", f"make down{variable}"),
        ]
    )


def lakefs_cat(branch: str, path: str) -> str:
    """A command that prints an object of the demo's repository."""
    return f"lakectl fs cat lakefs://{REPOSITORY}/{branch}/{path}"


def _show(story: Story) -> None:
    if story.rows:
        sys.stdout.write(f"\n{rendered(story.rows)}\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m perago_dev.demo", description=__doc__)
    parser.add_argument("--name", default=DEFAULT_NAME, help="name of the environment (default: %(default)s)")
    try:
        return run(parser.parse_args(arguments).name)
    except KeyboardInterrupt:
        progress.say("interrupted; the environment stays up")
        return 130


if __name__ == "__main__":
    sys.exit(main())
