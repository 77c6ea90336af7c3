"""Images: the tag follows from the Dockerfile, what it copies, and the build arguments."""

from pathlib import Path

import pytest

from perago_dev import images

DOCKERFILE = """\
ARG PYTHON_IMAGE=python
FROM ${PYTHON_IMAGE} AS build
COPY pyproject.toml \\
     constraints.txt ./
COPY --chown=1:1 src /src
FROM ${PYTHON_IMAGE}
COPY --from=build /out /out
"""


@pytest.fixture
def context(tmp_path: Path) -> Path:
    (tmp_path / "Dockerfile").write_text(DOCKERFILE)
    (tmp_path / "src").mkdir()
    for name in ("pyproject.toml", "constraints.txt", "src/module.py", "README.md"):
        (tmp_path / name).write_text(name)
    return tmp_path


def tag(context: Path, **build_args: str) -> str:
    return images.content_tag(context / "Dockerfile", context, build_args)


def test_sources_of_all_copies_are_found() -> None:
    """Continued lines, flags and other stages are understood."""
    assert images.copied(DOCKERFILE) == ["pyproject.toml", "constraints.txt", "src"]


@pytest.mark.parametrize("name", ["Dockerfile", "constraints.txt", "src/module.py"])
def test_tag_changes_with_what_the_image_is_made_of(context: Path, name: str) -> None:
    """A changed source or Dockerfile is another image."""
    before = tag(context)
    file = context / name
    file.write_text(file.read_text() + "# changed\n")
    assert tag(context) != before


def test_tag_changes_with_the_base(context: Path) -> None:
    """Another build argument is another image."""
    assert tag(context, PYTHON_IMAGE="one") != tag(context, PYTHON_IMAGE="two")


def test_tag_stays_when_something_else_changes(context: Path) -> None:
    """What is not copied does not matter."""
    before = tag(context)
    (context / "README.md").write_text("changed")
    assert tag(context) == before


def test_pip_configuration_says_what_pip_said() -> None:
    """Settings from files and from variables become one file."""
    listed = ":env:.find-links='/opt/wheels'\nglobal.index-url='https://index.example/simple'\n"
    assert images.pip_configuration(listed) == (
        "[global]\nfind-links = /opt/wheels\nindex-url = https://index.example/simple\n"
    )
