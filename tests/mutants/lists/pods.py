"""What a pod is made of, what a template may change in it, and what its end means."""

from tests.mutants.mutant import Mutant, of

POD = "operator/perago_operator/core/pod"
TESTS = "perago_operator/core/pod"

hindrance = of(
    f"{POD}/hindrance.py",
    f"{TESTS}/test_diagnosis.py",
    f"{TESTS}/test_pod_statuses.py",
    "perago_operator/core/test_rules.py",
)
start_errors = of(f"{POD}/start_errors.py", f"{TESTS}/test_pod_statuses.py")
diagnosis = of(f"{POD}/diagnosis.py", f"{TESTS}/test_diagnosis.py", f"{TESTS}/test_pod_statuses.py")
model = of(f"{POD}/model.py", f"{TESTS}/test_model.py", f"{TESTS}/test_diagnosis.py", f"{TESTS}/test_pod_statuses.py")
manifest = of(f"{POD}/manifest.py", f"{TESTS}/test_manifest.py")
volumes = of(f"{POD}/volumes.py", f"{TESTS}/test_manifest.py")
accounts = of(f"{POD}/accounts.py", f"{TESTS}/test_manifest.py")
memory = of(f"{POD}/memory.py", f"{TESTS}/test_manifest.py")
quantity = of(f"{POD}/quantity.py", f"{TESTS}/test_manifest.py")
template = of(f"{POD}/template.py", f"{TESTS}/test_template.py")
podfields = of("operator/perago_operator/api/podfields.py", "perago_operator/api/test_podfields.py")
allowed = of(f"{POD}/allowed.py", f"{TESTS}/test_allowed.py")
limits = of(f"{POD}/limits.py", f"{TESTS}/test_limits.py")

MUTANTS: tuple[Mutant, ...] = (
    *diagnosis(
        ("a deleted pod's killed agent died", " or _by_deletion(pod, agent)", ""),
        ("a task that lost its agent failed", " or _lost_its_agent(pod, ended)", ""),
        (
            "an agent that was killed is the task's failure",
            "    _agent_killed,\n    _task_failed,",
            "    _task_failed,",
        ),
        (
            "a pod that somebody deleted is the task's failure",
            "    _task_hung_up,\n    _deleted,\n",
            "    _task_hung_up,\n",
        ),
        ("an evicted pod is the task's failure", "    _disruption_target,\n    _turned_away,", "    _turned_away,"),
        (
            "a pod that its node turned away is the task's failure",
            "    _turned_away,\n    _cannot_start,",
            "    _cannot_start,",
        ),
        (
            "a task that its kernel killed looks like one that exited",
            "    _out_of_memory,\n    _disruption_target",
            "    _disruption_target",
        ),
        (
            "an overfilled volume starts another pod",
            "    _volume_full,\n    _out_of_pod_deadline",
            "    _out_of_pod_deadline",
        ),
        (
            "a task that lost its agent is blamed for it",
            "return GAVE_UP_EXIT in (agent.exit_code, task.exit_code)",
            "return False",
        ),
        (
            "a task that exits with 75 on its own is excused once its pod is deleted",
            "if agent is None or agent.exit_code in (0, NO_RESULT_EXIT):\n        return False",
            "if agent is None or agent.exit_code == 0:\n        return False",
        ),
        (
            "a body that ends its process well is run again",
            "if agent is None or agent.exit_code in (0, NO_RESULT_EXIT):\n        return None",
            "if agent is None or agent.exit_code == 0:\n        return None",
        ),
        (
            "a killed agent is excused by a deletion long after",
            "return ended.finished_at > over if was_reset else ended.finished_at >= over",
            "return True",
        ),
        (
            "an exit code of a deleted task counts as its failure",
            "DELETED_EXITS = frozenset({KILLED_EXIT, 143})",
            "DELETED_EXITS = frozenset({KILLED_EXIT})",
        ),
        (
            "a command that does not exist is tried again",
            'return Ending(Reason.INVALID_TASK, message, "FAILED_WITH_TERMINAL_ERROR")',
            "return Ending(Reason.INVALID_TASK, message)",
        ),
        (
            "a start error of the node is the task's fault",
            "    if blame(why) is not Blame.DECLARED:\n        return _disrupted(",
            "    if False:\n        return _disrupted(",
        ),
        ("a program of another architecture is tried again", "    _never_ran,\n", ""),
        ("a restart of the node is not told", "    _processes_lost,\n", ""),
        ("a failed init container is silent", "    _init_container_failed,\n", ""),
        ("a pod's own deadline is the task's exit", "    _out_of_pod_deadline,\n", ""),
        ("a pod of a silent node was deleted by somebody", "    _on_silent_node,\n", ""),
        ("a task that leaves its agent is run again", "    _task_hung_up,\n", ""),
        ("an eviction is concluded from an exit code", 'pod.status.phase == "Running"', "False"),
        (
            "an unknown reason is not admitted",
            'return _disrupted("", f"{words} (',
            'return _disrupted("", f"{words}") or ("',
        ),
    ),
    *hindrance(
        (
            "a missing Secret fails the attempt at once",
            "return _Kind(Reason.CONTAINER_CONFIG, Patience.RETRIED, Reason.INVALID_TASK)",
            "return _Kind(Reason.CONTAINER_CONFIG, Patience.NONE, Reason.INVALID_TASK)",
        ),
        (
            "an image name that can never be pulled is waited for",
            "return _Kind(Reason.IMAGE_PULL, Patience.NONE, Reason.INVALID_TASK)",
            "return _Kind(Reason.IMAGE_PULL, Patience.RETRIED, Reason.INVALID_TASK)",
        ),
        ("the agent's image is the fault of the task", "    if ours:\n        return", "    if False:\n        return"),
        ("a scheduling gate counts as no room", 'condition.reason == "SchedulingGated"', "False"),
        (
            "a registry in trouble makes the task invalid",
            "Reason.INVALID_TASK if refused else Reason.IMAGE_PULL",
            "Reason.INVALID_TASK",
        ),
        (
            "an image that is not there is the registry's trouble",
            "Reason.INVALID_TASK if refused else Reason.IMAGE_PULL",
            "Reason.IMAGE_PULL",
        ),
        (
            "a node that cannot create a container makes the task invalid",
            "blame(waiting.message) is Blame.DECLARED",
            "True",
        ),
        (
            "an init container's trouble is not seen",
            "for status in pod.status.init_container_statuses)",
            "for status in ())",
        ),
        ("a sidecar that crashes beside the task holds the attempt up", " or pod.some_of_ours_started", ""),
    ),
    *start_errors(
        (
            "an unknown start error is the task's",
            "Blame.NODE if _NODE.search(message) else Blame.UNKNOWN",
            "Blame.NODE if _NODE.search(message) else Blame.DECLARED",
        ),
        ("an unknown start error is not admitted", "if blame(message) is not Blame.UNKNOWN:", "if True:"),
        ("a missing command is the node's", "    if _DECLARED.search(message):\n        return Blame.DECLARED\n", ""),
    ),
    *model(
        (
            "one container's end is the pod's",
            "        return all(state.terminated for state in self._states)",
            "        return any(state.terminated for state in self._states)",
        ),
        (
            "a helper that never ends keeps the attempt",
            "return self.state(AGENT_CONTAINER), self.state(TASK_CONTAINER)",
            "return tuple(status.state for status in self.status.container_statuses)",
        ),
        (
            "a kept pod may hold a container that is not in the status yet",
            "all_reported = 0 < len(self.status.container_statuses) == len(self.spec.containers)",
            "all_reported = 0 < len(self.status.container_statuses)",
        ),
        (
            "a pod that is being deleted is over at once",
            "(self.metadata.deletion_grace_period_seconds == 0 and not runs)",
            "not runs",
        ),
        ("a pod that is deleted by force is over at once", "_seconds == 0 and not runs)", "_seconds == 0)"),
        (
            "a pod of an earlier object of the same name is ours",
            "any(owner.uid == uid for owner in self.metadata.owner_references)",
            "bool(self.metadata.owner_references)",
        ),
        (
            "a pod has started with its first container",
            "return all(state.has_started for state in self._states)",
            "return any(state.has_started for state in self._states)",
        ),
    ),
    *manifest(
        (
            "the task gets the agent's mounts",
            '"volumeMounts": [*shared_mounts("task-tmp"), *task_mounts()],',
            '"volumeMounts": [*shared_mounts("task-tmp"), *task_mounts(), read_only("lakefs-keys", LAKEFS_KEYS_MOUNT)],',
        ),
        (
            "the task gets the cluster's token",
            '"automountServiceAccountToken": False',
            '"automountServiceAccountToken": True',
        ),
        ("agent and task share temporary files", 'shared_mounts("task-tmp")', 'shared_mounts("agent-tmp")'),
        ("agent and task are different groups", '"runAsGroup": GROUP', '"runAsGroup": GROUP + 1'),
        ("a pod keeps the node's users against the settings", "    if not config.pod.host_users:", "    if False:"),
        ("a process may gain privileges", '"allowPrivilegeEscalation": False', '"allowPrivilegeEscalation": True'),
        ("containers keep capabilities", '"capabilities": {"drop": ["ALL"]}', '"capabilities": {"drop": []}'),
        ("the root file system can be written", '"readOnlyRootFilesystem": True', '"readOnlyRootFilesystem": False'),
        ("a pod starts its containers again", '"restartPolicy": "Never"', '"restartPolicy": "OnFailure"'),
        ("a pod vanishes before its outcome is recorded", '"finalizers": [names.POD_FINALIZER]', '"finalizers": []'),
        ("a template takes the pod's identity", '    return {**pod, "metadata": merged(kept, ours)}', "    return pod"),
        (
            "the input is an environment variable and too large for it",
            'input_from="Conductor" if attempt.spec.input_from else "Spec"',
            'input_from="Spec"',
        ),
        (
            "the agent serves another execution",
            "        execution=execution,\n        created",
            "        execution=1,\n        created",
        ),
        (
            "services of the namespace are shown to the task",
            '"enableServiceLinks": False',
            '"enableServiceLinks": True',
        ),
        ("system calls are not filtered", '            "seccompProfile": {"type": "RuntimeDefault"},\n', ""),
    ),
    *volumes(
        (
            "keys can be read by everybody in the pod",
            '"defaultMode": 0o440, "optional": True}',
            '"defaultMode": 0o444, "optional": True}',
        ),
        ("the volume has no limit", 'return {"emptyDir": {"sizeLimit": size}}', 'return {"emptyDir": {}}'),
    ),
    *memory(
        (
            "a volume in memory is more than the agent may hold",
            "number_of_bytes(memory) + size",
            "number_of_bytes(memory)",
        ),
        (
            "a volume on disk counts as memory",
            'if resolved.volume.medium != "Memory" or resolved.volume.storage_class_name:',
            "if False:",
        ),
    ),
    *accounts(
        (
            "the uid of the task has no entry",
            'f"{USER_NAME}:x:{USER}:{GROUP}:Perago',
            'f"{USER_NAME}:x:1:{GROUP}:Perago',
        ),
    ),
    *quantity(
        ("a volume of 1Gi counts as 1G", '{unit}i": Decimal(1024)', '{unit}i": Decimal(1000)'),
    ),
    *podfields(
        (
            "a template joins the two process namespaces",
            'PodField("shareProcessNamespace", "boolean", OURS, _APART)',
            'PodField("shareProcessNamespace", "boolean", TASK, _APART)',
        ),
        (
            "a template takes the pod out of its user namespace",
            'PodField("hostUsers", "boolean", OURS,',
            'PodField("hostUsers", "boolean", TASK,',
        ),
        (
            "a template gives the pod another identity",
            'PodField("serviceAccountName", "string", OURS, _IDENTITY)',
            'PodField("serviceAccountName", "string", TASK, _IDENTITY)',
        ),
        (
            "a template gets a token mounted",
            'PodField("automountServiceAccountToken", "boolean", OURS, _IDENTITY)',
            'PodField("automountServiceAccountToken", "boolean", TASK, _IDENTITY)',
        ),
    ),
    *allowed(
        ("a merge directive takes away what is ours", 'if key.startswith("$")', "if False"),
        ("a null takes away what is ours", "            if value is None:", "            if False:"),
        (
            "nesting without end is read",
            'levels. Make it flatter." if level else None',
            'levels. Make it flatter." if False else None',
        ),
        ("a misspelt field is ignored", "for name in value if name not in fields", "for name in value if False"),
        ("a list may be an object", "elif not _is_of_kind(value[field.name], field):", "elif False:"),
        ("a template takes our labels", "if key.startswith(KEY_PREFIX) or any", "if any"),
        ("an annotation confines a container otherwise", " or any(part in key for part in CONFINING)", ""),
        ("a template changes the agent", "and whose is Whose.TASK and set(container) - AGENT_FIELDS", "and False"),
        ("an attempt adds a container", "elif name != TASK_CONTAINER and whose is Whose.ATTEMPT:", "elif False:"),
        (
            "an attempt's pod is selected by somebody's Service",
            "if not any(key == pattern or",
            "if False and any(key == pattern or",
        ),
        ("an attempt outlives its deadline for an hour", "not 0 <= grace <= LONGEST_GRACE", "not 0 <= grace"),
        (
            "an attempt chooses any runtime class",
            "runtime is not None and runtime not in limits.runtime_classes",
            "False",
        ),
        ("an attempt reads a Secret into a variable", '("env", ENV_FIELDS), ("ports"', '("ports"'),
        ("an attempt takes a port of the node", '("env", ENV_FIELDS), ("ports", PORT_FIELDS)', '("env", ENV_FIELDS),'),
        ("a variable chooses the code", 'if container.get("env") and not limits.own_code:', "if False:"),
        ("a template's resources have no ceiling", "    yield from above_ceiling(", "    list() and above_ceiling("),
        ("a merge changes what is ours of the pod", "and spec.get(field.name) != own.get(field.name)", "and False"),
        ("a merge changes our volumes", '    yield from _missing("volume"', '    list() and _missing("volume"'),
        (
            "a merge changes the mounts of the task",
            '    yield from _missing("mount"',
            '    list() and _missing("mount"',
        ),
        ("a merge changes the agent", "{*agent, *own_agent} - AGENT_FIELDS", "()"),
        ("a merge lifts the task's confinement", "_differing(task, own_task, decided)", "()"),
    ),
    *limits(
        ("an attempt asks for any memory", "    if amount(quantity) > amount(most):", "    if False:"),
        ("an attempt has code of its own", "if spec.task and not limits.own_code else ()", "if False else ()"),
        ("an attempt without a limit has none", "{**said, **added}", "said"),
        (
            "a ceiling is what a task requests",
            '**dict.fromkeys(ceiling, "0"), ',
            "",
        ),
        ("a ceiling gives every task a GPU", "limits.ceiling.items() if name in SHARED}", "limits.ceiling.items()}"),
        ("a request is above its limit", "        return request\n", "        return most\n"),
    ),
    *template(
        ("a template mounts the agent's keys", '        if mount.get("name") in AGENT_VOLUMES:', "        if False:"),
        ("a template reads the keys into the environment", "        if _names(entry) & secrets:", "        if False:"),
        ("a template replaces the agent's volume", '    if volume.get("name") in AGENT_VOLUMES:', "    if False:"),
        (
            "a template projects a token",
            '    if any("serviceAccountToken" in source for source in projected):',
            "    if False:",
        ),
        ("a template mounts the Secret with the keys", "    if _names(volume) & secrets:", "    if False:"),
        (
            "an init container reads the keys",
            'objects_of(spec.get("containers")) + objects_of(spec.get("initContainers"))',
            'objects_of(spec.get("containers"))',
        ),
        (
            "a Secret of a projected volume is not seen",
            "    if isinstance(value, list):\n        return set().union(*(_names(element) for element in value))\n",
            "",
        ),
    ),
)
