"""`python -m perago_dev.artifacts make VERSION`, and `check`, which makes the same twice and compares.

Exit code 1 means that something stands in the way, or that two results differ.
"""

import argparse
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from perago_dev.artifacts import audit, bases, checkout, making, plan
from perago_dev.artifacts.plan import IMAGES, UNRELEASED, Release
from perago_dev.errors import EnvironmentProblem
from perago_dev.host import packages
from perago_dev.host.preflight import ARCHITECTURES, provider
from perago_dev.host.progress import say
from perago_dev.source import REPOSITORY

RESULTS = REPOSITORY / "dist"
BUILDERS = {name: packages.PODMAN_PROGRAMS[name] for name in ("podman", "buildah", "runc", "debootstrap")}
"""What builds images without Docker: program → Debian package."""


def make(release: Release) -> Path:
    """Make a release in `dist/VERSION`; returns the folder."""
    folder = RESULTS / release.version
    if folder.exists():
        raise EnvironmentProblem(f"{folder} exists already: remove it first, if what is in it has not been published")
    text = ready(release, release.version)
    unfinished = emptied(folder.with_name(f"{release.version}.unfinished"))
    making.make(release, text, architectures(), unfinished)
    unfinished.rename(folder)
    return folder


def check(release: Release) -> list[str]:
    """Make the release twice, each time from nothing, in `dist/check`; returns the files that differ."""
    headings = (release.version, UNRELEASED)
    heading = next(
        (candidate for candidate in headings if plan.section(release.commit.changelog, candidate)), release.version
    )
    text = ready(release, heading)
    folders, chosen = [emptied(RESULTS / "check" / name) for name in ("first", "second")], architectures()
    for folder in folders:
        making.make(release, text, chosen, folder)
    first, second = (making.digests(folder) for folder in folders)
    return plan.differences(first, second)


def ready(release: Release, heading: str) -> str:
    """What the changelog says below the heading. Raises EnvironmentProblem with all that stands in the way."""
    if obstacles := plan.problems(release, checkout.uncommitted(), heading):
        raise EnvironmentProblem("\n  - ".join([f"{release.version} cannot be made yet:", *obstacles]))
    if provider() == "podman":
        packages.install(BUILDERS)
    say(audit.asked([REPOSITORY / "locks" / f"{image}.txt" for image in IMAGES]))
    text = plan.section(release.commit.changelog, heading)
    assert text is not None
    return text


def architectures() -> tuple[str, ...]:
    """Those that this machine can build images for; says which it cannot, and how it could."""
    names = bases.architectures()
    for name in ARCHITECTURES.values():
        if name not in names:
            say(f"NOT MADE for {name}: this machine does not run its programs; it does with QEMU (qemu-user-static)")
    return names


def emptied(folder: Path) -> Path:
    """The folder, with nothing in it."""
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    return folder


def table(folder: Path) -> str:
    """The files in a folder, with their sizes and digests."""
    digests = sorted(making.digests(folder).items())
    return "".join(f"{(folder / name).stat().st_size:>11,}  {digest}  {name}\n" for name, digest in digests)


def parser() -> argparse.ArgumentParser:
    """The parser of the command line."""
    whole = argparse.ArgumentParser(prog="python -m perago_dev.artifacts", description=__doc__)
    whole.add_argument("--registry", default="", help="where the images will be, as registry.example.com/perago")
    commands = whole.add_subparsers(dest="command", required=True, metavar="COMMAND")
    commands.add_parser("make", help="make a release in dist/VERSION").add_argument("version")
    commands.add_parser("check", help="make the declared version twice, and compare")
    return whole


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    options = parser().parse_args(arguments)
    commit = checkout.head()
    try:
        if options.command == "make":
            folder = make(Release(options.version, commit, options.registry))
            sys.stdout.write(f"{table(folder)}{folder}\n")
            return 0
        differ = check(Release(commit.version(), commit, options.registry))
    except EnvironmentProblem as problem:
        sys.stderr.write(f"\n{problem}\n")
        return 1
    rows = table(RESULTS / "check" / "first")
    said = f"differs: {', '.join(differ)}" if differ else f"{rows.count(chr(10))} files, the same bytes twice"
    sys.stdout.write(f"{rows}{said}\n")
    return 1 if differ else 0


if __name__ == "__main__":
    sys.exit(main())
