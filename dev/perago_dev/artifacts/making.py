"""Makes a release: each file into one folder, from the files of the commit and from nothing that was built before."""

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import product
from pathlib import Path

from perago_dev.artifacts import archives, bases, chart, checkout, distributions, inventory, layers, plan, sbom, wheels
from perago_dev.artifacts.archives import Layout, Saved
from perago_dev.artifacts.bases import Base
from perago_dev.artifacts.plan import CHECKSUMS, IMAGES, NOTES, Release
from perago_dev.host import cache
from perago_dev.host.locks import exclusive
from perago_dev.host.preflight import ARCHITECTURES
from perago_dev.host.progress import step
from perago_dev.host.together import together
from perago_dev.images import dockerfiles, image_store


@dataclass(frozen=True)
class Job:
    """A release that is being made: the files of its commit, a place for what is not published, and the result."""

    release: Release
    tree: Path
    work: Path
    folder: Path


@dataclass(frozen=True)
class Part:
    """An image for one architecture."""

    image: str
    architecture: str
    saved: Saved


def make(release: Release, text: str, architectures: Sequence[str], folder: Path) -> None:
    """Fill the empty folder; `text` is what the changelog says of the version."""
    unfinished = cache.root() / "unfinished"
    unfinished.mkdir(parents=True, exist_ok=True)
    with (
        exclusive(cache.root() / "locks" / "artifacts", "the builder of releases"),
        tempfile.TemporaryDirectory(prefix="release-", dir=unfinished) as work,
    ):
        job = Job(release, _folder(Path(work) / "tree"), Path(work), folder)
        checkout.export(release.commit, job.tree)
        _make(job, text, architectures)
    (folder / CHECKSUMS).write_text(plan.checksums(digests(folder)))


def digests(folder: Path) -> dict[str, str]:
    """The SHA-256 of each file in a folder, by its name."""
    return {file.name: layers.digest_of(file) for file in folder.iterdir()}


def _make(job: Job, text: str, architectures: Sequence[str]) -> None:
    release, folder = job.release, job.folder
    with step("building the wheel and the source distribution"):
        distributions.make(job.tree, release.commit, folder)
    chosen = _wheels(job)
    parts = [part for architecture in architectures for part in _parts(job, architecture)]
    with step("writing the images"):
        images = {image: _write(job, image, parts) for image in IMAGES}
    with step("writing what the images hold"):
        for part in parts:
            text_of_part = _contents(release, part, images[part.image], chosen[part.image, part.architecture])
            (folder / release.sbom_file(part.image, part.architecture)).write_text(text_of_part)
    with step("packaging the chart"):
        chart.package(job.tree, release, images, folder)
    (folder / release.crds_file()).write_text(chart.crds(job.tree))
    (folder / NOTES).write_text(plan.notes(release, text, images, architectures))


def _folder(path: Path) -> Path:
    path.mkdir(parents=True)
    return path


def _parts(job: Job, architecture: str) -> list[Part]:
    """The images for one architecture, built from nothing."""
    with step(f"making the base image for {architecture}", "about a minute, and longer for another architecture"):
        base = bases.afresh(architecture, job.release.commit.moment)
    with step(f"building the images for {architecture}", "about a minute"), together() as group:
        started = [group.start(partial(_part, job, base, image, architecture)) for image in IMAGES]
        parts = [finished() for finished in started]
    image_store.remove([*(_reference(image, architecture) for image in IMAGES), *base.own_references()])
    return parts


def _reference(image: str, architecture: str) -> str:
    return f"{image_store.PREFIX}/release-{image}:{architecture}"


def _part(job: Job, base: Base, image: str, architecture: str) -> Part:
    reference = _reference(image, architecture)
    dockerfiles.build_afresh(job.tree / f"Dockerfile.{image}", job.tree, reference, base.reference, architecture)
    place = _folder(job.work / architecture / image)
    archive, raw, plain = place / "saved.tar", _folder(place / "raw"), _folder(place / "plain")
    image_store.save(reference, archive)
    mounted = dockerfiles.mounted()
    saved = archives.plain(archives.saved(archive, raw), base.layers, plain, job.release.commit.moment, mounted)
    archive.unlink()
    return Part(image, architecture, saved)


def _write(job: Job, image: str, parts: Sequence[Part]) -> str:
    """Write the archive of an image for all architectures; returns the digest by which it is pulled."""
    release, layout = job.release, Layout(_folder(job.work / f"layout-{image}"))
    labels, time = release.labels(image), release.commit.time()
    described = [layout.put_image(part.saved, labels, time) for part in parts if part.image == image]
    top = layout.put_index(described)
    layout.write(top, release.names(image), job.folder / release.image_file(image))
    return str(top["digest"])


def _wheels(job: Job) -> dict[tuple[str, str], dict[str, str]]:
    """The SHA-256 of the wheels of each image and architecture, also of one for which no image can be made here."""
    with step("asking pip for the wheels of all architectures"):
        locks = {image: (job.tree / "locks" / f"{image}.txt").read_text() for image in IMAGES}
        pairs = product(IMAGES, ARCHITECTURES.values())
        return {(image, architecture): wheels.chosen(locks[image], architecture) for image, architecture in pairs}


def _contents(release: Release, part: Part, digest: str, chosen: Mapping[str, str]) -> str:
    """What an image holds, as a document."""
    held = inventory.inventory(inventory.texts(part.saved.layers), part.saved.config)
    return sbom.document(release, part.image, part.architecture, digest, held, chosen)
