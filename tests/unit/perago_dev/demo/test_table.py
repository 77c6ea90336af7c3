"""The demo's tables."""

from perago_dev.demo.table import Attempts, Row, cells, commands, rendered

LISTING = """\
NAME   TASK     PHASE     STEP        AGE
one    weather  Running   Executing   2s
two    weather                        0s
"""


def test_table_ends_with_the_sum_of_its_steps() -> None:
    """Steps are aligned and timed; the last line adds them up."""
    lines = rendered([Row("short", 1.0, "done"), Row("much longer", 2.5, "")]).splitlines()
    assert lines[0] == "short            1.0 s   done"
    assert lines[-1] == "total            3.5 s"


def test_cells_are_found_by_their_columns() -> None:
    """An empty cell shifts none of the others."""
    assert cells(LISTING)[1] == {"NAME": "two", "TASK": "weather", "PHASE": "", "STEP": "", "AGE": "0s"}


def test_nothing_listed_is_no_row() -> None:
    """kubectl prints nothing at all when there is no object."""
    assert cells("") == []


def test_an_attempt_is_shown_when_it_changed() -> None:
    """The same row again is silent, though its age has changed; another phase is shown."""
    screen = Attempts({"NAME": 5, "PHASE": 9})
    assert screen.changes(LISTING) == ["one     Running", "two"]
    assert screen.changes(LISTING.replace("2s", "9s")) == []
    assert screen.changes(LISTING.replace("Running  ", "Succeeded")) == ["one     Succeeded"]


def test_lines_keep_their_widths() -> None:
    """Head and rows are aligned, whatever kubectl's own widths are."""
    assert Attempts({"NAME": 8, "PHASE": 9}).head() == "NAME       PHASE"


def test_commands_stand_below_what_they_show() -> None:
    """A comment a command, so that the block can be pasted."""
    assert commands([("all", "kubectl get pa")]) == "  # all\n  kubectl get pa"
