"""What runs in the task's process whoever starts it: phases, fence, body, guardrails, results, and the task's client."""

from tests.mutants.mutant import Mutant, of

run = of("runner/perago/run.py", "perago/test_run.py")
boundary = of("runner/perago/run.py", "perago/test_run_boundary.py")
attempt = of("runner/perago/attempt.py", "perago/test_attempt.py")
body = of("runner/perago/body.py", "perago/test_body.py", "perago/test_run.py")
payload = of("runner/perago/payload.py", "perago/test_body.py", "perago/test_run.py")
output = of("runner/perago/output.py", "perago/test_body.py")
guards = of("runner/perago/guards.py", "perago/test_guards.py")
result = of("runner/perago/result.py", "perago/test_result.py")
printed = of("runner/perago/result.py", "perago/test_failure_matrix.py")
client = of("runner/perago/taskside/client.py", "perago/taskside/test_client.py")
log = of("runner/perago/taskside/log.py", "perago/taskside/test_log.py")
taskside = of("runner/perago/taskside/run.py", "perago/taskside/test_results.py")
failure = of("runner/perago/taskside/failure.py", "perago/taskside/test_failure.py", "perago/taskside/test_results.py")
traces = of("runner/perago/traces.py", "perago/test_traces.py")

MUTANTS: tuple[Mutant, ...] = (
    *log(
        ("the author's handlers repeat what Perago logs", "    log.propagate = False\n", ""),
        (
            "a traceback begins with Perago's frames",
            "return trace_of(ei[1]).rstrip() if",
            "return super().formatException(ei) if",
        ),
    ),
    *run(
        (
            "a stale attempt stages",
            "        changes = changes_since(before, directory, run.spec.exclude)\n        run.fence.check()\n",
            "        changes = changes_since(before, directory, run.spec.exclude)\n",
        ),
        (
            "an attempt that became stale while it staged publishes",
            "    run.fence.check()\n    return run.store.publish",
            "    return run.store.publish",
        ),
        ("a read-only task publishes", "        if run.spec.read_only:\n", "        if False:\n"),
        (
            "the staging branch of a failed publication stays",
            "    cleanup.callback(_delete_staging, run.store, staged)\n",
            "",
        ),
        (
            "the workspace stays on the disk",
            '    cleanup.callback(_best_effort, f"removing {directory}", local.cleanup_attempt_workspace, directory)\n',
            "",
        ),
        (
            "changes are compared with the workspace after the body",
            "        before = take_snapshot(directory, manifest)\n        output = execute(run, directory)\n",
            "        output = execute(run, directory)\n        before = take_snapshot(directory, manifest)\n",
        ),
        (
            "the attempt's output names the input ref",
            "        return completed_at(workspace, ref, output)",
            "        return completed_at(workspace, workspace.ref, output)",
        ),
        ("an unchanged workspace is published", "if changes else keep(", "if True else keep("),
        (
            "a publication does not carry the output",
            "run.spec, replace(execution, output=output))",
            "run.spec, execution)",
        ),
        ("a workspace is staged without its changes", "replace(run.execution, changes=changes)", "run.execution"),
    ),
    *boundary(
        (
            "every file is hashed although the download has hashed it",
            "before = take_snapshot(directory, manifest)",
            "before = take_snapshot(directory)",
        ),
        (
            "an unchanged workspace is completed without the output",
            "replace(run.execution, changes=Changes(), output=output)",
            "replace(run.execution, changes=Changes())",
        ),
        (
            "a failed clean-up replaces the result",
            "    except BaseException:  # noqa: BLE001 - clean-up never replaces the result, whatever its class\n        _log_failure(what)",
            "    except ZeroDivisionError:\n        _log_failure(what)",
        ),
        (
            "sys.exit in a body ends the process without a result",
            "    except BaseException as error:  # noqa: BLE001 - the boundary: sys.exit in a body, too, is a result",
            "    except Exception as error:",
        ),
        (
            "the log handler of a body decides how its attempt ends",
            "    with suppress(BaseException):  # a log handler of the body's must not change how its attempt ends\n",
            "    if True:\n",
        ),
    ),
    *attempt(
        (
            "a task that is over counts as current",
            'return same and getattr(fresh, "status", None) == IN_PROGRESS',
            "return same",
        ),
        ("another workflow's task counts as this one", '_IDENTITY = ("workflow_instance_id", ', "_IDENTITY = ("),
        ("another task counts as this one", '"workflow_instance_id", "task_id", ', '"workflow_instance_id", '),
        ("another retry counts as this one", '"task_id", "retry_count")', '"task_id")'),
    ),
    *body(
        (
            "unknown parameters of a workspace task are dropped in silence",
            'task.params_model.model_validate(input_data["params"], extra="forbid")',
            'task.params_model.model_validate(input_data["params"])',
        ),
        (
            "unknown parameters are dropped in silence",
            'task.params_model.model_validate(payload["params"], extra="forbid")',
            'task.params_model.model_validate(payload["params"])',
        ),
        ("the body runs although its input is not there", '    check_guardrails(directory, spec.pre, "pre")\n', ""),
        (
            "a workspace that breaks its guardrails is published",
            '    check_guardrails(directory, spec.post, "post")\n',
            "",
        ),
        ("a workspace task runs without its workspace", "    refuse_workspace(task)\n    payload", "    payload"),
    ),
    *payload(
        (
            "an input with another's keys is accepted",
            "    if set(input_data) != set(expected):",
            "    if not set(expected) <= set(input_data):",
        ),
    ),
    *output(
        (
            "a NaN in a field that may be anything is sent as null",
            "if has_null(result) else None",
            "if False else None",
        ),
        ("a result is deeper than can be recorded", "MOST_LEVELS - 1)", "MOST_LEVELS)"),
        (
            "a result with unknown keys is reported",
            'model.model_validate(_dumped(task, raw), extra="forbid", by_name',
            'model.model_validate(_dumped(task, raw), extra="ignore", by_name',
        ),
        (
            "a result with unknown keys is reported, not as a model",
            'model.model_validate(raw, extra="forbid")',
            'model.model_validate(raw, extra="ignore")',
        ),
    ),
    *guards(
        ("one file too many is accepted", "count > self.max_count:", "count > self.max_count + 1:"),
        ("a missing file is accepted", "if count < self.min_count:", "if count < self.min_count - 1:"),
        ("a guardrail looks outside of the workspace", 'or ".." in parts or', "or"),
        (
            "a violation before the body is retried forever",
            'PreGuardrailViolation if phase == "pre" else PostGuardrailViolation',
            "PostGuardrailViolation",
        ),
        ("the attempt's own marker counts as a file of the task", "if path != marker)", ")"),
    ),
    *result(
        (
            "a terminal error is retried",
            "TERMINAL_ERRORS = (TaskTerminalError, PreGuardrailViolation)",
            "TERMINAL_ERRORS = (PreGuardrailViolation,)",
        ),
        (
            "an input that breaks its guardrails is retried",
            "TERMINAL_ERRORS = (TaskTerminalError, PreGuardrailViolation)",
            "TERMINAL_ERRORS = (TaskTerminalError,)",
        ),
        (
            "an ordinary failure ends the workflow",
            "TERMINAL_ERRORS = (TaskTerminalError, PreGuardrailViolation)",
            "TERMINAL_ERRORS = (Exception,)",
        ),
        (
            "a reason is longer than Conductor keeps",
            "shortened = reason[: checked_max_length(max_length)]",
            "shortened = reason",
        ),
        (
            "a reason that JSON cannot carry loses the result",
            'return shortened.encode(errors="replace").decode()',
            "return shortened",
        ),
        (
            "a failure carries an output",
            "        if not completed and (self.output is not None or not self.reason_for_incompletion):",
            "        if not completed and not self.reason_for_incompletion:",
        ),
        ("an exception without a text has no reason", "return str(exc) or type(exc).__name__", "return str(exc)"),
    ),
    *printed(
        (
            "an exception that cannot be printed ends the process",
            "    except BaseException:  # noqa: BLE001 - a body's own exception class may not even have a text",
            "    except ZeroDivisionError:",
        ),
    ),
    *client(
        (
            "the next call takes the answer that came too late",
            "        except BaseException as error:\n            self._connection.close()\n",
            "        except BaseException as error:\n",
        ),
        ("a refusal is taken for an answer", "        if wire.REFUSED in body:", "        if False:"),
        (
            "a refusal loses its class",
            "raise error_named(refusal.error, refusal.message)",
            "raise TaskExecutionError(refusal.message)",
        ),
        (
            "a short read is taken for the whole answer",
            "        while len(received) < count:",
            "        if len(received) < count:",
        ),
        ("the agent is asked to publish symlinks", "        refuse_symlinks(directory, changes.uploads)\n", ""),
        (
            "the agent is asked to publish what it cannot read",
            "        refuse_unreadable(directory, changes.uploads)\n",
            "",
        ),
        ("the changes are not listed", "        write_changes(self._changes_path, changes)\n", ""),
        ("the publication has no output", "wire.Publish(output=execution.output or {})", "wire.Publish(output={})"),
        ("a read-only task asks for a workspace to publish", "read_only=spec.read_only,", "read_only=False,"),
    ),
    *taskside(
        (
            "the core does not compare what the agent's fence has read",
            "        assert_current_attempt_snapshot(self.attempt, self.client.load_current_attempt())",
            "        self.client.load_current_attempt()",
        ),
    ),
    *failure(
        ("the reason of a failure is always the same", "else kind.__name__", 'else "TaskExecutionError"'),
        (
            "an exception of the body's chooses the reason Canceled",
            "if kind.__name__ in WORDS and not ours",
            "if False",
        ),
        ("Perago's own exceptions choose no reason", " and not ours", ""),
        ("a message does not name its exception", 'f"{name}: {text}"', "text"),
        ("the author's own reason gets a class in front", "if isinstance(error, IN_THE_AUTHORS_WORDS):", "if False:"),
    ),
    *traces(
        (
            "a library's frames hide the author's",
            "sorted({*own, *range(len(frames))[-LAST_FRAMES:]})",
            "range(len(frames))[-LAST_FRAMES:]",
        ),
        (
            "a suppressed context is shown",
            "None if following.__suppress_context__ else following.__context__",
            "following.__context__",
        ),
    ),
)
