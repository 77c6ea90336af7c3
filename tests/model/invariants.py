"""What must hold at the end of every course of events, whatever has happened. It shares no code with the publisher.

It reads the repository's commits, the recorded outcomes, and the record of what others did.
"""

import json
from collections.abc import Iterator

from perago import wire
from tests.fakes.branches import FakeBranches
from tests.model.attempts import PREFIX, TARGET, Attempt, Execution
from tests.model.story import Story

UID, EXECUTION, LOGICAL, OUTPUT = "perago.attempt-uid", "perago.execution", "perago.logical-task", "perago.output"


def violations(story: Story) -> list[str]:
    """A sentence for each broken promise."""
    return [
        *_published_twice(story), *_lost_commits(story), *_untrue_outputs(story), *_left_branches(story),
        *_stray_changes(story), *_vanished_results(story), *_denied_publications(story), *_landed_on_another(story),
    ]  # fmt: skip


def _history(story: Story) -> list[str]:
    """The target's commits above the first input ref, newest first."""
    lakefs, ids = story.repository.lakefs, []
    id_ = lakefs.branches[TARGET].head
    while id_ != story.base and lakefs.commits[id_].parents:
        ids.append(id_)
        id_ = lakefs.commits[id_].parents[0]
    return ids


def _published_twice(story: Story) -> Iterator[str]:
    """A second landing that cannot be taken back is named in the outcome."""
    commits = story.repository.lakefs.commits
    in_force = [id_ for id_ in _publications(story) if id_ in _history(story) and not _is_named_twice(story, id_)]
    logical = [commits[id_].metadata[LOGICAL] for id_ in in_force]
    for task in {task for task in logical if logical.count(task) > 1}:
        ids = [id_ for id_ in in_force if commits[id_].metadata[LOGICAL] == task]
        yield f"two publications of {task} are in force: {ids}"


def _is_named_twice(story: Story, commit: str) -> bool:
    """The agent names one only under somebody else's commit, and the operator one whose agent has died."""
    attempt, head = _attempt_of(story, commit), story.repository.lakefs.branches[TARGET].head
    left = commit in [astray.id for astray in attempt.landed.astray]
    named = attempt.outcome is not None and _is_named(attempt.outcome, commit)
    return named and (head != commit or left) and not _changed(story.repository.lakefs, commit)


def _lost_commits(story: Story) -> Iterator[str]:
    history = _history(story)
    for commit in story.record.foreign:
        if commit not in history:
            yield f"commit {commit} of somebody else is lost"
    for commit in set(_publications(story)) - set(history):
        maker = _attempt_of(story, commit)
        others = [later for later in story.record.attempts if later.logical == maker.logical]
        landed = _stands_on(story, commit, maker.workspace.ref)
        if landed and len(others) == 1 and maker.outcome and maker.outcome.status == "COMPLETED":
            yield f"publication {commit} of {maker.name} is lost, and nobody was to replace it"


def _untrue_outputs(story: Story) -> Iterator[str]:
    for attempt in story.record.attempts:
        outcome = attempt.outcome
        if outcome is None or outcome.status != "COMPLETED":
            continue
        output = dict(outcome.full_output() or {})
        ref = output.pop("workspace")["ref"]
        if ref == attempt.workspace.ref:
            continue
        metadata = story.repository.lakefs.commits[ref].metadata
        if metadata.get(UID) != attempt.uid:
            yield f"{attempt.name} reports {ref}, which it has not published"
        elif not _stands_on(story, ref, attempt.workspace.ref):
            yield f"{attempt.name} reports {ref}, which is not on its input ref"
        elif json.loads(metadata[OUTPUT]) != output:
            yield f"{attempt.name} reports {output}, and {ref} holds {metadata[OUTPUT]}"


def _stands_on(story: Story, commit: str, input_ref: str) -> bool:
    return story.repository.lakefs.commits[commit].parents == (input_ref,)


def _left_branches(story: Story) -> Iterator[str]:
    """One that was made when its pod was gone, or once more, has no owner but the sweep, which finds it by its name."""
    for execution in _executions(story):
        if execution.branch in story.repository.lakefs.branches and execution.branch not in story.record.late_branches:
            yield f"staging branch {execution.branch} is left behind, and nobody knows of it"


def _stray_changes(story: Story) -> Iterator[str]:
    lakefs = story.repository.lakefs
    for commit in _publications(story):
        changed = _changed(lakefs, commit)
        execution = _execution_of(story, commit)
        want = {f"{PREFIX}/{path}": content for path, content in execution.files.items()}
        if changed != want and not _is_named_twice(story, commit) and commit in _history(story):
            yield f"publication {commit} of {execution.process.name} changes {changed}, not {want}"


def _vanished_results(story: Story) -> Iterator[str]:
    history = _history(story)
    for attempt, outcome in story.record.accepted:
        if outcome.status != "COMPLETED":
            continue
        ref = (outcome.full_output() or {})["workspace"]["ref"]
        if ref != attempt.workspace.ref and ref not in history and not _later(story, attempt):
            yield f"{attempt.name} is completed at {ref}, which is not in the branch's history"


def _denied_publications(story: Story) -> Iterator[str]:
    """A publication of the last attempt of its task is reported as one, unless its merge has outlived its source."""
    for commit in set(_publications(story)) & set(_history(story)):
        attempt, outcome = _attempt_of(story, commit), _attempt_of(story, commit).outcome
        if _execution_of(story, commit).process in story.record.outlived:
            continue
        last = not attempt.superseded and not _later(story, attempt)
        if outcome is not None and outcome.status != "COMPLETED" and last and not _is_named(outcome, commit):
            yield f"{attempt.name} has published {commit}, and is reported as {outcome.reason}: {outcome.message}"


def _is_named(outcome: wire.Outcome, commit: str) -> bool:
    return commit in (outcome.message or "").replace(",", " ").split()


def _landed_on_another(story: Story) -> Iterator[str]:
    """Turns keep publications of one installation from landing on one another, even for a moment.

    A merge whose answer was lost may land when it is another attempt's turn.
    """
    publications, late = _publications(story), story.record.late_writers
    for commit in publications:
        below, own = story.repository.lakefs.commits[commit].parents[0], _execution_of(story, commit)
        other = _execution_of(story, below) if below in publications else own
        if late & {own.process, other.process}:
            continue
        if other is not own and below != own.attempt.workspace.ref:
            yield f"publication {commit} of {own.process.name} has landed on {below} of {other.process.name}"


def _later(story: Story, attempt: Attempt) -> list[Attempt]:
    attempts = story.record.attempts
    return [other for other in attempts if other.logical == attempt.logical and other.number > attempt.number]


def _changed(lakefs: FakeBranches, commit: str) -> dict[str, str | None]:
    before, after = lakefs.trees[lakefs.commits[commit].parents[0]], lakefs.trees[commit]
    paths = before.keys() | after.keys()
    return {path: after.get(path) for path in paths if before.get(path) != after.get(path)}


def _publications(story: Story) -> list[str]:
    """Every commit that a squash merge of this installation has made, in force or not."""
    commits = story.repository.lakefs.commits
    marked = [id_ for id_, commit in commits.items() if commit.metadata.get(UID, "").startswith("here-")]
    return [id_ for id_ in marked if OUTPUT in commits[id_].metadata]


def _executions(story: Story) -> list[Execution]:
    return [execution for attempt in story.record.attempts for execution in attempt.executions]


def _attempt_of(story: Story, commit: str) -> Attempt:
    uid = story.repository.lakefs.commits[commit].metadata[UID]
    return next(attempt for attempt in story.record.attempts if attempt.uid == uid)


def _execution_of(story: Story, commit: str) -> Execution:
    number = int(story.repository.lakefs.commits[commit].metadata[EXECUTION])
    return next(execution for execution in _attempt_of(story, commit).executions if execution.number == number)
