"""`perago lakefs`: what people do to a repository on account of Perago. Here are the options; it loads no client."""

import argparse
from typing import TypeAlias

ABOUT = "Look after a lakeFS repository to which Perago publishes."
KEYS = """lakeFS is found as lakectl finds it: in LAKECTL_SERVER_ENDPOINT_URL, LAKECTL_CREDENTIALS_ACCESS_KEY_ID and
LAKECTL_CREDENTIALS_SECRET_ACCESS_KEY, or else in ~/.lakectl.yaml or the file that LAKECTL_CONFIG_FILE names. The
certificates of an authority of your own are read from the file that SSL_CERT_FILE names. Exit codes are those of
perago."""
INSTALL = """Install the hook by which lakeFS itself refuses a publication when the branch is not at the commit that
the attempt started from. Other hooks stay as they are. The hook is committed, so the branch moves: attempts that
started from an earlier commit can no longer publish there."""
CHECK = """Say whether publications of attempts that start from the head of a branch, or from the commit of --ref, are
fenced by lakeFS. The exit code is 1 if they are not."""
SWEEP = """Delete staging branches whose attempt is gone, and say what was found. A branch is deleted if its commit
names the installation, and the cluster has no such attempt or one that has ended. Branches of which nobody can tell
whose they are remain, and are named. The operator does the same from time to time."""
SHORT = {
    "sweep": "delete staging branches whose attempt is gone",
    "install-fence": "let lakeFS itself refuse publications from an outdated commit",
    "check-fence": "say whether lakeFS does that for a branch",
    "remove-fence": "undo that",
}
REMOVE = "Remove that hook from a branch; attempts that start from an earlier commit remain fenced."

Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"


def add_to(commands: Commands) -> None:
    """Add `lakefs` with its own commands to those of `perago`."""
    lakefs = commands.add_parser("lakefs", help=ABOUT, description=ABOUT)
    own = lakefs.add_subparsers(dest="lakefs_command", required=True, metavar="COMMAND")
    _command(own, "install-fence", INSTALL, "perago.cli.lakefs.install")
    check = _command(own, "check-fence", CHECK, "perago.cli.lakefs.check")
    check.add_argument("--ref", help="a commit, a tag or a branch, in place of a branch's head")
    check.add_argument(
        "--trial", action="store_true", help="also let lakeFS refuse a merge, between two branches made for it"
    )
    _command(own, "remove-fence", REMOVE, "perago.cli.lakefs.remove")
    _sweep_options(own)


def _command(commands: Commands, name: str, what: str, home: str) -> argparse.ArgumentParser:
    command = _bare_command(commands, name, what, home)
    command.add_argument("repository", metavar="REPO", help="the repository's name")
    command.add_argument("--branch", help="the branch (default: the repository's default branch)")
    return command


def _bare_command(commands: Commands, name: str, what: str, home: str) -> argparse.ArgumentParser:
    command = commands.add_parser(name, help=SHORT[name], description=what, epilog=KEYS)
    command.add_argument("--json", action="store_true", help="print one JSON object instead of text")
    command.set_defaults(home=home)
    return command


def _sweep_options(commands: Commands) -> None:
    sweep = _bare_command(commands, "sweep", SWEEP, "perago.cli.lakefs.sweep")
    sweep.add_argument("repositories", metavar="REPO", nargs="+", help="the repositories' names")
    sweep.add_argument(
        "--installation",
        required=True,
        metavar="NAME",
        help="whose branches: the chart's value installation, which is NAMESPACE.RELEASE by default",
    )
    where = sweep.add_mutually_exclusive_group(required=True)
    where.add_argument("-n", "--namespace", help="the only namespace in which the installation runs attempts")
    where.add_argument("-A", "--all-namespaces", action="store_true", help="look for attempts in all namespaces")
    where.add_argument("--no-cluster", action="store_true", help="ask no cluster: the age of a commit alone counts")
    sweep.add_argument("--context", help="the context of the kubeconfig (default: the current one)")
    sweep.add_argument(
        "--older-than", default="24h", metavar="TIME", help="the least age of a branch, such as 90m, 24h, 7d (24h)"
    )
    sweep.add_argument("--dry-run", action="store_true", help="say what would be deleted, and delete nothing")
