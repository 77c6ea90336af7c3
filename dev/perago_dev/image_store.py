"""Where built images lie on this host: podman's storage of the environment, or Docker's. Builds nothing."""

from collections.abc import Sequence
from pathlib import Path

from perago_dev import base_image, commands, podman
from perago_dev.locks import alone
from perago_dev.preflight import provider

PREFIX = "localhost/perago"
KEPT = 6
"""Enough for several environments and checkouts to switch back and forth without building again."""
PUBLIC_BASE = "python:3.11.14-slim-bookworm"
"""An exact version, as a tag that moves would make other images on every machine; the Dockerfiles' default."""


def base() -> str:
    """The Python image that all others are made from: on Docker the public one, else one that is made here."""
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
    """Remove the images of this name but the newest, unless something is being built; clusters keep what they hold."""
    with alone(podman.builds_lock()) as nothing_is_built:
        if nothing_is_built and provider() == "podman":
            listed = ("images", "--filter", f"reference={PREFIX}/{name}", "--sort", "created", "--format")
            for reference in podman.output(*listed, "{{.Repository}}:{{.Tag}}").split()[KEPT:]:
                podman.output("rmi", "--force", reference)


def archive(references: Sequence[str], file: Path) -> None:
    """Write the images as one docker archive, layers that they share once."""
    if provider() == "docker":
        commands.output(["docker", "save", "--output", str(file), *references])
    else:
        options = ["--quiet", "--format", "docker-archive", "--multi-image-archive", "--output", str(file)]
        podman.output("save", *options, *references)


def push(reference: str, prefix: str) -> str:
    """Push the image under a registry's prefix; returns the reference that pods pull."""
    target = f"{prefix.rstrip('/')}/{reference.removeprefix(f'{PREFIX}/')}"
    program, env = ("docker", None) if provider() == "docker" else ("podman", podman.environment())
    commands.output([program, "tag", reference, target], env=env)
    commands.output([program, "push", target], env=env)
    return target
