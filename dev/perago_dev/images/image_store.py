"""Where this host keeps built images: in the environment's podman storage, or in Docker. It does not build any."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from perago_dev.host import commands, podman
from perago_dev.host.locks import alone, exclusive
from perago_dev.host.preflight import provider
from perago_dev.images import base_image

PREFIX = "localhost/perago"
KEPT = 6
"""Enough for several environments and checkouts to switch back and forth without building again."""
PUBLIC_BASE = "python:3.11.14-slim-bookworm"
"""An exact version, because a moving tag would give each machine other images; also the Dockerfiles' default."""


def base() -> str:
    """The Python image that all others are built from: the public one on Docker, otherwise one that is built here."""
    if provider() == "podman":
        return base_image.cached()
    if not has(PUBLIC_BASE):
        commands.output(["docker", "pull", "--quiet", PUBLIC_BASE])
    return PUBLIC_BASE


def has(reference: str) -> bool:
    """Whether the image is here."""
    if provider() == "docker":
        return commands.succeeds(["docker", "image", "inspect", reference])
    return podman.has_image(reference)


def forget_old(name: str) -> None:
    """Remove all but the newest images of this name, unless something is being built; clusters keep their copies."""
    with alone(podman.builds_lock()) as nothing_is_built:
        if nothing_is_built and provider() == "podman":
            listed = ("images", "--filter", f"reference={PREFIX}/{name}", "--sort", "created", "--format")
            for reference in podman.output(*listed, "{{.Repository}}:{{.Tag}}").split()[KEPT:]:
                podman.output("rmi", "--force", reference)


def archive(references: Sequence[str], file: Path) -> None:
    """Write the images as one Docker archive, in which shared layers occur once."""
    if provider() == "docker":
        commands.output(["docker", "save", "--output", str(file), *references])
    else:
        options = ["--quiet", "--format", "docker-archive", "--multi-image-archive", "--output", str(file)]
        podman.output("save", *options, *references)


def save(reference: str, file: Path) -> None:
    """Write one image as an OCI archive, which Docker does from version 25 on."""
    if provider() == "docker":
        commands.output(["docker", "save", "--output", str(file), reference])
    else:
        podman.output("save", "--quiet", "--uncompressed", "--format", "oci-archive", "--output", str(file), reference)


def remove(references: Sequence[str]) -> None:
    """Remove images from this host, once nothing is being built: builds fail when layers vanish."""
    program, env = _program()
    with exclusive(podman.builds_lock(), "the builder of images"):
        commands.output([program, "rmi", "--force", *references], env=env)


def _program() -> tuple[str, Mapping[str, str] | None]:
    return ("docker", None) if provider() == "docker" else ("podman", podman.environment())


def push(reference: str, prefix: str) -> str:
    """Push the image under a registry's prefix; returns the reference that pods pull."""
    target = f"{prefix.rstrip('/')}/{reference.removeprefix(f'{PREFIX}/')}"
    program, env = _program()
    commands.output([program, "tag", reference, target], env=env)
    commands.output([program, "push", target], env=env)
    return target
