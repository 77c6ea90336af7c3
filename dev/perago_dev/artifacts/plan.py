"""What a release is made from, what its files are called, and what has to be right before anything is built. Pure."""

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import yaml

LICENCE = "Apache-2.0"
IMAGES = ("operator", "runner")
NOTES, CHECKSUMS = "RELEASE-NOTES.md", "SHA256SUMS"
UNRELEASED = "Unreleased"
LINK_WITHIN = re.compile(r"\[([^\]]+)\]\((?![a-z]+:)[^)]+\)")
"""A link to another page of the repository, which leads nowhere from where the notes are read."""
WORD = r"[a-z0-9]+(?:[._-]+[a-z0-9]+)*"
REGISTRY = re.compile(rf"{WORD}(?::\d+)?(?:/{WORD})*/?")


@dataclass(frozen=True)
class Commit:
    """A commit of this repository: its id, its time in seconds, and what it says of itself."""

    id: str
    moment: int
    pyproject: str
    chart: str
    changelog: str

    def version(self) -> str:
        """The version that `pyproject.toml` declares, the one place that does."""
        return str(tomllib.loads(self.pyproject)["project"]["version"])

    def time(self) -> str:
        """Its time as RFC 3339 has it, in UTC."""
        return datetime.fromtimestamp(self.moment, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass(frozen=True)
class Release:
    """A version that is made from a commit; `registry` is where its images will be, if that is known."""

    version: str
    commit: Commit
    registry: str = ""

    def repository(self, image: str) -> str:
        """The name of an image's repository, in the registry if there is one."""
        return "/".join([*filter(None, [self.registry.rstrip("/")]), f"perago-{image}"])

    def names(self, image: str) -> dict[str, str]:
        """The annotations by which programs that load an archive name the image."""
        name = f"{self.repository(image)}:{self.version}"
        return {"org.opencontainers.image.ref.name": self.version, "io.containerd.image.name": name}

    def labels(self, image: str) -> dict[str, str]:
        """The labels of an image."""
        return {
            "org.opencontainers.image.title": f"perago-{image}",
            "org.opencontainers.image.version": self.version,
            "org.opencontainers.image.revision": self.commit.id,
            "org.opencontainers.image.created": self.commit.time(),
            "org.opencontainers.image.licenses": LICENCE,
        }

    def image_file(self, image: str) -> str:
        """The file with an image, for all architectures."""
        return f"perago-{image}-{self.version}.oci.tar"

    def sbom_file(self, image: str, architecture: str) -> str:
        """The file that says what is in an image."""
        return f"perago-{image}-{self.version}-{architecture}.cdx.json"

    def chart_file(self) -> str:
        """The packaged chart, whose name differs from that of the source distribution by more than its ending."""
        return f"perago-chart-{self.version}.tgz"

    def crds_file(self) -> str:
        """The CRDs, for clusters where something else than the chart brings them."""
        return f"perago-crds-{self.version}.yaml"


def problems(release: Release, uncommitted: Sequence[str], heading: str) -> list[str]:
    """What stands in the way of a release, each with what to do; its notes are the section with this heading."""
    commit, obstacles = release.commit, []
    if release.version != (declared := commit.version()):
        obstacles.append(
            f"the version is {declared} in pyproject.toml, and not {release.version}: change one of the two"
        )
    chart = yaml.safe_load(commit.chart)
    if {chart["version"], chart["appVersion"]} != {declared}:
        said = f"version {chart['version']} and appVersion {chart['appVersion']}"
        obstacles.append(f"charts/perago/Chart.yaml says {said}: both must be {declared}")
    if uncommitted:
        obstacles.append(
            f"{len(uncommitted)} files are not as they were committed ({uncommitted[0]} …): commit or remove them"
        )
    if section(commit.changelog, heading) is None:
        obstacles.append(
            f"CHANGELOG.md has no section {heading}, or an empty one: move what is new from {UNRELEASED} to it"
        )
    if release.registry and not REGISTRY.fullmatch(release.registry):
        obstacles.append(
            f"{release.registry} is no place for images: give a registry with a path, as registry.example.com/perago"
        )
    return obstacles


def section(changelog: str, heading: str) -> str | None:
    """The text of a section of the changelog, without its heading; None if there is nothing."""
    match = re.search(rf"^## \[{re.escape(heading)}\][^\n]*\n(.*?)(?=^## |\Z)", changelog, re.MULTILINE | re.DOTALL)
    return match[1].strip() or None if match else None


def notes(release: Release, text: str, images: Mapping[str, str], architectures: Sequence[str]) -> str:
    """The release notes: what changed, and by which digest each image is to be had, for which architectures."""
    rows = "".join(f"| `{release.repository(name)}` | `{digest}` |\n" for name, digest in images.items())
    changes = LINK_WITHIN.sub(r"\1", text)
    platforms = " and ".join(f"linux/{architecture}" for architecture in architectures)
    return (
        f"# Perago {release.version}\n\nMade from commit {release.commit.id}.\n\n{changes}\n\n"
        f"## Images\n\nFor {platforms}.\n\n| image | digest |\n|---|---|\n{rows}"
    )


def checksums(digests: Mapping[str, str]) -> str:
    """The lines that `sha256sum --check` reads."""
    return "".join(f"{digest}  {name}\n" for name, digest in sorted(digests.items()))


def differences(first: Mapping[str, str], second: Mapping[str, str]) -> list[str]:
    """The files, given with their digests, that only one of two folders has, or that differ."""
    return sorted(name for name in first.keys() | second.keys() if first.get(name) != second.get(name))
