"""Exit codes of the pod's two processes. The operator reads them where no outcome was recorded.

Both processes end with 0 when the outcome is recorded. A code that is not listed here belongs to whoever ended the
process: the body (`sys.exit` aside, which is a result), a signal, the runtime.
"""

GAVE_UP_EXIT = 75
"""Something other than the task kept the process from its work (`EX_TEMPFAIL`): the agent could not record the outcome,
or the task's agent is gone. Another pod may do better, so the attempt counts as disrupted."""
NO_RESULT_EXIT = 66
"""The agent's code when the task ended, or never came, without a result (`EX_NOINPUT`): the end of the task's own
container says why."""
