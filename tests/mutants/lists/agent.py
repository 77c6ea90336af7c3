"""What the agent does for one attempt: fences, the order of calls, staging, the status, the outcome, the end."""

from tests.mutants.mutant import Mutant, of

AGENT = "runner/perago/agent"
TESTS = "perago/agent"

fence = of(f"{AGENT}/fence.py", f"{TESTS}/test_fence.py")
sequence = of(f"{AGENT}/sequence.py", f"{TESTS}/test_sequence.py")
session = of(f"{AGENT}/session.py", f"{TESTS}/test_session.py")
steps = of(f"{AGENT}/steps.py", f"{TESTS}/test_steps.py")
staging = of(f"{AGENT}/data/staging.py", f"{TESTS}/data/test_staging.py")
filled = of(f"{AGENT}/data/staging.py", f"{TESTS}/test_session.py::test_a_writable_attempt_is_published_and_recorded")
waited = of(f"{AGENT}/steps.py", f"{TESTS}/test_session.py::test_lakefs_is_waited_for_longer_once_the_body_has_run")
status = of(f"{AGENT}/status.py", f"{TESTS}/test_status.py")
outcome = of(f"{AGENT}/outcome.py", f"{TESTS}/test_outcome.py")
failures = of(f"{AGENT}/failures.py", f"{TESTS}/test_failures.py")
ending = of(f"{AGENT}/ending.py", f"{TESTS}/test_session.py", f"{TESTS}/test_life.py")
life = of(f"{AGENT}/life.py", f"{TESTS}/test_life.py")
preparation = of(f"{AGENT}/preparation.py", f"{TESTS}/test_preparation.py")
reporter = of(f"{AGENT}/reporter.py", f"{TESTS}/test_reporter.py")
underway = of(f"{AGENT}/underway.py", f"{TESTS}/test_reporter.py")
server = of(f"{AGENT}/server.py", f"{TESTS}/test_server.py")
untraceable = of("runner/perago/wire/untraceable.py", f"{TESTS}/test_untraceable.py")
starting = of(f"{AGENT}/__main__.py", f"{TESTS}/test_untraceable.py")
listen = of(f"{AGENT}/listen.py", f"{TESTS}/test_server.py")
mounts = of(f"{AGENT}/mounts.py", f"{TESTS}/test_mounts.py")

FENCES: tuple[Mutant, ...] = (
    *fence(
        (
            "a zombie publishes while a later execution runs",
            "        if attempt.executions > self._order.execution:",
            "        if False:",
        ),
        (
            "the last execution takes itself for a zombie",
            "        if attempt.executions > self._order.execution:",
            "        if attempt.executions >= self._order.execution:",
        ),
        (
            "an attempt goes on although its object is canceled",
            "if attempt.deleted or attempt.canceled else",
            "if attempt.deleted else",
        ),
        (
            "an attempt goes on although its object is being deleted",
            "if attempt.deleted or attempt.canceled else",
            "if attempt.canceled else",
        ),
        (
            "an attempt goes on although its object is gone",
            "        except AttemptGone:\n            return CANCELED\n",
            "        except AttemptGone:\n            return wire.IN_PROGRESS\n",
        ),
        (
            "what the object says is not asked where Conductor says in progress",
            'return task if own == wire.IN_PROGRESS else task.model_copy(update={"status": own})',
            "return task",
        ),
        (
            "a task that Conductor does not know is current",
            'return ordered.model_copy(update={"status": UNKNOWN})',
            "return ordered",
        ),
        (
            "an outage at the fence loses the body's work",
            "seconds = self._order.outage_seconds",
            "seconds = self._order.retry_seconds",
        ),
        (
            "one answer that Conductor does not know the task is enough",
            "    if (task := await conductor.task(task_id)) is not None:\n        return task\n",
            "    return await conductor.task(task_id)\n",
        ),
        (
            "a later run of the task is the attempt's own",
            "if run_again else task.attempt",
            "if False else task.attempt",
        ),
        (
            "Conductor is not asked",
            "        if self._conductor is None:\n            return ordered",
            "        if True:\n            return ordered",
        ),
        (
            "a pod that was created late works for an attempt that has ended",
            "        if attempt.ended:\n            return ENDED\n",
            "",
        ),
        (
            "the fence compares the attempt with itself",
            "        if not is_current(self._order.attempt, fresh):",
            "        if not is_current(fresh, fresh):",
        ),
        (
            "a fence that finds a stale attempt lets it pass",
            "            raise stale(fresh)",
            "            stale(fresh)",
        ),
    ),
    *sequence(
        ("staging without a fence", "(State.FENCED, Event.STAGE)", "(State.WORKING, Event.STAGE)"),
        ("publication without a second fence", "(State.CLEARED, Event.PUBLISH)", "(State.STAGED, Event.PUBLISH)"),
        (
            "publication needs no second fence",
            "(State.CLEARED, Event.PUBLISH): State.PUBLISHED,",
            "(State.CLEARED, Event.PUBLISH): State.PUBLISHED,\n    (State.STAGED, Event.PUBLISH): State.PUBLISHED,",
        ),
        (
            "staging needs no fence",
            "(State.FENCED, Event.STAGE): State.STAGED,",
            "(State.FENCED, Event.STAGE): State.STAGED,\n    (State.WORKING, Event.STAGE): State.STAGED,",
        ),
        (
            "a task completes without its publication",
            "(State.PUBLISHED, Event.COMPLETED): State.ENDED,",
            "(State.PUBLISHED, Event.COMPLETED): State.ENDED,\n    (State.CLEARED, Event.COMPLETED): State.ENDED,",
        ),
        (
            "a task with a workspace completes without it",
            "(State.GREETED, Event.COMPLETED_WITHOUT_WORKSPACE): State.ENDED,",
            "(State.GREETED, Event.COMPLETED): State.ENDED,",
        ),
        (
            "a task publishes twice",
            "(State.PUBLISHED, Event.COMPLETED): State.ENDED,",
            "(State.PUBLISHED, Event.COMPLETED): State.ENDED,\n    (State.PUBLISHED, Event.PUBLISH): State.PUBLISHED,",
        ),
        (
            "a read-only task stages",
            "(State.GREETED, Event.DOWNLOAD_READ_ONLY): State.READING,",
            "(State.GREETED, Event.DOWNLOAD_READ_ONLY): State.WORKING,",
        ),
        ("a call that failed is forgotten", "return state if event in REPEATABLE else State.FAILED", "return state"),
        (
            "a clean-up that failed loses the attempt",
            "return state if event in REPEATABLE else State.FAILED",
            "return State.FAILED",
        ),
        ("a second result replaces the first", "if state not in (State.NEW, State.ENDED)", "if state is not State.NEW"),
    ),
    *session(
        (
            "a task skips its workspace",
            "return Event.COMPLETED if has_workspace else",
            "return Event.COMPLETED if False else",
        ),
        ("a stale fence is not noticed", "if not is_current(self._order.attempt, fresh):", "if False:"),
        (
            "a stale attempt stages, since its task says that it is current",
            "self._state = after if self._cause is None else after_failure(self._state, event)",
            "self._state = after",
        ),
        (
            "the fence's reason is lost",
            "            self._cause = failure_of(stale(fresh))",
            "            failure_of(stale(fresh))",
        ),
        (
            "a later failure hides the first",
            "if self._state is State.FAILED and self._cause is None:",
            "if self._state is State.FAILED:",
        ),
        (
            "a task of another protocol is served",
            "        if call.protocol != wire.PROTOCOL_VERSION:",
            "        if False:",
        ),
        (
            "a call out of order is carried out",
            "        except OutOfOrder as error:",
            "        except ZeroDivisionError as error:",
        ),
        ("an attempt that is gone is served to its end", "        except AttemptGone:\n            raise\n", ""),
        ("a publication is not remembered for a task that dies", "        self._ending.published(call.output)\n", ""),
        (
            "work counts as published before it is",
            '        answer = await self._begin("Publishing").publish(call.output)\n        self._ending.published(call.output)\n',
            '        self._ending.published(call.output)\n        answer = await self._begin("Publishing").publish(call.output)\n',
        ),
        ("the staging branch of an attempt that failed is forgotten", "        self._ending.worked_on(steps)\n", ""),
        (
            "a task with a workspace may complete without it",
            "self._has_workspace = attempt.workspace is not None",
            "self._has_workspace = False",
        ),
        ("the session goes on after the result", "        self._state = State.ENDED\n", ""),
        ("the agent's own reason is not recorded", "record_result(call, self._cause)", "record_result(call, None)"),
    ),
)

STAGING: tuple[Mutant, ...] = (
    *steps(
        ("cleaning up forgets a planned branch", 'self._staging.state != "Deleted"', 'self._staging.state == "Active"'),
        (
            "a staging branch exists that nobody knows",
            '            await self._status.write(wire.StatusReport(staging=self._staged_as("Planned")))\n            _, self._fence = await both(self._branch.create(), fence_kind(self._lakefs, self._commit))\n',
            '            _, self._fence = await both(self._branch.create(), fence_kind(self._lakefs, self._commit))\n            await self._status.write(wire.StatusReport(staging=self._staged_as("Planned")))\n',
        ),
        (
            "a staging branch exists before its plan is written",
            'await self._status.write(wire.StatusReport(staging=self._staged_as("Planned")))',
            'self._status.post(wire.StatusReport(staging=self._staged_as("Planned")))',
        ),
        (
            "a task publishes a hook of the repository",
            "changes.check, partial(object_path, self._spec)",
            "changes.check, str",
        ),
        (
            "an output that cannot be recorded is published",
            "        outcomes.check_output({**output, **self.output()})\n",
            "",
        ),
        (
            "evidence is looked for while the earlier execution can still publish",
            "            await StagingBranch(self._lakefs, left.branch, self._commit, seconds).delete()\n        commit = await retried(self._publisher.evidence, seconds)\n",
            "            commit = await retried(self._publisher.evidence, seconds)\n            await StagingBranch(self._lakefs, left.branch, self._commit, seconds).delete()\n        commit = await retried(self._publisher.evidence, seconds)\n",
        ),
        (
            "the branch that an earlier execution only planned is left behind",
            'left.state != "Deleted" and',
            'left.state == "Active" and',
        ),
        (
            "a branch of another repository is deleted",
            "staging.repository == self._workspace.repository and ",
            "",
        ),
        (
            "whatever branch the status names is deleted",
            " and self._order.made_staging(staging.branch)",
            "",
        ),
        (
            "the branch that an earlier execution left stays",
            "            await StagingBranch(self._lakefs, left.branch, self._commit, seconds).delete()\n",
            "            pass\n",
        ),
        (
            "an attempt completes without the output of its publication",
            "        if self._stored_output is None:\n",
            "        if False:\n",
        ),
        ("a moving ref is the input", "    if not commit.id.startswith(workspace.ref):", "    if False:"),
        (
            "the attempt is completed at its input ref",
            "self._ref, self._publication = commit.id, commit",
            "self._publication = commit",
        ),
        (
            "the output that was published is replaced by this execution's",
            "            self._stored_output = wire.published_output(commit.metadata)\n",
            "",
        ),
        (
            "a staging branch that may exist is not deleted",
            'if self._staging is not None and self._staging.state != "Deleted":',
            "if self._staging is not None and self._staging.commit is not None:",
        ),
        (
            "a deleted branch is reported as left",
            '            self._report_staging("Deleted", self._staging.commit)\n',
            "",
        ),
        (
            "the whole repository is downloaded",
            "return WorkspaceSpec(prefix=call.prefix, read_only=call.read_only)",
            "return WorkspaceSpec(read_only=call.read_only)",
        ),
    ),
    *staging(
        (
            "somebody else's branch of that name is taken over",
            "            if head != self.input_ref:\n                raise\n",
            "            del head\n",
        ),
        (
            "a branch whose answer was lost fails the attempt",
            "            if head != self.input_ref:\n                raise\n",
            "            raise\n",
        ),
        (
            "a commit whose answer was lost fails the attempt",
            "            if head != self.input_ref:\n                return head\n",
            "",
        ),
        (
            "a commit of nothing is published",
            "            if head != self.input_ref:\n                return head\n",
            "            return head\n",
        ),
        (
            "a branch that is gone fails the attempt",
            "        except (RefNotFound, RepositoryNotFound):\n            return\n",
            "        except RepositoryNotFound:\n            return\n",
        ),
    ),
)

RECORDS: tuple[Mutant, ...] = (
    *waited(
        (
            "an outage while the staging branch is made or committed loses the body's work",
            "checkout.commit, order.outage_seconds)",
            "checkout.commit, order.retry_seconds)",
        ),
        (
            "an outage while the changes are uploaded loses the body's work",
            "self._transfer(tree, self._order.outage_seconds)",
            "self._transfer(tree, self._order.retry_seconds)",
        ),
    ),
    *filled(
        (
            "deletions are not staged",
            "transfer.delete(self.name, changes.deletions()))",
            "transfer.delete(self.name, ()))",
        ),
    ),
    *status(
        (
            "a report is lost when nobody answers",
            "            self._pending, self._waiting = merged(sending, self._pending), carried + self._waiting\n            raise",
            "            raise",
        ),
        (
            "an older report replaces a newer one",
            "merged(sending, self._pending), carried",
            "merged(self._pending, sending), carried",
        ),
        (
            "an outcome that was refused counts as recorded",
            "            _fail(carried, error)\n        else:",
            "            _fail((), error)\n            [fate.set_result(None) for fate in carried]\n        else:",
        ),
        ("a writer waits forever for a cluster that is away", "                _fail(patient, error)\n", ""),
        (
            "a writer that joined a failing patch gets its error",
            "_fail(patient, error)",
            "_fail((*patient, *self._waiting), error)",
        ),
        ("two outcomes are mixed", ' and key != "outcome":', ":"),
        (
            "two senders patch at the same time",
            "        if not self._is_sending():\n            self._sender",
            "        if True:\n            self._sender",
        ),
        (
            "the agent ends before its last report is written",
            "        if self._pending or self._is_sending():\n",
            "        if self._pending:\n",
        ),
        (
            "a writer that was canceled stops the others",
            "                if not fate.done():\n                    fate.set_result(None)",
            "                if True:\n                    fate.set_result(None)",
        ),
    ),
    *outcome(
        (
            "an output that no JSON can say counts as too large",
            "    except wire.NotJson:\n        raise\n",
            "",
        ),
        (
            "a message is longer than Conductor keeps",
            "return text if len(text) <= max_length else",
            "return text if True else",
        ),
        (
            "a reason that is not a word is refused by the API server",
            "allowed = _WORD.fullmatch(reason) and",
            "allowed = _WORD.match(reason) and",
        ),
        ("a task gives the reason Canceled", " and (reason in TASK_WORDS or reason not in WORDS)", ""),
        (
            "the task's reason hides the agent's",
            "reason = cause.value if cause else reason_word(result.reason)",
            "reason = reason_word(result.reason)",
        ),
    ),
    *failures(
        (
            "a full disk is an internal error",
            "error.errno in (errno.ENOSPC, errno.EDQUOT)",
            "error.errno in (errno.EDQUOT,)",
        ),
        (
            "a missing Secret is retried",
            "(MissingKeys, TaskTerminalError, Reason.INVALID_TASK)",
            "(MissingKeys, TaskExecutionError, Reason.INVALID_TASK)",
        ),
    ),
    *ending(
        (
            "the task decides which ref it published",
            "self._stored({**result, **self._steps.output()},",
            "self._stored({**self._steps.output(), **output},",
        ),
        (
            "published work of a task that died is lost",
            "        if self._published is None:\n            return False\n",
            "        return False\n",
        ),
        (
            "a lost lakeFS lets the body run a second time",
            "            outcome = outcomes.failed(failure.reason, failure.message, self._terms)\n        if outcome",
            "            outcome = None\n        if outcome",
        ),
        (
            "an outcome that was refused is not recorded at all",
            "            await self._status.write(wire.StatusReport(outcome=self._signed(outcome), workspace=workspace))\n",
            "",
        ),
        (
            "an outcome counts as recorded before it is",
            "        try:\n            await self._status.write(report)\n",
            "        self._recorded = True\n        try:\n            await self._status.write(report)\n",
        ),
        ("the staging branch stays", "            await self._steps.cleanup()\n", "            pass\n"),
        ("a failed attempt names a published ref", 'completed=outcome.status == "COMPLETED"', "completed=True"),
        (
            "an output that is too large loses the outcome",
            "        except (outcomes.OutputTooLarge, wire.NotJson) as error:",
            "        except ZeroDivisionError as error:",
        ),
    ),
    *life(
        ("the branch stays", "await agent.ending.clean_up()", "pass"),
        (
            "a later execution does not look for what was published",
            "if execution > 1 and await",
            "if execution > 2 and await",
        ),
        (
            "a task that died after its publication is run again",
            "if not await ending.record_publication() and wrong is not None:",
            "if wrong is not None:",
        ),
        (
            "an agent that fails leaves its staging branch",
            "    finally:\n        await _leave_nothing(agent)\n",
            "    finally:\n        pass\n",
        ),
        (
            "the agent says that all is well without an outcome",
            "return 0 if ending.recorded else NO_RESULT_EXIT",
            "return 0",
        ),
        ("the last reports are not written", "        await agent.status.flush()\n", "        pass\n"),
        (
            "a branch that cannot be deleted turns a success into a failure",
            "    except Exception:  # noqa: BLE001 - best effort",
            "    except ZeroDivisionError:  # noqa: BLE001 - best effort",
        ),
    ),
    *preparation(
        (
            "the task gets the values that the API server has changed",
            "if attempt.input_json is None else _exact_input(attempt.input_json)",
            "if True else {}",
        ),
        ("the input is read from the wrong place", 'if self._order.input_from == "Spec":', "if True:"),
        (
            "an input that Conductor keeps elsewhere is taken for empty",
            "        if task.input_is_elsewhere:",
            "        if False:",
        ),
        (
            "an API server that is away for a moment fails the attempt",
            "await retried(self._attempt.get, self._order.retry_seconds)",
            "await self._attempt.get()",
        ),
        (
            "the branch that an earlier execution left is not known",
            "PreparedAttempt(data, workspace_of(data), attempt.staging)",
            "PreparedAttempt(data, workspace_of(data), None)",
        ),
        (
            "a caller that is canceled cancels the others' answer",
            "return await asyncio.shield(self._reading)",
            "return await self._reading",
        ),
    ),
    *untraceable(
        ("the agent can be traced", "PR_SET_DUMPABLE, 0, 0", "PR_SET_DUMPABLE, 1, 0"),
    ),
    *starting(
        ("the agent serves before it is untraceable", "    refuse_tracing()\n", ""),
    ),
    *listen(
        ("every process of the pod can open the socket", "os.umask(0o177)", "os.umask(0)"),
        ("the agent makes its downloads for itself alone", "        os.umask(mask)\n", "        pass\n"),
    ),
    *server(
        (
            "a process of another user is served",
            "        if tuple(owner) == peer:\n",
            "        if owner[1] == peer[1]:\n",
        ),
        (
            "a process of another group is served",
            "        if tuple(owner) == peer:\n",
            "        if owner[0] == peer[0]:\n",
        ),
        ("a second process can connect", "    close(listener)\n    return connection", "    return connection"),
        ("the conversation goes on after the outcome", "while not ended() and", "while"),
        (
            "a call of no known form ends the agent",
            '    except ValidationError as error:\n        logger.warning("refused a call',
            '    except ZeroDivisionError as error:\n        logger.warning("refused a call',
        ),
        ("a task that is gone is worked for", "or isinstance(call, FINISHED) or not _has_ended(following)", "or True"),
        ("a publication ends with the task", "working.done() or isinstance(call, FINISHED)", "working.done()"),
        ("a call that comes early ends the one before it", "or not _has_ended(following)", ""),
        (
            "bytes that are no frame end the agent",
            "except (wire.FrameError, ConnectionError) as error:",
            "except ConnectionError as error:",
        ),
        (
            "bytes that are no frame are nobody's fault",
            "return str(error) if isinstance(error, wire.FrameError) else None\n    finally",
            "return None\n    finally",
        ),
    ),
    *reporter(
        ("a hiccup is told", "total_seconds() < self.period", "total_seconds() < 0"),
        ("an outage is told again and again", "if wait == self._said_wait:", "if False:"),
        ("an outage that is over stays in the status", 'cleared.append("waiting")', "pass"),
        ("a short transfer is told", "moved is None or moved.seconds < self.period", "moved is None"),
        ("a transfer that is over stays in the status", 'cleared.append("transfer")', "pass"),
        (
            "a standstill is told again and again",
            "(before.objects, before.bytes) == (moved.objects, moved.bytes)",
            "False",
        ),
        ("an error makes the status too large", "error=wait.error[:1024]", "error=wait.error"),
    ),
    *underway(
        (
            "an outage begins anew with each error",
            "(before.since, before.until) if before else",
            "(now, now + timedelta(seconds=left)) if before else",
        ),
        ("the wait that ends last is told", "return min(self._waits", "return max(self._waits"),
    ),
    *mounts(
        ("agents have a header of their own", "mounts.egress, token_header)", 'mounts.egress, "X-Authorization")'),
        ("agents know no proxy", "Egress(Proxies.of(environ), ", "Egress(Proxies(), "),
    ),
)

MUTANTS = (*FENCES, *STAGING, *RECORDS)
