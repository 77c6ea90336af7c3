"""Turns: two attempts that publish at the same time, and one that waits for ever."""

from tests.mutants.mutant import Mutant, of

OPERATOR = "operator/perago_operator"
TESTS = "perago_operator"
LIVES = f"{TESTS}/reconcile/test_turns.py"

status = of(f"{OPERATOR}/core/turns.py", f"{TESTS}/core/test_turns.py", f"{TESTS}/watch/test_turnqueues.py")
rules = of(f"{OPERATOR}/core/rules/turns.py", f"{TESTS}/core/test_turns.py")
learn = of(f"{OPERATOR}/core/learn.py", f"{TESTS}/core/test_turns.py")
queues = of(f"{OPERATOR}/watch/turnqueues.py", f"{TESTS}/watch/test_turnqueues.py")
apply = of(f"{OPERATOR}/reconcile/apply.py", LIVES)
loop = of(f"{OPERATOR}/reconcile/loop.py", LIVES)
agent = of("runner/perago/agent/turn.py", "perago/agent/test_turn.py")
publisher = of("runner/perago/agent/publisher.py", "perago/agent/test_publisher.py")
target = of("runner/perago/agent/target.py", "perago/agent/test_publisher.py")

MUTANTS: tuple[Mutant, ...] = (
    *status(
        (
            "another execution's request ends the turn of one that may live on",
            "granted.execution == requested.execution and granted < requested",
            "granted < requested",
        ),
        (
            "a turn that was asked for anew is held for ever",
            "granted.execution == requested.execution and granted < requested",
            "False",
        ),
        ("a late patch gives a newer turn back", "granted > ticket(turn.returned)", "turn.returned is None"),
        (
            "a revoked request is granted again",
            "max(ticket(turn.returned), ticket(turn.revoked))",
            "ticket(turn.returned)",
        ),
        ("a canceled attempt is granted a turn", "or attempt.spec.cancel is True", ""),
        (
            "a former execution's request is granted",
            " and requested.execution >= (status.executions or 0)",
            "",
        ),
        ("older requests overtake who holds the turn", "        not holding,\n", "        False,\n"),
        ("requests are served by name", "        since,\n", ""),
    ),
    *rules(
        (
            "a turn is free as soon as it is revoked",
            "until is not None and until <= s.clock else None\n\n\ndef turn_is_revoked",
            "until is not None else None\n\n\ndef turn_is_revoked",
        ),
        (
            "a turn is free before its last merge has been answered",
            "_held_since(s) + held.seconds + s.config.turn_margin",
            "_held_since(s) + s.config.turn_margin",
        ),
        (
            "a turn is measured by today's setting, not by what the agent was told",
            "_held_since(s) + held.seconds + s.config.turn_patience",
            "_held_since(s) + s.config.pod.turn_seconds + s.config.turn_patience",
        ),
        (
            "any pod that has ended frees the turn",
            "pod.name == name and pod.state",
            "pod.state",
        ),
        (
            "a pod that is failed frees the turn",
            "pod.state(names.AGENT_CONTAINER).terminated",
            "pod.ended",
        ),
        (
            "a lost execution keeps its turn until it is overdue",
            "turns.holds(s.attempt) and turns.is_over(s.status)",
            "False",
        ),
        ("who comes later is granted a turn", "Ruling() if s.turn_behind is not None else None", "None"),
        ("an attempt that ends is granted a turn", "s.stop is not None or s.pod_over", "False"),
    ),
    *learn(
        (
            "a revocation counts from the grant",
            "TurnSeen(held.id, turns.is_revoked(s.attempt), s.clock)",
            "TurnSeen(held.id, False, s.clock)",
        ),
        ("a turn is measured from each look", "return seen if seen and seen[:2] == now[:2] else now", "return now"),
    ),
    *queues(
        (
            "a grant on its way is overtaken",
            "holding=turns.holds(attempt) or self._is_reserved(attempt)",
            "holding=turns.holds(attempt)",
        ),
        (
            "a turn is reserved although another comes first",
            "        if self.before(attempt) is not None:\n            return False\n",
            "",
        ),
        (
            "a reservation outlives its request",
            "return turns.asks(attempt) and reserved == turns.ticket(turns.turn_of(attempt).requested)",
            "return reserved is not None",
        ),
        (
            "nobody hears that a turn is free",
            "followers = {self._after(before, key)}",
            "followers: set[Key | None] = set()",
        ),
        ("nobody hears who has come before", "followers.add(self._after(after, key))", "pass"),
        (
            "all hear of everything",
            "        if before == after:\n            return set()\n",
            "",
        ),
    ),
    *apply(
        (
            "a grant lands after the request has changed",
            "attempt, self._clock.time_of_day())}, guarded=True)",
            "attempt, self._now())}, guarded=False)",
        ),
    ),
    *loop(
        (
            "a turn is granted without being reserved",
            "isinstance(action, do.GrantTurn) and not self._stores.attempts.reserve_turn(s.attempt)",
            "False",
        ),
    ),
    *agent(
        (
            "a grant counts although it is revoked",
            "turn.revoked is not None and turn.revoked.id >= ticket",
            "False",
        ),
        (
            "an older grant counts",
            "turn.granted is not None and turn.granted.id == ticket",
            "turn.granted is not None",
        ),
        (
            "a turn counts from the answer",
            "self._order.turn_seconds - (seconds() - sent)",
            "self._order.turn_seconds",
        ),
        ("a lost request is never made anew", "return Answer.LOST", "return Answer.NONE"),
        (
            "whoever gives up keeps its place",
            "            await self.give_back()\n            raise\n",
            "            raise\n",
        ),
        ("the next turn has the ticket of the one before", "self._number += 1", "self._number = 1"),
        (
            "a revoked turn is asked for at the head of the queue",
            "            if answer is Answer.REVOKED:\n                place = self._clocks.now()\n",
            "",
        ),
        ("a stopped attempt waits for its turn", "if attempt.deleted or attempt.canceled:", "if False:"),
        ("a watch that hangs is waited for", "asyncio.timeout(min(seconds, WATCH_SECONDS))", "asyncio.timeout(None)"),
        (
            "watches that end at once are opened without a pause",
            "again and self._clock() - began < self._pause",
            "False",
        ),
    ),
    *publisher(
        (
            "a publication goes on after its turn",
            "asyncio.timeout(seconds) as limit",
            "asyncio.timeout(None) as limit",
        ),
        (
            "a turn is not given back",
            "            await self._turn.give_back()\n",
            "            pass\n",
        ),
    ),
    *target(
        (
            "a reset that was given up with its turn is forgotten",
            "            self.reset_unanswered = True  # and the turn is over: nothing may be moved any more\n",
            "",
        ),
    ),
)
