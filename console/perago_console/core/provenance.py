"""`perago why`: which attempt made a commit, by the metadata that the commit carries. Pure."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from perago.wire import metadata_keys, published_output
from perago_console.core.objects import Attempt
from perago_console.core.page import Line, Page, Section, Tone, lines, optional
from perago_console.core.times import moment_and_age

NOT_OURS = "it carries no metadata of Perago's: it was committed by somebody else, or it is a merge of several commits"


@dataclass(frozen=True)
class Commit:
    """A commit."""

    id: str
    metadata: Mapping[str, str]
    time: float
    """Seconds since 1970."""
    committer: str = ""
    message: str = ""
    path: str | None = None
    """The object that was asked for, which this commit is the last to have changed."""

    @property
    def is_ours(self) -> bool:
        """Whether an attempt made it."""
        return bool(self.uid)

    @property
    def uid(self) -> str:
        """The UID of the attempt that made it; empty where none did."""
        return self.metadata.get(metadata_keys.ATTEMPT_UID, "")

    @property
    def attempt(self) -> tuple[str, str]:
        """Namespace and name of the attempt that made it."""
        namespace, _, name = self.metadata.get(metadata_keys.ATTEMPT, "").partition("/")
        return namespace, name

    @property
    def task_id(self) -> str:
        """The Conductor task that it executed; empty of an attempt that was made by hand."""
        named = self.metadata.get(metadata_keys.TASK_ID, "")
        return "" if named == self.uid else named


def of_commit(commit: Commit, attempt: Attempt | None, params: object, now: datetime) -> Page:
    """Who made it, from what, and with which result; `params` are those of the input, where they could be had."""
    title = f"commit {commit.id}"
    head = lines(
        optional("last to change", commit.path),
        Line("committed", moment_and_age(datetime.fromtimestamp(commit.time, UTC), now)),
        optional("message", commit.message),
    )
    if not commit.is_ours:
        made_by = lines(optional("committer", commit.committer), Line("made by", NOT_OURS, Tone.WAITS))
        return (Section(title, (*head, *made_by)),)
    return (
        Section(title, head),
        Section("Commit by", _maker(commit, attempt)),
        Section("From", _origin(commit, attempt, params)),
        Section("With", _result(commit)),
    )


def _maker(commit: Commit, attempt: Attempt | None) -> tuple[Line, ...]:
    metadata = commit.metadata
    there = f"it is {attempt.status.phase}" if attempt else "its object is gone, or cannot be read"
    return lines(
        Line("attempt", f"{metadata.get(metadata_keys.ATTEMPT, '')} ({there})"),
        optional("execution", metadata.get(metadata_keys.EXECUTION)),
        optional("created", metadata.get(metadata_keys.CREATED)),
        optional("installation", metadata.get(metadata_keys.INSTALLATION)),
        optional("workflow", metadata.get(metadata_keys.WORKFLOW) if commit.task_id else None),
        optional("Conductor task", commit.task_id),
        optional("retry", metadata.get(metadata_keys.RETRY) if commit.task_id else None),
    )


def _origin(commit: Commit, attempt: Attempt | None, params: object) -> tuple[Line, ...]:
    unknown = "unknown: neither the attempt's object nor its Conductor task could be read"
    return lines(
        optional("input ref", commit.metadata.get(metadata_keys.INPUT_REF)),
        optional("image", commit.metadata.get(metadata_keys.IMAGE)),
        optional("task", attempt.task if attempt else None),
        Line("params", unknown if params is None else json.dumps(params, ensure_ascii=False)),
    )


def _result(commit: Commit) -> tuple[Line, ...]:
    output = published_output(commit.metadata)
    digest = commit.metadata.get(metadata_keys.OUTPUT_SHA256)
    return lines(
        optional("output", None if output is None else json.dumps(output, ensure_ascii=False)),
        optional("output", f"too large to be kept with the commit; its SHA-256 is {digest}" if digest else None),
    )
