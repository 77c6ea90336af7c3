"""`perago describe --html`: one file that says what the text says, loads nothing, and runs nothing."""

import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from perago_console.commands import describe
from perago_console.problems import Misused
from tests.builders import Raw, ended_pod
from tests.unit.perago_console.kit import FakeCluster, session
from tests.unit.perago_console.test_commands import EVENT, FAILED, cluster, made, step

HOSTILE = "</td><script>alert(1)</script><img src=x onerror=alert(1)>\"'&"


TIMED = ("queued", "starting", "downloading", "executing", "reporting")


class Seen(HTMLParser):
    """The elements of a page, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, f"</{tag}> closes another element"

    def handle_data(self, data: str) -> None:
        self.text += data


def written(asked: FakeCluster, folder: Path, name: str = "lost", seconds: float = 60) -> str:
    """The page of an attempt."""
    file = folder / "page.html"
    assert describe.execute(session(asked, seconds=seconds), name, "", file) == 0
    return file.read_text("utf-8")


def whole(**outcome: Any) -> FakeCluster:
    """A failed attempt with its pod and an event."""
    asked = cluster()
    base: Raw = FAILED
    failed: Raw = {**base, "outcome": {**base["outcome"], **outcome}}
    asked.objects |= {"peragoattempts": [made("lost", **failed)], "events": [EVENT]}
    asked.objects["pods"] = [ended_pod(1, of="lost", uid="uid-lost")]
    return asked


def test_a_page_says_what_the_text_says(tmp_path: Path) -> None:
    """Outcome, timeline, executions, steps, conditions and log; each execution and each step has a bar."""
    seen = Seen(written(whole(), tmp_path))
    for words in ("attempt ns/lost", "OOMKilled", "00:00:01Z", "its first pod was created", "MemoryError", "executing"):
        assert words in seen.text
    assert seen.open == []
    assert "loading \\x1b[31mall of it" in seen.text
    assert sum(tag == "rect" for tag, _ in seen.tags) == 2 + len(TIMED)


def test_bars_have_the_place_and_the_length_of_what_they_stand_for(tmp_path: Path) -> None:
    """The task ran from the fourth second of the attempt to its sixteenth, of twenty-one."""
    page = written(whole(), tmp_path)
    bars = {
        tip.partition(":")[0]: (float(left), float(width))
        for left, width, tip in re.findall(
            r'<rect class="\w+" x="([\d.]+)" y="\d+" width="([\d.]+)".*?<title>(.*?)<', page
        )
    }
    (begin, whole_width), (left, width) = bars["attempt"], bars["executing"]
    assert (left - begin) / whole_width == pytest.approx(4 / 21, abs=0.001)
    assert width / whole_width == pytest.approx(12 / 21, abs=0.001)


def test_nothing_that_a_task_has_written_is_markup(tmp_path: Path) -> None:
    """Wherever it stands."""
    asked = whole(message=HOSTILE, reason=HOSTILE, traceback=[HOSTILE])
    asked.objects["events"] = [{**EVENT, "message": HOSTILE}]
    asked.objects["pods"][0]["metadata"]["name"] = f"lost-{HOSTILE}"
    seen = Seen(written(asked, tmp_path))
    assert {tag for tag, _ in seen.tags} <= {
        *("html", "head", "meta", "title", "style", "body", "h1", "h2", "p", "table", "tr", "td", "svg", "text", "rect")
    }
    assert seen.text.count(HOSTILE) >= 3


def test_a_page_loads_nothing_and_runs_nothing(tmp_path: Path) -> None:
    """It may be opened years later, on any machine."""
    page = written(whole(), tmp_path)
    names = {name for _, attributes in Seen(page).tags for name in attributes}
    assert not {name for name in names if name.startswith("on")} | names & {"src", "href", "action", "style"}
    assert not re.search(r"url\(|@import|http:|https:|<script", page)
    assert "default-src 'none'" in page


def test_the_page_of_an_attempt_that_is_over_stays_the_same(tmp_path: Path) -> None:
    """It is as of the attempt's end; that of one that goes on is as of now."""
    assert written(whole(), tmp_path, seconds=60) == written(whole(), tmp_path, seconds=6000)
    running = cluster()
    assert written(running, tmp_path, "runs", 60) != written(running, tmp_path, "runs", 6000)


def test_a_workflow_is_a_page_as_well(tmp_path: Path) -> None:
    """One bar for each attempt, in the order of their creation."""
    steps = [step("b", 0, 20, phase="Succeeded"), step("a", 20, None, phase="Running")]
    file = tmp_path / "workflow.html"
    assert describe.of_workflow(session(FakeCluster({"peragoattempts": steps})), "wf-1", file) == 0
    page = file.read_text("utf-8")
    assert "workflow wf-1" in page
    assert re.findall(r"<title>(\w): ", page) == ["b", "a"]


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    """With what the system says."""
    with pytest.raises(Misused, match=r"--html .*nowhere.*: No such file or directory"):
        describe.execute(session(cluster()), "lost", "", tmp_path / "nowhere" / "page.html")
