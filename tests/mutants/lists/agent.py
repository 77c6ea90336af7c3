"""What keeps an agent honest: its order of steps, its reports, its fence, and what it makes of lost answers."""

from tests.mutants.mutant import Mutant, of

steps = of("runner/perago/agent/steps.py", "perago/agent/test_steps.py")
session = of("runner/perago/agent/session.py", "perago/agent/test_session.py")
ending = of("runner/perago/agent/ending.py", "perago/agent/test_session.py", "perago/agent/test_life.py")
life = of("runner/perago/agent/life.py", "perago/agent/test_life.py")
sequence = of("runner/perago/agent/sequence.py", "perago/agent/test_sequence.py")
status = of("runner/perago/agent/status.py", "perago/agent/test_status.py")
fence = of("runner/perago/agent/fence.py", "perago/agent/test_fence.py")
preparation = of("runner/perago/agent/preparation.py", "perago/agent/test_preparation.py")
staging = of("runner/perago/agent/data/staging.py", "perago/agent/data/test_staging.py")
transfer = of("runner/perago/agent/data/transfer.py", "perago/agent/data/test_transfer.py")
attempt_api = of("runner/perago/agent/clients/attempt_api.py", "perago/agent/clients/test_attempt_api.py")
lakefs = of("runner/perago/agent/clients/lakefs.py", "perago/agent/clients/test_lakefs.py")
publisher = of("runner/perago/agent/publisher.py", "perago/agent/test_publisher.py")
metadata_keys = of("runner/perago/wire/metadata_keys.py", "perago/test_metadata_keys.py")
manifest = of("runner/perago/workspace/manifest.py", "perago/workspace/test_manifest.py")
client = of("runner/perago/taskside/client.py", "perago/taskside/test_client.py")

MUTANTS: tuple[Mutant, ...] = (
    *steps(
        (
            "the branch exists before it is reported",
            '        await self._status.write(wire.StatusReport(staging=self._staged_as("Planned")))\n'
            "        await self._branch.create()\n",
            "        await self._branch.create()\n"
            '        await self._status.write(wire.StatusReport(staging=self._staged_as("Planned")))\n',
        ),
        ("a branch that was only planned stays", 'left.state != "Deleted"', 'left.state == "Active"'),
        ("the earlier branch is never deleted", "if left is not None and", "if left is None and"),
        (
            "an output is published that cannot be recorded",
            "outcomes.check_output({**output, **self.output()})",
            "pass",
        ),
        ("cleaning up forgets a planned branch", 'self._staging.state != "Deleted"', 'self._staging.state == "Active"'),
        ("a branch counts as input ref", "not commit.id.startswith(workspace.ref)", "not commit.id"),
    ),
    *session(
        (
            "a call goes on after a stale fence",
            "after if self._cause is None else after_failure(self._state, event)",
            "after",
        ),
        ("a stale fence is not noticed", "if not is_current(self._order.attempt, fresh):", "if False:"),
        (
            "a task skips its workspace",
            "return Event.COMPLETED if has_workspace else",
            "return Event.COMPLETED if False else",
        ),
        ("a later failure hides the first", "is State.FAILED and self._cause is None", "is State.FAILED"),
    ),
    *ending(
        ("the task's claim counts", "{**output, **vouched_for}", "{**vouched_for, **output}"),
        (
            "an unknown evidence lets the body run",
            "outcome = outcomes.failed(failure.reason",
            "outcome = None and (failure.reason",
        ),
    ),
    *life(
        ("a later execution looks for nothing", "execution > 1", "execution > 2"),
        ("a publication without a result is lost", "await ending.record_publication()", "pass"),
        ("the branch stays", "await agent.ending.clean_up()", "pass"),
    ),
    *sequence(
        ("publication without a second fence", "(State.CLEARED, Event.PUBLISH)", "(State.STAGED, Event.PUBLISH)"),
        ("staging without a fence", "(State.FENCED, Event.STAGE)", "(State.WORKING, Event.STAGE)"),
    ),
    *status(
        (
            "a writer does not hear of a refusal",
            "            _fail(carried, error)\n",
            "            _fail((), error)\n",
        ),
        (
            "a writer does not hear of silence",
            "                _fail(patient, error)\n",
            "                _fail((), error)\n",
        ),
        ("a silent server loses reports", "merged(sending, self._pending), carried", "self._pending, carried"),
    ),
    *fence(
        ("cancellation is not seen", "attempt.deleted or attempt.canceled", "attempt.deleted"),
        ("deletion is not seen", "attempt.deleted or attempt.canceled", "attempt.canceled"),
        ("an unknown task is current", '{"status": UNKNOWN}', '{"status": wire.IN_PROGRESS}'),
    ),
    *preparation(
        ("an input kept elsewhere is empty", "if task.input_is_elsewhere:", "if False:"),
        ("a caller cancels the reading", "asyncio.shield(self._reading)", "self._reading"),
    ),
    *staging(
        (
            "somebody else's branch is taken over",
            "            if head != self.input_ref:\n                raise\n",
            "            _ = head\n",
        ),
        (
            "nothing to commit counts as a commit",
            "if head != self.input_ref:\n                return head",
            "if head:\n                return head",
        ),
    ),
    *transfer(
        ("a hook of the repository is published", "if name.startswith(ACTIONS):", "if False:"),
        ("a changed file is lakeFS's fault", "raise source.failure or error", "raise error"),
        ("only the first page is downloaded", "if page.after is None:", "if page.after is None or True:"),
    ),
    *attempt_api(
        ("spec.cancel is not read", 'bool(spec.get("cancel"))', "False"),
        ("another attempt of the same name is served", "if attempt.uid != self._order.uid:", "if False:"),
        ("a conflict of two writers is final", "transient(status) or status == 409", "transient(status)"),
    ),
    *lakefs(
        ("only the first page of history is read", 'if not page["pagination"]["has_more"]:', "if True:"),
        ("an error in a bulk is not seen", 'in (await call)["errors"]', 'in (await call)["errors"][:0]'),
        ("a hook's refusal is tried again", "and kind_of(response.status, message) is None", ""),
    ),
    *publisher(
        ("a merge under way is not waited for", "SETTLE_LOOKS: Final = 8", "SETTLE_LOOKS: Final = 1"),
        (
            "a landed merge is not looked for after a refusal",
            "if self._fate_unknown and (landed := await self.evidence()):",
            "if False and (landed := await self.evidence()):",
        ),
        ("others are fought without end", "ROUNDS: Final = 3", "ROUNDS: Final = 99"),
        (
            "a lost answer without changes is final",
            "retried(lambda: self._attempt(None), self._plan.retry_seconds)",
            "self._attempt(None)",
        ),
    ),
    *metadata_keys(
        ("the attempt's key has another word", '"perago.attempt-uid"', '"perago.attempt_uid"'),
        ("the output's key has another word", '"perago.output"', '"perago.result"'),
    ),
    *manifest(
        ("an unfinished manifest is whole", ' or end != {"files": len(stats)}', ""),
    ),
    *client(
        (
            "an answer is taken for the next call's",
            "            self._connection.close()\n            if isinstance",
            "            if isinstance",
        ),
    ),
)
