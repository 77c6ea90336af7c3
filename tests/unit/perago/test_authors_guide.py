"""The author's guide holds what it says: its modules are written, its commands run, its snippets executed."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

GUIDE = Path(__file__).parents[3] / "docs" / "authors-guide.md"
FENCE = re.compile(r"^```(\w+)(?: file=(\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
BLOCKS = FENCE.findall(GUIDE.read_text())
SNIPPETS = [text for kind, file, text in BLOCKS if kind == "python" and not file]
CONSOLES = [text for kind, _, text in BLOCKS if kind == "console"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The reader's folder, with every file of the guide."""
    folder = tmp_path_factory.mktemp("guide")
    for _, file, text in BLOCKS:
        if file:
            (folder / file).write_text(text)
    return folder


def run(command: str, folder: Path) -> str:
    """What a command prints in the reader's folder; `perago` is this interpreter's."""
    shown = re.sub(r"^perago ", f"{sys.executable} -m perago.cli ", command)
    environment = os.environ | {"PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(shown, shell=True, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    return (done.stdout + done.stderr).replace(f"{folder}/", "")


def steps(console: str) -> list[tuple[str, str]]:
    """The commands of a console block, each with what it is said to print."""
    parts = re.split(r"^\$ (.*)\n", console, flags=re.MULTILINE)
    return list(zip(parts[1::2], parts[2::2], strict=True))


@pytest.mark.parametrize("console", CONSOLES, ids=range(len(CONSOLES)))
def test_commands_print_what_the_guide_says(console: str, folder: Path) -> None:
    """Line by line; a last line of dots stands for the rest."""
    for command, said in steps(console):
        printed = run(command, folder)
        if said.endswith("...\n"):
            assert printed.startswith(said.removesuffix("...\n")), command
        else:
            assert printed == said, command


@pytest.mark.parametrize("snippet", SNIPPETS, ids=range(len(SNIPPETS)))
def test_snippets_run(snippet: str) -> None:
    """Each declaration of the guide is accepted, and its assertions hold."""
    prelude = "import perago\nfrom pathlib import Path\nfrom pydantic import BaseModel, Field\n"
    exec(compile(prelude + snippet, str(GUIDE), "exec"), {"__name__": "guide"})


def test_the_tests_of_the_guide_pass(folder: Path) -> None:
    """The reader's own pytest run is green."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(folder), "."]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert "2 passed" in done.stdout
