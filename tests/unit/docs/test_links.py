"""Every page of the repository leads where it says: links, anchors, and the commands of the Makefile."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
PAGES = sorted(
    page.relative_to(ROOT)
    for page in ROOT.rglob("*.md")
    if not any(part.startswith(".") and part != ".github" for part in page.relative_to(ROOT).parts)
)
FENCE = re.compile(r"^(```+)[^\n]*\n(.*?)^\1$", re.MULTILINE | re.DOTALL)
CODE_SPAN = re.compile(r"`([^`\n]+)`")
LINK = re.compile(r"\]\(([^)\s]+)\)|^\[[^\]]+\]:\s*(\S+)", re.MULTILINE)
ELSEWHERE = re.compile(r"[a-z]+:")
HEADING = re.compile(r"^#{1,6} (.+)$", re.MULTILINE)
MAKE = re.compile(r"^\$? *make +([a-z][a-z0-9-]*)", re.MULTILINE)


def links(text: str) -> list[str]:
    """Targets of a page's links, without those to other sites and without what is only shown as code."""
    targets = (first or second for first, second in LINK.findall(CODE_SPAN.sub("", FENCE.sub("", text))))
    return [target for target in targets if not ELSEWHERE.match(target)]


def anchors(text: str) -> set[str]:
    """The anchors that a page's headings get where it is shown: repeated ones are numbered."""
    seen: dict[str, int] = {}
    for heading in HEADING.findall(FENCE.sub("", text)):
        words = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower()
        slug = re.sub(r"[^\w\- ]", "", words).strip().replace(" ", "-")
        seen[slug] = seen.get(slug, -1) + 1
        if seen[slug]:
            seen[f"{slug}-{seen[slug]}"] = 0
    return set(seen)


def broken_links(page: Path) -> Iterator[str]:
    """Links to a file that does not exist, or to a heading that its page does not have."""
    for target in links(page.read_text()):
        path, _, anchor = target.partition("#")
        file = page.parent / path if path else page
        if not file.exists() or (anchor and anchor not in anchors(file.read_text())):
            yield target


def make_targets(text: str) -> set[str]:
    """Targets of `make` in code spans and code blocks; the word in prose does not count."""
    spans = CODE_SPAN.findall(FENCE.sub("", text))
    blocks = [code for _, code in FENCE.findall(text)]
    return {target for code in (*spans, *blocks) for target in MAKE.findall(code)}


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_links_lead_somewhere(page: Path) -> None:
    """Each relative link finds a file of the repository, and each anchor a heading in it."""
    assert list(broken_links(ROOT / page)) == []


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_commands_of_the_makefile_exist(page: Path) -> None:
    """Each `make` command that a page names is a target of the Makefile."""
    known = set(re.findall(r"^([a-z][a-z0-9-]*):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert make_targets((ROOT / page).read_text()) - known == set()


def test_every_command_of_the_makefile_is_explained() -> None:
    """The page on development names each target that `make help` lists."""
    listed = set(re.findall(r"^([a-z][a-z0-9-]*):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert listed <= make_targets((ROOT / "docs" / "development.md").read_text())


def test_every_page_is_found() -> None:
    """The pages that a newcomer opens first are among those checked."""
    assert {"README.md", "CONTRIBUTING.md", "docs/architecture.md"} <= {str(page) for page in PAGES}


def test_broken_links_are_found(tmp_path: Path) -> None:
    """A missing file, a missing heading and a heading inside a code block are reported; links in code are not."""
    (tmp_path / "there.md").write_text("# A `head`, twice\n## A head, twice\n```\n# code\n```\n")
    good = "[a](there.md#a-head-twice) [b](there.md#a-head-twice-1) [c](https://x.org/y) `[d](no.md)`\n"
    bad = "[e](no.md) [f](there.md#code) ![g](there.md#a-head-twice-2)\n\n[h]: gone.md\n"
    (tmp_path / "page.md").write_text(good + bad)
    assert list(broken_links(tmp_path / "page.md")) == ["no.md", "there.md#code", "there.md#a-head-twice-2", "gone.md"]


def test_make_commands_are_found() -> None:
    """In a code span, at the start of a line of a code block, and after a prompt."""
    text = "They make sense. `make one` and `make two NAME=x`\n```\nmake three   # make sense\n$ make four\n```\n"
    assert make_targets(text) == {"one", "two", "three", "four"}
