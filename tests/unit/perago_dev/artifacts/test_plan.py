"""A release before it is built: what stands in its way, its notes, and its checksums."""

import hashlib
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from perago_dev.artifacts import plan
from perago_dev.artifacts.plan import Commit, Release
from perago_dev.source import REPOSITORY

CHANGELOG = """\
# Changelog

## [Unreleased]

## [1.2.0] - 2026-11-27

### Added

- A [guide](docs/guide.md), as [others](https://example.com) have it.

## [1.1.0] - 2026-10-01

- Older.
"""
COMMIT = Commit(
    id="c0ffee",
    moment=1_790_000_000,
    pyproject='[project]\nname = "perago"\nversion = "1.2.0"\n',
    chart="version: 1.2.0\nappVersion: 1.2.0\n",
    changelog=CHANGELOG,
)
RELEASE = Release("1.2.0", COMMIT, "registry.example.com/perago")


def test_nothing_stands_in_the_way_of_a_good_release() -> None:
    """Version, chart and changelog agree, and everything is committed."""
    assert plan.problems(RELEASE, (), "1.2.0") == []


@pytest.mark.parametrize(
    ("release", "uncommitted", "heading", "told"),
    [
        (replace(RELEASE, version="1.3.0"), (), "1.2.0", "the version is 1.2.0 in pyproject.toml, and not 1.3.0"),
        (
            replace(RELEASE, commit=replace(COMMIT, chart="version: 1.2.0\nappVersion: 1.1.0\n")),
            (),
            "1.2.0",
            "charts/perago/Chart.yaml says version 1.2.0 and appVersion 1.1.0: both must be 1.2.0",
        ),
        (RELEASE, ("Makefile", "new.py"), "1.2.0", "2 files are not as they were committed (Makefile …)"),
        (RELEASE, (), "1.2", "CHANGELOG.md has no section 1.2,"),
        (RELEASE, (), "Unreleased", "CHANGELOG.md has no section Unreleased, or an empty one"),
        (replace(RELEASE, registry="https://registry.example.com"), (), "1.2.0", "is no place for images"),
    ],
)
def test_what_stands_in_the_way_is_told(
    release: Release, uncommitted: tuple[str, ...], heading: str, told: str
) -> None:
    """Each by itself, with what to do."""
    (problem,) = plan.problems(release, uncommitted, heading)
    assert told in problem


def test_all_that_stands_in_the_way_is_told_at_once() -> None:
    """Nobody has to try again and again."""
    assert len(plan.problems(replace(RELEASE, version="2.0.0"), ("Makefile",), "2.0.0")) == 3


def test_the_notes_are_the_versions_section() -> None:
    """Without the sections around it, and with each image by the digest to pull."""
    text = plan.section(CHANGELOG, "1.2.0")
    assert text is not None
    notes = plan.notes(RELEASE, text, {"operator": "sha256:1", "runner": "sha256:2"}, ("amd64", "arm64"))
    assert notes == (
        "# Perago 1.2.0\n\nMade from commit c0ffee.\n\n"
        "### Added\n\n- A guide, as [others](https://example.com) have it.\n\n"
        "## Images\n\nFor linux/amd64 and linux/arm64.\n\n| image | digest |\n|---|---|\n"
        "| `registry.example.com/perago/perago-operator` | `sha256:1` |\n"
        "| `registry.example.com/perago/perago-runner` | `sha256:2` |\n"
    )


def test_images_are_named_without_a_registry_as_in_the_repository() -> None:
    """As the chart's default values name them."""
    assert replace(RELEASE, registry="").repository("runner") == "perago-runner"


def test_checksums_are_what_sha256sum_checks(tmp_path: Path) -> None:
    """The line of a file is right for `sha256sum --check`, and the order is that of the names."""
    (tmp_path / "a").write_text("one")
    lines = plan.checksums({"b": "0" * 64, "a": hashlib.sha256(b"one").hexdigest()})
    assert [line.split("  ")[1] for line in lines.splitlines()] == ["a", "b"]
    first = lines.splitlines(keepends=True)[0]
    subprocess.run(["sha256sum", "--check", "--strict"], input=first, text=True, cwd=tmp_path, check=True)


def test_differences_are_files_that_differ_or_that_one_lacks() -> None:
    """In either of the two."""
    assert plan.differences({"a": "1", "b": "1", "c": "1"}, {"b": "2", "c": "1", "d": "1"}) == ["a", "b", "d"]


def test_this_repository_says_one_version() -> None:
    """The chart's version and appVersion are that of `pyproject.toml`."""
    pyproject, of_chart = ((REPOSITORY / name).read_text() for name in ("pyproject.toml", "charts/perago/Chart.yaml"))
    commit = Commit("", 0, pyproject, of_chart, "## [x]\n\nnew\n")
    assert plan.problems(Release(commit.version(), commit), (), "x") == []
