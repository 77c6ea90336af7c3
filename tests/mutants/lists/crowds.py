"""Room for pods: a burst that floods the nodes, and an attempt that waits although there is room."""

from tests.mutants.mutant import Mutant, of

OPERATOR = "operator/perago_operator"
TESTS = "perago_operator"

limits = of(f"{OPERATOR}/core/room.py", f"{TESTS}/core/test_room.py")
crowds = of(f"{OPERATOR}/watch/crowds.py", f"{TESTS}/watch/test_crowds.py")
loop = of(f"{OPERATOR}/reconcile/loop.py", f"{TESTS}/reconcile/test_loop.py")
poller = of(f"{OPERATOR}/bridge/poller.py", f"{TESTS}/bridge/test_poller.py")
pauses = of(f"{OPERATOR}/core/pauses.py", f"{TESTS}/core/test_rules.py", f"{TESTS}/reconcile/test_loop.py")

MUTANTS: tuple[Mutant, ...] = (
    *limits(
        (
            "one pod more than the limit is created",
            "if limit and count >= limit * times",
            "if limit and count > limit * times",
        ),
        ("no pod is created before one runs", "nodes = max(crowd.used_nodes, 1)", "nodes = crowd.used_nodes"),
        (
            "nodes that come make no room",
            "(Scope.NODES, limits.per_node, crowd.nodes, nodes)",
            "(Scope.NODES, limits.per_node, crowd.nodes, 1)",
        ),
    ),
    *crowds(
        ("the first attempt is in its own way", "self._counts[place] - own + ", "self._counts[place] + "),
        (
            "a younger attempt overtakes those that wait",
            " + bisect_left(self._queues.get(place, []), (age(attempt), key))",
            "",
        ),
        (
            "the second of two free places stays empty",
            "return self._first_of(self._leave(key))",
            "self._leave(key)\n        return []",
        ),
        ("room that is taken counts only once it is seen", "        self._reserved.add(key)\n", ""),
        (
            "room that was not used is lost",
            "        self._reserved.discard(key)\n        freed = self._count(key, self._entry(attempt))\n        place",
            "        freed = self._count(key, self._entry(attempt))\n        place",
        ),
        ("another node wakes nobody", "if len(self._nodes) > nodes:", "if False:"),
    ),
    *loop(
        (
            "attempts start beyond all limits",
            "            self._stores.attempts.take_room(s.attempt)\n",
            "            pass\n",
        ),
        (
            "an attempt that waits is never woken",
            "self._stores.attempts.stay_out(s.attempt, decision.waits_for)",
            "self._stores.attempts.stay_out(s.attempt, None)",
        ),
    ),
    *poller(
        ("tasks are polled that have to wait here", "self._attempts.crowds.is_crowded(namespace):", "False:"),
        (
            "a namespace takes more tasks than it may have",
            "min(room, self._room_beside(coming)) if room > 0 else 0",
            "room if self._room_beside(coming) > 0 and room > 0 else 0",
        ),
    ),
    *pauses(
        (
            "a lost pod is replaced at once",
            "return s.moment(disruption.since) + pause_after(s, disruption.execution)",
            "return None",
        ),
        ("what a pod lost earlier delays the next", "disruption.execution != s.execution - 1", "False"),
    ),
)
