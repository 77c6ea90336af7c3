"""The command line of the environment: `python -m perago_dev COMMAND`."""

import argparse
import os
import shlex
import signal
import sys
from collections.abc import Callable, Sequence
from types import FrameType

from perago_dev import environment
from perago_dev.errors import EnvironmentProblem
from perago_dev.host.progress import say

INTERRUPTED = 130


def _up(options: argparse.Namespace) -> None:
    from perago_dev.up import Wanted, up

    up(Wanted(options.name, options.workers, options.cluster))


def _down(options: argparse.Namespace) -> None:
    from perago_dev.down import down

    down(options.name)


def _status(options: argparse.Namespace) -> None:
    from perago_dev.status import report

    sys.stdout.write(report())


def _clean(options: argparse.Namespace) -> None:
    from perago_dev.clean import clean

    sys.stdout.write(clean())


def _env(options: argparse.Namespace) -> None:
    for name, value in environment.load(options.name).variables().items():
        sys.stdout.write(f"export {name}={shlex.quote(value)}\n")


def _images(options: argparse.Namespace) -> None:
    from perago_dev.images import product

    env = product.refreshed(environment.load(options.name))
    sys.stdout.write(f"{env.operator_image}\n{env.runner_image}\n")


def _install(options: argparse.Namespace) -> None:
    from perago_dev.install import install

    install(environment.load(options.name), options.namespace)


def _demo(options: argparse.Namespace) -> None:
    from perago_dev.demo.__main__ import run

    sys.exit(run(options.name))


COMMANDS: dict[str, tuple[Callable[[argparse.Namespace], None], str]] = {
    "up": (_up, "bring the environment up; of a running one, only the product's images are built and loaded again"),
    "down": (_down, "remove the environment and everything that it created on this host, except the cache"),
    "status": (_status, "show what is up and whether it answers"),
    "clean": (_clean, "remove the cache and show what lies elsewhere; every environment must be down"),
    "env": (_env, 'print shell commands that point kubectl and others at it: eval "$(python -m perago_dev env)"'),
    "images": (_images, "build the product's images from the current sources and load them into the cluster"),
    "install": (_install, "install the chart with the environment's images, or upgrade the release"),
    "demo": (_demo, "run the demonstration"),
}

WITHOUT_NAME = ("status", "clean")
"""Commands about all environments."""


def parser() -> argparse.ArgumentParser:
    """The parser of the command line."""
    whole = argparse.ArgumentParser(prog="python -m perago_dev", description=__doc__)
    commands = whole.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, (_, what) in COMMANDS.items():
        command = commands.add_parser(name, help=what, description=what)
        if name not in WITHOUT_NAME:
            command.add_argument("--name", default=environment.DEFAULT_NAME, help="default: %(default)s")
    up, install = commands.choices["up"], commands.choices["install"]
    up.add_argument("--workers", type=int, help="number of nodes besides the control plane, for tests of lost nodes")
    up.add_argument("--cluster", choices=("kind", "current"), default="kind", help="default: %(default)s")
    install.add_argument("--namespace", action="append", help="namespace where attempts may run; repeat it for more")
    return whole


def _stop(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    options = parser().parse_args(arguments)
    environment.forget_own_servers(os.environ)
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:  # as nohup leaves it
            signal.signal(number, _stop)
    try:
        COMMANDS[options.command][0](options)
    except EnvironmentProblem as problem:
        sys.stderr.write(f"\n{problem}\n")
        return 1
    except KeyboardInterrupt:
        say("interrupted; repeat the command to continue, or run `down` to remove what is there")
        return INTERRUPTED
    return 0


if __name__ == "__main__":
    sys.exit(main())
