"""What happens to an attempt: the rules, the situation that they read, reports to Conductor, and the decision."""

from tests.mutants.mutant import Mutant, of

CORE = "operator/perago_operator/core"
TESTS = "perago_operator/core"

ending = of(f"{CORE}/rules/ending.py", f"{TESTS}/test_rules.py")
finishing = of(f"{CORE}/rules/finishing.py", f"{TESTS}/test_rules.py")
log = of(f"{CORE}/log.py", f"{TESTS}/test_log.py")
pod = of(f"{CORE}/rules/pod.py", f"{TESTS}/test_rules.py")
starting = of(f"{CORE}/rules/starting.py", f"{TESTS}/test_rules.py")
declaration = of(f"{CORE}/pod/declaration.py", f"{TESTS}/test_rules.py")
common = of(f"{CORE}/rules/common.py", f"{TESTS}/test_rules.py")
table = of(f"{CORE}/rules/__init__.py", f"{TESTS}/test_rules.py", f"{TESTS}/test_rule_order.py")
situation = of(f"{CORE}/situation/__init__.py", f"{TESTS}/test_situation.py", f"{TESTS}/test_rules.py")
observed = of(f"{CORE}/situation/observed.py", f"{TESTS}/test_situation.py", f"{TESTS}/test_rules.py")
executions = of(f"{CORE}/situation/executions.py", f"{TESTS}/test_situation.py", f"{TESTS}/test_rules.py")
stopping = of(f"{CORE}/situation/stopping.py", f"{TESTS}/test_situation.py", f"{TESTS}/test_rules.py")
staging = of(f"{CORE}/staging.py", f"{TESTS}/test_staging.py")
sibling = of(f"{CORE}/siblings.py", f"{TESTS}/test_situation.py", "perago_operator/reconcile/test_gather.py")
reporting = of(f"{CORE}/reporting.py", f"{TESTS}/test_reporting.py", f"{TESTS}/test_rules.py")
evidence = of(f"{CORE}/evidence.py", f"{TESTS}/test_evidence.py", f"{TESTS}/test_rules.py")
decide = of(f"{CORE}/decide.py", f"{TESTS}/test_decide.py")
status = of(f"{CORE}/status.py", f"{TESTS}/test_status.py")
conditions = of(f"{CORE}/conditions.py", f"{TESTS}/test_status.py")
names = of(f"{CORE}/names.py", f"{TESTS}/test_names.py")
resolve = of(f"{CORE}/resolve.py", f"{TESTS}/test_resolve.py")

RULES: tuple[Mutant, ...] = (
    *ending(
        (
            "a pod is deleted again and again",
            "for pod in s.running_pods if s.undeleted(pod)",
            "for pod in s.running_pods",
        ),
        (
            "a pod that the watch has not shown runs on although its attempt must stop",
            "look = look_for_pod(s) if s.pod_unseen else ()",
            "look = ()",
        ),
        (
            "an attempt ends while its pod runs",
            "if not (s.running_pods or s.pod_unseen):",
            "if not s.pod_unseen:",
        ),
        (
            "a pod that the watch has not shown yet outlives the attempt",
            "if not (s.running_pods or s.pod_unseen):",
            "if not s.running_pods:",
        ),
        (
            "a drain waits for lakeFS",
            "return (do.ReleasePod(pod.name, pod.metadata.uid),) if pod and ending and ending.disrupted else ()",
            "return ()",
        ),
        (
            "a pod that tells why the task failed goes before that is known",
            "if pod and ending and ending.disrupted else ()",
            "if pod and ending else ()",
        ),
        ("a lost node holds an attempt forever", "look_again_at=_next_look(s))", "look_again_at=None)"),
        (
            "an attempt that was stopped is called failed although its work is published",
            "    over = s.pod_over or s.stop is not None",
            "    over = s.pod_over",
        ),
        (
            "a stop between two executions asks no evidence",
            "    over = s.pod_over or s.stop is not None",
            "    over = s.pod_over or (s.stop is not None and s.pod is not None)",
        ),
        (
            "a superseded attempt waits for lakeFS",
            "return over and not (s.stop and s.stop.reason is Reason.SUPERSEDED)",
            "return over",
        ),
        (
            "lakeFS is asked while a merge may still begin",
            "actions = delete_staging(s) if wanted else ()",
            "actions = ()",
        ),
        (
            "the staging branch of an attempt that nobody waits for holds its end up",
            "wanted = _may_have_published(s) and evidence.question(s) is not None",
            "wanted = evidence.question(s) is not None",
        ),
        (
            "a stop hides what the pod has left on the branch",
            "evidence.with_strays(s, message)",
            "message",
        ),
        (
            "an outcome is concluded without an answer of lakeFS",
            "question = evidence.question(s) if _may_have_published(s) else None",
            "question = None",
        ),
        (
            "published work is reported as a failure",
            "outcome = evidence.outcome(s) if _may_have_published(s) else None",
            "outcome = None",
        ),
    ),
    *finishing(
        ("a late call is not waited for", "if s.now < until", "if False"),
        (
            "an attempt is deleted before its time to live is over",
            "if s.now >= expires:",
            "if s.now <= expires:",
        ),
        (
            "the result of a task that came back to life is lost",
            "if completed_at(s) is None or until is None or report_is_wanted(s):",
            "if completed_at(s) is None or until is None:",
        ),
        (
            "an attempt is let go while a late call may land",
            "    return Ruling((do.ReadBack(s.conductor, s.outcome.wire()),))",
            "    return None",
        ),
        (
            "the finalizer is taken off before the report arrived",
            "if completed_at(s) and not report_is_wanted(s) else None",
            "if completed_at(s) else None",
        ),
        ("the outcome is never reported", "Ruling((*report(s), *delete_staging(s)", "Ruling((*delete_staging(s)"),
        ("the staging branch outlives the attempt", "*report(s), *delete_staging(s), ", "*report(s), "),
        (
            "a pod goes before its log is read",
            "() if reading or expected else (*ship_log(s), *let_pods_go(s))",
            "(*ship_log(s), *let_pods_go(s))",
        ),
        ("a kept pod stays for ever", "    actions = let_pods_go(s) if completed_at(s) else ()", "    return None"),
    ),
    *log(
        (
            "a log that cannot be had delays the clean-up",
            "trouble is not None and trouble.count >= TRIES[kind]",
            "False",
        ),
        ("a hiccup loses a log", "trouble.count >= TRIES[kind]", "trouble.count >= 1"),
        ("a log is shipped again and again", " or s.pod_name in s.memory.shipped", ""),
        ("the end of a failed task's log is missed", "to_the_end=failed and s.outcome is not None", "to_the_end=False"),
        ("a log that could not be read is not said", '{"error": trouble.message[:1024], ', "{"),
        (
            "the traceback reaches Conductor only by way of the log",
            "text = _with_traceback(log, ",
            "text = log or str(",
        ),
    ),
    *pod(
        ("a pod that the kubelet is pulling for fails", "if pod.first_container_started", "if False"),
        ("an earlier pod's pull error counts", "hindered and hindered.pod == pod.name", "hindered"),
        (
            "one disruption fewer is survived",
            "if s.execution <= s.resolved.disruption_retries:",
            "if s.execution < s.resolved.disruption_retries:",
        ),
        ("a disrupted attempt starts forever", "if s.execution <= s.resolved.disruption_retries:", "if True:"),
        (
            "a new execution has the number of the lost one",
            "next_execution=s.execution + 1, ",
            "next_execution=max(s.execution, 1), ",
        ),
        (
            "a pod that the watch has not shown yet counts as lost",
            "    return Ruling(look_again_at=unseen_until(s)) if s.pod_unseen else None",
            "    return None",
        ),
        (
            "a pod that vanished says nothing",
            'f"pod {s.pod_name} has vanished", disrupted=True)',
            'f"pod {s.pod_name} has vanished")',
        ),
        (
            "an agent without its task stays forever",
            "    return Ruling(delete_pods([pod] if s.undeleted(pod) else []))",
            "    return Ruling()",
        ),
        (
            "an agent whose task ended gets no moment to record the outcome",
            "    if s.now < until:\n        return Ruling(look_again_at=until)\n    return Ruling(delete_pods",
            "    return Ruling(delete_pods",
        ),
        (
            "a pod that somebody holds back on purpose fails",
            "        Patience.GATED: s.config.gated_patience,\n",
            "        Patience.GATED: s.config.start_patience,\n",
        ),
        (
            "a wrong image is waited for forever",
            "return limits.get(hindrance.patience, 0.0)",
            "return limits.get(hindrance.patience, 1e9)",
        ),
        (
            "a hiccup of the registry fails the attempt at once",
            "return limits.get(hindrance.patience, 0.0)",
            "return 0.0",
        ),
        (
            "a pod whose volume never comes is waited for forever",
            "    if s.now < until:\n        return Ruling(notice=notice, look_again_at=until)\n    reason, message",
            "    if True:\n        return Ruling(notice=notice, look_again_at=until)\n    reason, message",
        ),
        (
            "a container that its node cannot create fails the attempt",
            "    if hindrance.disrupted:\n        return _replaced(s, hindrance.message, hindrance.fails_with)\n",
            "",
        ),
        (
            "a silent node is waited for until somebody else deletes the pod",
            "    return Ruling(delete_pods([pod] if s.undeleted(pod) else []), notice)",
            "    return Ruling((), notice)",
        ),
        (
            "nobody looks when the deadline is over",
            "return Ruling(look_again_at=s.deadline_at) if s.pod else None",
            "return Ruling() if s.pod else None",
        ),
    ),
    *declaration(
        (
            "a template may hold Conductor's keys",
            "{resolved.lakefs_secret, resolved.conductor_secret}",
            "{resolved.lakefs_secret}",
        ),
        (
            "the lakeFS keys may be given to the task",
            "frozenset({resolved.lakefs_secret, resolved.conductor_secret})",
            "frozenset({resolved.conductor_secret})",
        ),
    ),
    *starting(
        ("any refusal of a pod is final", "    if trouble.permanent:\n", "    if True:\n"),
        (
            "the next execution starts beside the former pod",
            "    return Ruling(actions) if actions else None",
            "    return None",
        ),
        (
            "a pod on a lost node can still publish",
            "    return Ruling(actions, notice) if actions else None",
            "    return None",
        ),
        (
            "two attempts of one task run at once",
            "    if earlier is None:\n        return None\n    return waiting(",
            "    return None\n    return waiting(",
        ),
        (
            "one attempt more than allowed runs",
            "reached(s.ahead, s.resolved",
            "reached(s.ahead - 1, s.resolved",
        ),
        (
            "an attempt made by hand is deleted unseen",
            "return None if s.held else Ruling((do.HoldAttempt(),)",
            "return None if True else Ruling((do.HoldAttempt(),)",
        ),
        (
            "a pod that is refused for good is tried forever",
            "    if trouble.permanent:\n",
            "    if False:\n",
        ),
        (
            "a pod that is refused by a policy waits forever",
            "patience is None or s.now < (trouble.since or s.now) + timedelta(seconds=patience)",
            "True",
        ),
        (
            "a quota that is too small puts Conductor off for ever",
            "return s.config.wait_patience if s.conductor else None",
            "return None",
        ),
        (
            "a standalone attempt does not wait for room in its quota",
            "return s.config.wait_patience if s.conductor else None",
            "return s.config.wait_patience",
        ),
        (
            "a template that reaches for the keys is used",
            "    return Ruling(outcome=invalid(s, problem)) if problem else None",
            "    return None",
        ),
        (
            "an attempt starts without the PeragoTask that it names",
            "    if ref and s.task is None:",
            "    if ref and s.task is None and missing:",
        ),
    ),
    *common(
        (
            "pods are released and not deleted",
            "return (*delete_pods(pod for pod in s.pods if s.undeleted(pod) and not s.keeps(pod)), *releases)",
            "return tuple(releases)",
        ),
        ("pods keep our finalizer", "not s.keeps(pod)), *releases)", "not s.keeps(pod)),)"),
        (
            "a pod of a former attempt that runs is let go",
            "for pod in s.strangers if pod.metadata.deletion_timestamp and s.unreleased(pod))",
            "for pod in s.strangers if s.unreleased(pod))",
        ),
        (
            "a pod is looked for at once because an earlier one was created long ago",
            "s.memory.created[s.pod_name] +",
            "min(s.memory.created.values()) +",
        ),
        (
            "an attempt made by hand fails because nobody has created its PeragoTask yet",
            "    if s.conductor is None:\n        return Ruling(notice=notice)\n",
            "",
        ),
        (
            "a wait renews Conductor's patience for ever",
            "    if s.now < until:\n        return Ruling(notice=notice",
            "    if True:\n        return Ruling(notice=notice",
        ),
        (
            "the failure policy has no effect",
            "failed(s.resolved.failure_policy, Failure",
            "failed((), Failure",
        ),
        (
            "an invalid task is retried",
            'return failure(s, Reason.INVALID_TASK, message, "FAILED_WITH_TERMINAL_ERROR")',
            "return failure(s, Reason.INVALID_TASK, message)",
        ),
    ),
    *table(
        (
            "a running pod is let go",
            "    pod.pod_runs,  # leave it alone until its deadline\n    # there is no pod yet\n    starting.former_pod_is_held,  # delete and release it\n",
            "    starting.former_pod_is_held,\n    pod.pod_runs,\n",
        ),
        (
            "work published before a stop is reported as failed, by the order",
            "    ending.work_was_published,  # end: COMPLETED, with the output that the commit carries\n    ending.stopped,  # end: FAILED, or terminal where the spec cannot be read, with the reason to stop\n",
            "    ending.stopped,\n    ending.work_was_published,\n",
        ),
        (
            "a stopped attempt fails before lakeFS was asked",
            "    ending.evidence_is_missing,  # ask lakeFS whether the work was published\n    ending.work_was_published,  # end: COMPLETED, with the output that the commit carries\n    ending.stopped,",
            "    ending.stopped,\n    ending.evidence_is_missing,\n    ending.work_was_published,\n    ending.stopped,",
        ),
        (
            "a lost pod is replaced before lakeFS was asked",
            "    ending.staging_may_be_merged,  # delete",
            "    pod.disrupted,\n    ending.staging_may_be_merged,  # delete",
        ),
        (
            "an outcome starts a new pod",
            "    finishing.outcome_is_known,",
            "    starting.former_pod_is_held,\n    finishing.outcome_is_known,",
        ),
    ),
)

SITUATION: tuple[Mutant, ...] = (
    *staging(
        (
            "whatever branch the status names is deleted",
            "if named is None or not _order(attempt).made_staging(named.branch):",
            "if named is None:",
        ),
        ("a branch of any repository is deleted", 'workspace.get("repository") == named.repository', "True"),
        (
            "a branch is left where the input is in Conductor",
            "    if attempt.spec.input is None:\n        return named\n",
            "    if attempt.spec.input is None:\n        return None\n",
        ),
    ),
    *sibling(
        ("an earlier attempt whose branch is left can no longer publish", "settled = not staged and (", "settled = ("),
        (
            "an earlier attempt whose pod runs can no longer publish",
            "(ended or never_started)",
            "True",
        ),
        (
            "an attempt waits for itself",
            "if mine > sibling.rank(mine.created))",
            "if mine >= sibling.rank(mine.created))",
        ),
        (
            "an attempt waits for its later sibling",
            "if mine > sibling.rank(mine.created))",
            "if mine != sibling.rank(mine.created))",
        ),
        (
            "an earlier attempt supersedes a later one",
            "if sibling.retry_count > mine.retry_count)",
            "if sibling.retry_count != mine.retry_count)",
        ),
        (
            "an attempt of an earlier run supersedes one of a restarted workflow",
            " and mine < sibling.rank(mine.created)), None)",
            "), None)",
        ),
        (
            "an attempt of an earlier run that has no pod yet is not waited for",
            "if not sibling.settled or _may_start(sibling, mine)), None)",
            "if not sibling.settled), None)",
        ),
        (
            "an earlier attempt that may publish does not count",
            "if not sibling.settled or",
            "if sibling.settled or",
        ),
        ("an attempt that has ended supersedes another", "if not sibling.ended and mine", "if mine"),
    ),
    *observed(
        ("a finalizer that was just put on does not count", " or self.memory.held", ""),
        ("a released attempt is held", "if self.memory.released is not None:", "if False:"),
    ),
    *executions(
        (
            "a pod that no watch has shown yet is over",
            "return self.pod_was_created and not self.pod_unseen",
            "return self.pod_was_created",
        ),
        ("a pod is deleted until the watch shows it", " and pod.metadata.uid not in self.memory.deleted", ""),
        (
            "a pod whose node is lost runs forever",
            "return not pod.ended and (lost_at is None or self.now < lost_at)",
            "return not pod.ended",
        ),
        (
            "a pod that is being deleted counts as over",
            "return not pod.ended and (lost_at is None or self.now < lost_at)",
            "return not pod.ended and lost_at is None",
        ),
        ("the pod of a former execution counts as the current one", "if pod.name == self.pod_name), None)", "), None)"),
        (
            "a number of executions that was written is forgotten",
            "return max(self.status.executions or 0, *numbers, 0)",
            "return max(*numbers, 0)",
        ),
        ("a pod that only the status knows does not count as created", " or self.status.pod_name == self.pod_name", ""),
        (
            "a pod whose finalizer is off is released again and again",
            "in pod.metadata.finalizers and pod.metadata.uid not in self.memory.released_pods",
            "in pod.metadata.finalizers",
        ),
    ),
    *stopping(
        ("a later attempt is not noticed", "if self.later_sibling and self.status", "if False and self.status"),
        (
            "the deadline of a pod that another process made never comes",
            "return self.memory.created_at or (self.moment(created) if created else None)",
            "return self.memory.created_at",
        ),
        (
            "an accepted attempt is superseded by a later reading",
            ' and not (reporting and reporting.state == "Accepted"):',
            ":",
        ),
        (
            "an attempt with an outcome is superseded by its retry",
            "if self.later_sibling and self.status.outcome_that_counts is None:",
            "if self.later_sibling:",
        ),
        ("cancel has no effect", "if self.attempt.spec.cancel:", "if False:"),
        ("an attempt that cannot be read runs", "if problem := self.attempt.problem:", "if problem := None:"),
        (
            "a pod that finished in time is called late",
            "return ended_at is None or ended_at + timedelta(seconds=1) > self.deadline_at",
            "return True",
        ),
        (
            "time in the queue counts against the deadline",
            "            return self.created + timedelta(seconds=timings.queued)",
            "            return self.created",
        ),
    ),
    *situation(
        (
            "an execution that was given up has the last word",
            "return None if self.recoverable else self.status.outcome_that_counts",
            "return None if self.recoverable else self.status.outcome",
        ),
        ("what Conductor was told may be taken back", " or self.memory.reports:", ":"),
        ("an agent's outcome of another execution is one of this", "outcome.execution != self.execution", "False"),
        ("an agent may give up for ever", "self.execution > self.resolved.disruption_retries or ", ""),
        (
            "an attempt that must stop gets another execution",
            "or self.stop or self.later_sibling",
            "or self.later_sibling",
        ),
        ("an attempt that was retried gets another execution", "self.stop or self.later_sibling:", "self.stop:"),
        (
            "an attempt waits for lakeFS for ever before its outcome counts",
            "return outcome if since is None or self.now < since + timedelta(seconds=self.config.wait_patience) else None",
            "return outcome",
        ),
        (
            "a branch that is gone holds its attempt",
            'or branch.state == "Deleted" or branch.branch in self.memory.staging_deleted:',
            "or branch.branch in self.memory.staging_deleted:",
        ),
        (
            "a staging branch that is only planned is left behind",
            'if branch is None or branch.state == "Deleted" or',
            'if branch is None or branch.state != "Active" or',
        ),
    ),
    *reporting(
        ("doubt has no cap", "min(period, s.config.doubt_cap)", "period"),
        (
            "an earlier heartbeat reopens a report",
            "verdict.after_report and verdict.standing is Standing.OPEN",
            "verdict.standing is Standing.OPEN",
        ),
        ("a task that is rerun gets the first run's result", "in_progress and not s.deleting", "in_progress"),
        ("somebody else's result is ours", "outcome is not None and _is_ours(reading, outcome)", "outcome is not None"),
        ("another's result counts as ours", "    if reading.status != outcome.status:\n        return False\n", ""),
        (
            "another's output counts as ours",
            "return kept_elsewhere or dict(reading.output) == (outcome.full_output() or {})",
            "return True",
        ),
        (
            "a result whose output Conductor keeps elsewhere is called another's",
            "return kept_elsewhere or dict",
            "return dict",
        ),
        (
            "one missed heartbeat loses the task",
            "return task.response_timeout_seconds / 3 or",
            "return task.response_timeout_seconds * 0.9 or",
        ),
        ("no heartbeat goes out while reports fail", "(s.outcome and not _reports_fail(s))", "s.outcome"),
        (
            "a task whose result Conductor does not take is kept from its time-out for ever",
            "return s.trouble(do.Report) is not None and s.now < seen",
            "return s.trouble(do.Report) is not None or s.now < seen",
        ),
        (
            "a missing task is looked for again only with the next heartbeat",
            "    if s.memory.task_missing_since:\n",
            "    if False:\n",
        ),
        (
            "a single answer says that a task is gone",
            'verdict(Standing.MISSING, "Conductor no longer knows the task")',
            'verdict(Standing.SUPERSEDED, "Conductor no longer knows the task")',
        ),
        (
            "a result that a late heartbeat undid is not reported again",
            'return state == "Pending" or reopened',
            'return state == "Pending"',
        ),
        (
            "a superseded attempt reports",
            'if s.outcome is None or s.conductor is None or state == "Superseded":',
            "if s.outcome is None or s.conductor is None:",
        ),
        (
            "nobody reads again after a call of unknown fate",
            "return None if s.memory.verdict and s.memory.verdict.at >= until else until",
            "return None",
        ),
        (
            "a reading that is older than the doubt settles it",
            "s.memory.verdict.at >= until",
            "s.memory.verdict.at >= s.memory.doubt_since",
        ),
        (
            "a task in a workflow that has ended is reported forever",
            "    if reading.open and reading.workflow_ended:",
            "    if False:",
        ),
        (
            "thousands of attempts send their first heartbeat at once",
            "timedelta(seconds=jitter * spread)",
            "timedelta(seconds=0 * jitter * spread)",
        ),
        (
            "a heartbeat goes out for an attempt that is superseded",
            'reporting_state(s) != "Pending" or (s.outcome',
            "(s.outcome",
        ),
    ),
    *evidence(
        (
            "a commit that a lost pod has left on the branch is not named",
            "if not s.astray or workspace is None:",
            "if True:",
        ),
        (
            "the output of a publication is lost",
            'completed = {"workspace": {**workspace, "ref": publication.ref}, **output}',
            'completed = {"workspace": {**workspace, "ref": publication.ref}}',
        ),
        ("the evidence names the input ref", '{**workspace, "ref": publication.ref}', "{**workspace}"),
        (
            "the answer about an earlier execution counts for this one",
            "(evidence and evidence.execution == s.execution)",
            "evidence",
        ),
        (
            "lakeFS is asked about attempts that never staged",
            "if s.status.staging is None or (evidence",
            "if (evidence",
        ),
        (
            "a large output without its text counts as published without output",
            "    output = published_output(publication.metadata) if publication else None",
            "    output = (published_output(publication.metadata) or {}) if publication else None",
        ),
        (
            "a workspace without its branch is asked about",
            '{"repository", "branch", "ref"} <= strings.keys()',
            '{"repository"} <= strings.keys()',
        ),
    ),
    *decide(
        ("a call that failed is repeated at once", "call for call in calls if not _rests(s, type(call))", "calls"),
        (
            "the operator's outcome overwrites the agent's",
            "ends = ruling.outcome is not None or ruling.next_execution is not None",
            "ends = ruling.next_execution is not None",
        ),
        (
            "a new execution overwrites the agent's outcome",
            "ends = ruling.outcome is not None or ruling.next_execution is not None",
            "ends = ruling.outcome is not None",
        ),
        ("nobody looks again after the back-off", "        *_rest_ends(s, calls, actions),\n", ""),
        ("no heartbeat is planned while the pod runs", "        heartbeat_at(s),\n", ""),
        (
            "the same warning is told with every look",
            "and notice and notice.warning and _is_news(s, ruling):",
            "and notice and notice.warning:",
        ),
        ("a deadline passes unseen", "        s.deadline_at if s.outcome is None else None,\n", ""),
    ),
    *status(
        (
            "the phase says succeeded before everything is done",
            '    if not is_complete(s):\n        return "Finishing"\n',
            "",
        ),
        ("the execution number is known only after its pod", '            "executions": ruling.next_execution,\n', ""),
        (
            "the pause before a lost pod is replaced is kept nowhere",
            '            "disruption": disruption(s, ruling.disruption),\n',
            "",
        ),
        (
            "the operator writes its outcome without the commit that it found",
            'return {"outcome": {**given_up, **outcome.to_json(), **message}, **workspace}',
            'return {"outcome": {**given_up, **outcome.to_json(), **message}}',
        ),
        (
            "the outcome of an agent that gave up stays with the next execution",
            "if s.foreign_outcome or (ruling.next_execution and s.status.outcome):",
            "if s.foreign_outcome:",
        ),
        (
            "what an agent wrote when it gave up stays beside the real end",
            "{**given_up, **outcome.to_json(), **message}",
            "{**outcome.to_json(), **message}",
        ),
        ("the status is written although it says so already", "        elif old != value:\n", "        else:\n"),
    ),
    *conditions(
        (
            "complete before the result arrived",
            'settled = s.outcome is not None and reporting_state(s) != "Pending"',
            "settled = s.outcome is not None",
        ),
        ("complete while a pod is held", "return settled and not pods_are_held and", "return settled and"),
        ("complete while a staging branch exists", " and s.staging is None\n", "\n"),
        ("complete before the watch has shown the pod", " and not s.pod_unseen and", " and"),
    ),
    *names(
        ("a Conductor task becomes a second attempt", "uuid.uuid5(uuid.NAMESPACE_OID, task_id)", "uuid.uuid4()"),
        (
            "a task id that is not a name fails forever",
            "and _DNS_LABEL.fullmatch(task_id):",
            "and _DNS_LABEL.match(task_id):",
        ),
        (
            "the pod of another attempt with a similar name is ours",
            "return int(number) if number != pod and number.isdecimal() else None",
            "return int(number) if number.isdecimal() else None",
        ),
    ),
    *resolve(
        ("a limit of zero is taken for none", "if value is not None), None)", "if value), None)"),
        (
            "the task's template wins over the attempt's",
            "templates = (shared.pod_template, spec.pod_template)",
            "templates = (spec.pod_template, shared.pod_template)",
        ),
        (
            "the keys of another team are used",
            "shared.lakefs_secret_ref.name if shared.lakefs_secret_ref else config.pod.lakefs_secret",
            "config.pod.lakefs_secret",
        ),
    ),
)

MUTANTS = (*RULES, *SITUATION)
