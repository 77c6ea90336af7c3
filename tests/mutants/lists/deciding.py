"""What happens to an attempt: the rules, what they read, and what answers teach."""

from tests.mutants.mutant import Mutant, of

CORE = "operator/perago_operator/core"
TESTS = "perago_operator/core"

ending = of(f"{CORE}/rules/ending.py", f"{TESTS}/test_rules.py")
pod = of(f"{CORE}/rules/pod.py", f"{TESTS}/test_rules.py")
starting = of(f"{CORE}/rules/starting.py", f"{TESTS}/test_rules.py")
finishing = of(f"{CORE}/rules/finishing.py", f"{TESTS}/test_rules.py")
order = of(f"{CORE}/rules/__init__.py", f"{TESTS}/test_rule_order.py")
situation = of(f"{CORE}/situation.py", f"{TESTS}/test_situation.py", f"{TESTS}/test_rules.py")
reporting = of(f"{CORE}/reporting.py", f"{TESTS}/test_reporting.py", f"{TESTS}/test_decide.py")
evidence = of(f"{CORE}/evidence.py", f"{TESTS}/test_evidence.py")
learn = of(f"{CORE}/learn.py", f"{TESTS}/test_learn.py")
decide = of(f"{CORE}/decide.py", f"{TESTS}/test_decide.py")
diagnosis = of(f"{CORE}/pod/diagnosis.py", f"{TESTS}/pod/test_diagnosis.py")
template = of(f"{CORE}/pod/template.py", f"{TESTS}/pod/test_template.py")

MUTANTS: tuple[Mutant, ...] = (
    *ending(
        ("a stop between two executions asks no evidence", "s.pod_over or s.stop is not None", "s.pod_over"),
        (
            "an attempt is stopped before lakeFS is asked",
            "evidence.question(s) if _may_have_published(s)",
            "evidence.question(s) if s.stop is None",
        ),
        (
            "work published before a stop is reported as failed",
            "evidence.outcome(s) if _may_have_published(s)",
            "evidence.outcome(s) if s.stop is None",
        ),
        ("an outcome is written beside an unseen pod", "(s.running_pods or s.pod_unseen)", "s.running_pods"),
        ("an unseen pod is deleted again and again", " and s.pod_name not in s.memory.deleted", ""),
        (
            "a pod is deleted again and again",
            "for pod in s.running_pods if s.undeleted(pod)",
            "for pod in s.running_pods",
        ),
        ("a superseded attempt reports", " and not (s.stop and s.stop.reason is Reason.SUPERSEDED)", ""),
    ),
    *pod(
        ("one disruption retry less", "s.execution <= s.resolved", "s.execution < s.resolved"),
        ("a pod is created twice", "Ruling() if s.pod_unseen else None", "None"),
        ("a log that cannot be read is asked for forever", " or s.trouble(do.ReadLog)", ""),
        ("a gated pod fails", "if hindrance.patience is Patience.GATED", "if False"),
        ("an earlier pod's pull error counts", "hindered and hindered.pod == pod.name", "hindered"),
        ("a pod that the kubelet is pulling for fails", "if pod.first_container_started", "if False"),
        (
            "a half-ended pod is deleted at once",
            "if s.now < until:\n        return Ruling(look_again_at=until)",
            "if False:\n        return None",
        ),
    ),
    *starting(
        ("an earlier attempt is not waited for", "if earlier is None", "if True"),
        ("one attempt too many runs", "s.ahead < limit", "s.ahead <= limit"),
        ("an attempt made by hand is not held", "None if s.held else", "None if True else"),
        (
            "a template may hold Conductor's keys",
            "{s.resolved.lakefs_secret, s.resolved.conductor_secret}",
            "{s.resolved.lakefs_secret}",
        ),
        ("any refusal of a pod is final", "if trouble and trouble.permanent", "if trouble"),
    ),
    *finishing(
        ("an attempt is deleted before its time", "s.now >= expires", "True"),
        ("a late call is not waited for", "if s.now < until", "if False"),
        ("a reopened task is let go", "if completed_at(s) and not report_is_wanted(s)", "if completed_at(s)"),
        ("a log is shipped forever", " or s.trouble(do.ShipLog)", ""),
    ),
    *order(
        (
            "work published before a stop is reported as failed, by the order",
            "    ending.work_was_published,  # end: COMPLETED, with the output that the commit carries\n"
            "    ending.stopped,  # end: FAILED, with the reason to stop\n",
            "    ending.stopped,\n    ending.work_was_published,\n",
        ),
        (
            "a running pod is let go",
            "    pod.pod_runs,  # leave it alone until its deadline\n    # there is no pod yet\n"
            "    starting.former_pod_is_held,  # delete and release it\n",
            "    starting.former_pod_is_held,\n    pod.pod_runs,\n",
        ),
    ),
    *situation(
        (
            "an attempt waits for itself",
            "sibling.retry_count < self._retry_count",
            "sibling.retry_count <= self._retry_count",
        ),
        ("a pod on a lost node runs forever", "(lost_at is None or self.now < lost_at)", "True"),
        ("a deleted branch is deleted again", ' or branch.state == "Deleted"', ""),
        ("a released attempt is held", "return held and not self.memory.released", "return held"),
        ("an accepted attempt is superseded", ' and not (reporting and reporting.state == "Accepted")', ""),
        ("a later attempt is not noticed", "if self.later_sibling and self.outcome is None", "if False"),
        ("time in the queue counts", "self.created + timedelta(seconds=timings.queued)", "self.created"),
        (
            "a pod that ended in time is out of time",
            "ended_at is None or ended_at + timedelta(seconds=1) > self.deadline_at",
            "True",
        ),
    ),
    *reporting(
        (
            "a heartbeat every third of the third",
            "task.response_timeout_seconds / 3 or",
            "task.response_timeout_seconds / 9 or",
        ),
        ("no heartbeat while reports fail", "(s.outcome and not s.trouble(do.Report))", "s.outcome"),
        ("somebody else's result is ours", "outcome is not None and _is_ours(reading, outcome)", "outcome is not None"),
        ("an earlier heartbeat reopens a report", "verdict.after_report and verdict.still_open", "verdict.still_open"),
        ("doubt has no cap", "min(period, s.config.doubt_cap)", "period"),
        ("an answer before the doubt's end ends it", "s.memory.verdict.at >= until", "True"),
    ),
    *evidence(
        ("an earlier execution's answer counts", "(evidence and evidence.execution == s.execution)", "evidence"),
        ("an attempt that staged nothing is asked for", "s.status.staging is None or ", ""),
        ("a publication without output completes", " or metadata_keys.OUTPUT not in publication.metadata", ""),
    ),
    *learn(
        ("a call of unknown fate is not doubted", "if failure.fate_unknown and updates_conductor", "if False"),
        ("a reading is doubted", "isinstance(action, do.Report | do.Heartbeat)", "True"),
        ("a conflict rests until the back-off is over", "CONFLICT_REST if failure.conflict else", ""),
        (
            "a report without effect is repeated at once",
            "case do.Report(), Verdict(still_open=True)",
            "case do.Report(), Verdict(still_open=2)",
        ),
        ("an adopted attempt is not doubted", "doubt_since=now if under_way else None", "doubt_since=None"),
        ("a pull retry resets the patience", "if hindered and hindered.pod == pod.name", "if False"),
    ),
    *decide(
        (
            "an outcome is written over the agent's",
            "ruling.outcome is not None or ruling.next_execution is not None",
            "False",
        ),
        ("a failed call is repeated at once", "if not _rests(s, type(call))", ""),
        ("a warning is an event for each look", " and _is_news(s, ruling)", ""),
    ),
    *diagnosis(
        (
            "an OOM-killed agent is the task's fault",
            "    _agent_killed,\n    _task_failed,\n",
            "    _task_failed,\n    _agent_killed,\n",
        ),
        ("a task that lost its agent failed", " or _lost_its_agent(pod, ended)", ""),
        ("a deleted pod's killed agent died", " or _by_deletion(pod, agent)", ""),
        ("a full volume is a disruption", "    _volume_full,\n", ""),
    ),
    *template(
        ("a template may share the process namespace", '    "shareProcessNamespace",\n', ""),
        ("a template may replace the pod", "if DIRECTIVE in spec", "if False"),
        (
            "a template may replace the task's container",
            "if name == TASK_CONTAINER and DIRECTIVE in container",
            "if False",
        ),
        ("a template may give the agent a command", "set(container) - AGENT_FIELDS", "False"),
        ("a template may mount the keys", 'mount.get("name") in AGENT_VOLUMES', "False"),
        ("a template may project a token", 'any("serviceAccountToken" in source for source in projected)', "False"),
        ("a template may read a key's Secret", "if _names(entry) & secrets", "if False"),
    ),
)
