"""What the operator remembers of an attempt, and what an answer adds to it."""

from tests.mutants.mutant import Mutant, of

CORE = "operator/perago_operator/core"

learn = of(f"{CORE}/learn.py", "perago_operator/core/test_learn.py")
clocks = of("operator/perago_operator/clocks.py", "perago_operator/test_clocks.py")
lives = of(f"{CORE}/learn.py", "perago_operator/reconcile/test_time.py")
memory = of(f"{CORE}/memory.py", "perago_operator/core/test_learn.py", "perago_operator/core/test_decide.py")

MUTANTS: tuple[Mutant, ...] = (
    *clocks(
        (
            "the machine's time of day is believed whatever the API server says",
            "ahead = min(max(self._wall().timestamp() - now, self._least), self._most)",
            "ahead = self._wall().timestamp() - now",
        ),
        (
            "the time that an answer took is not thought of",
            "said + SECOND - sent",
            "said + SECOND - self._seconds()",
        ),
        (
            "an API server whose clock was set is never believed again",
            "        if least > self._most or most < self._least:\n            self._least, self._most = least, most\n",
            "",
        ),
        (
            "our own clock follows the time of day",
            "        return self._began + timedelta(seconds=self.seconds())",
            "        return self.time_of_day()",
        ),
    ),
    *lives(
        (
            "what objects carry is compared with our own clock as it is",
            "moment = min(time - s.offset, s.now)",
            "moment = min(time, s.now)",
        ),
    ),
    *learn(
        (
            "the time of an object moves when a clock is set",
            "moments.get(time) or at_first_sight(time)",
            "at_first_sight(time)",
        ),
        (
            "what has just happened may be old",
            "return max(moment, earliest) if earliest else moment",
            "return moment",
        ),
        ("what has happened may lie in the future", "moment = min(time - s.offset, s.now)", "moment = time - s.offset"),
        ("a conflict rests until the back-off is over", "CONFLICT_REST if failure.conflict else", ""),
        ("a reading is doubted", "isinstance(action, do.Report | do.Heartbeat)", "True"),
        (
            "an attempt that another replica served is not doubted",
            "doubt_since=now if under_way else None",
            "doubt_since=None",
        ),
        ("a new attempt is doubted", "doubt_since=now if under_way else None", "doubt_since=now"),
        (
            "a call of unknown fate is not doubted",
            "replace(memory, doubt_since=s.now) if failure.fate_unknown and updates_conductor else memory",
            "memory",
        ),
        (
            "the doubt counts from the first call, not the last",
            "replace(memory, doubt_since=s.now)",
            "replace(memory, doubt_since=memory.doubt_since or s.now)",
        ),
        (
            "a lost call to lakeFS delays the end",
            "if failure.fate_unknown and updates_conductor else",
            "if failure.fate_unknown else",
        ),
        (
            "a hindered pod gets its patience again with each retry of the kubelet",
            "    if hindered and hindered.pod == pod.name:\n        return hindered\n",
            "",
        ),
        (
            "the hindrance of an earlier execution counts for this one",
            "    if hindered and hindered.pod == pod.name:",
            "    if hindered:",
        ),
        (
            "a pod whose name another attempt's pod has counts as created",
            "return memory if name in s.names_taken else _with_pod(memory, name, s.now)",
            "return _with_pod(memory, name, s.now)",
        ),
        (
            "lakeFS is asked the same again and again",
            "return replace(memory, evidence=Evidence(s.execution, landed.publication, landed.astray))",
            "return memory",
        ),
        (
            "the answer of lakeFS counts for the first execution only",
            "Evidence(s.execution, landed",
            "Evidence(1, landed",
        ),
        (
            "what a lost pod has left on the branch is forgotten",
            ", landed.astray))",
            "))",
        ),
        (
            "a branch that was deleted is deleted again",
            "return replace(s.memory, staging_missing=None, staging_deleted=s.memory.staging_deleted | {branch})",
            "return s.memory",
        ),
        (
            "a report without effect is repeated at once",
            "        case do.Report(), Verdict(still_open=True):",
            "        case do.Report(), Verdict(still_open=None):",
        ),
        (
            "a status that cannot be written is written without a pause",
            "if version == _version(s):",
            "if False:",
        ),
        (
            "after a conflict the newer object is not looked at",
            "version = _version(s) if failure.conflict else None",
            "version = None",
        ),
        ("the back-off does not grow", "count = earlier.count + 1 if earlier else 1", "count = 1"),
        (
            "a refusal for good is forgotten",
            "failure.message, failure.permanent, since, version)",
            "failure.message, False, since, version)",
        ),
        (
            "each refusal begins the patience with it anew",
            "since = earlier.since if earlier and lasts else s.now",
            "since = s.now",
        ),
        (
            "a heartbeat counts although it failed",
            "            return replace(memory, heartbeat_at=s.now)",
            "            return memory",
        ),
        (
            "a reading of Conductor is forgotten",
            "return replace(s.memory, verdict=verdict, task_missing_since=None)",
            "return s.memory",
        ),
        (
            "one answer says that a task is gone",
            "gone = final or _is_gone(s, memory.task_missing_since)",
            "gone = True",
        ),
        (
            "a task that is gone is never given up",
            "gone = final or _is_gone(s, memory.task_missing_since)",
            "gone = final",
        ),
        (
            "one answer says that nothing was published",
            "    if since and not _is_gone(s, since):\n        return memory\n",
            "",
        ),
        (
            "a heartbeat that failed rests for longer than the task has left",
            "heartbeat_period(action.task, s.config) / 3 if isinstance(action, do.Heartbeat) else None",
            "None",
        ),
    ),
    *memory(
        ("a back-off never ends", "return now < self.until and", "return"),
        (
            "a back-off grows without end",
            "full = min(cap, first * 2 ** min(count - 1, 30))",
            "full = first * 2 ** min(count - 1, 30)",
        ),
        (
            "one success ends the back-off of other calls",
            "for other, trouble in self.troubles.items() if other != kind}",
            "for other, trouble in self.troubles.items() if False}",
        ),
        (
            "calls that failed together are repeated together",
            'return timedelta(seconds=full * (1 - fraction(f"{seed}/{count}") / 2))',
            "return timedelta(seconds=full)",
        ),
    ),
)
