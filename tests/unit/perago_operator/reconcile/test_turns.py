"""Turns over a small world: what they cost, who gets the next one, and random lives in which no two ever overlap."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from loguru import logger

from perago.agent.turn import Answer, answer_to
from perago.wire import TicketId, TurnStatus
from perago_operator.api.shared import Key
from perago_operator.core.config import Config
from perago_operator.ports import Manifest
from tests import builders as b
from tests.examples import examples
from tests.faults.kinds import Late, cut_before, lost
from tests.unit.perago_operator.world import World

LASTS = 100.0
"""Seconds that a turn lasts here."""
CONFIG = Config(
    disruption_backoff=0,
    turn_patience=60,
    turn_margin=10,
    retried_patience=1e6,
    start_patience=1e6,
    unschedulable_patience=1e6,
)
RUNNING = b.running_pod()
ENDED = b.ended_pod()


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """Thousands of looks, and no log of any."""
    logger.disable("perago_operator")
    yield
    logger.enable("perago_operator")


@dataclass
class Agent:
    """The agent of one execution: what it has asked for, and until when it believes that it may publish."""

    name: str
    execution: int
    number: int = 0
    wants: bool = False
    until: float | None = None
    alive: bool = True
    sent: list[dict[str, Any]] = field(default_factory=list)

    @property
    def ticket(self) -> TicketId:
        """What it asked for last."""
        return TicketId(self.execution, self.number)


class Town:
    """A world with some attempts by hand that publish to the same branch, and the agents of their pods."""

    def __init__(self) -> None:
        self.world = World(CONFIG)
        self.agents: dict[tuple[str, int], Agent] = {}
        self.lost: set[str] = set()
        """Pods whose node is gone as far as the cluster knows; their agents live on."""
        self.faults: list[str] = []

    async def settle(self) -> None:
        """Until nothing happens; pods that were created run, and nobody publishes beside another."""
        for _ in range(3):
            await self.world.settle()
            for pod in self.world.pods:
                name, _, execution = pod.rpartition("-")
                if (name, int(execution)) not in self.agents:
                    self.agents[name, int(execution)] = Agent(name, int(execution))
                    await self.world.kubelet(b.running_pod(int(execution), of=name))
        publishing = [agent for agent in self.agents.values() if (agent.until or 0) > self.world.seconds()]
        if len(publishing) > 1:
            self.faults.append(f"at second {self.world.seconds()}: {publishing}")

    async def add(self, *names: str) -> None:
        """Attempts whose pods run."""
        for name in names:
            self.world.cluster.add(b.attempt(meta={"name": name, "uid": f"uid-{name}"}, standalone=True))
            await self.settle()

    def newest(self, name: str) -> Agent:
        """The agent of the attempt's last execution."""
        return max((agent for agent in self.agents.values() if agent.name == name), key=lambda agent: agent.execution)

    def attempt(self, name: str) -> Manifest | None:
        """The attempt, unless it is gone."""
        return self.world.cluster.objects.get(("PeragoAttempt", "ns", name))

    def status(self, name: str) -> Manifest:
        """Its status."""
        status: Manifest = (self.attempt(name) or {}).get("status", {})
        return status

    def granted(self, name: str) -> bool:
        """The last agent of the attempt would find its turn granted."""
        agent = self.newest(name)
        return self._answer(agent) is Answer.GRANTED

    def _answer(self, agent: Agent) -> Answer:
        return answer_to(agent.ticket, TurnStatus.model_validate(self.status(agent.name).get("turn", {})))

    def _patch(self, agent: Agent, **status: Any) -> None:
        if self.attempt(agent.name) is not None:
            agent.sent.append(status)
            self.world.cluster.merge("PeragoAttempt", "ns", agent.name, {"status": status})

    # --- what an agent does

    def ask(self, agent: Agent) -> None:
        """Ask for a turn, if it has none and is not waiting for one."""
        if not agent.alive or agent.wants:
            return
        agent.wants, agent.number, agent.until = True, agent.number + 1, None
        request = b.request(agent.number, agent.execution, seconds=self.world.seconds(), lasts=LASTS)
        attempt = self.attempt(agent.name)
        assert attempt is not None
        staging = {**b.STAGING, "branch": b.staging_branch(attempt, agent.execution)}
        self.world.versions.branch("repo", staging["branch"])
        self._patch(agent, workspace=b.turn()["workspace"], staging=staging, turn={"requested": request})

    def see(self, agent: Agent) -> None:
        """Read the attempt: publish from now on, or ask anew where that is needed."""
        if not agent.alive or not agent.wants or agent.until is not None or self.attempt(agent.name) is None:
            return
        answer = self._answer(agent)
        if answer is Answer.GRANTED:
            agent.until = self.world.seconds() + LASTS
        elif answer in (Answer.REVOKED, Answer.LOST):
            agent.wants = False
            self.ask(agent)

    def give_back(self, agent: Agent) -> None:
        """Done with it."""
        if agent.alive and agent.wants:
            agent.wants, agent.until = False, None
            self._patch(agent, turn={"returned": b.ticket(agent.number, agent.execution)})

    def outcome(self, agent: Agent) -> None:
        """The attempt is over."""
        if agent.alive and "outcome" not in self.status(agent.name):
            self.give_back(agent)
            agent.alive = False
            self._patch(agent, outcome=b.failure())

    def late(self, agent: Agent) -> None:
        """An earlier patch of its lands once more."""
        if agent.sent and self.attempt(agent.name) is not None and "outcome" not in agent.sent[0]:
            self.world.cluster.merge("PeragoAttempt", "ns", agent.name, {"status": agent.sent[0]})

    # --- what others do

    def _pod(self, agent: Agent) -> Manifest | None:
        return self.world.cluster.objects.get(("Pod", "ns", f"{agent.name}-{agent.execution}"))

    def end(self, agent: Agent) -> None:
        """Its process is killed, and the kubelet says so, unless the cluster has lost sight of the node."""
        agent.alive, agent.until = False, None
        if (pod := self._pod(agent)) and pod["metadata"]["name"] not in self.lost:
            self.world.cluster.merge("Pod", "ns", pod["metadata"]["name"], {"status": ENDED["status"]})

    def lose(self, agent: Agent) -> None:
        """Its node cannot be reached by the cluster, which deletes the pod; the agent lives on."""
        if (pod := self._pod(agent)) and agent.alive:
            self.lost.add(pod["metadata"]["name"])
            self.world.cluster.delete("Pod", "ns", pod["metadata"]["name"])

    def vanish(self, agent: Agent) -> None:
        """Somebody takes the pod's object away, finalizer and all; the agent lives on."""
        if (pod := self._pod(agent)) and agent.alive:
            self.lost.add(pod["metadata"]["name"])
            self.world.cluster.merge("Pod", "ns", pod["metadata"]["name"], {"metadata": {"finalizers": []}})
            self.world.cluster.delete("Pod", "ns", pod["metadata"]["name"])

    def cancel(self, agent: Agent) -> None:
        """Somebody cancels the attempt."""
        if self.attempt(agent.name) is not None:
            self.world.cluster.merge("PeragoAttempt", "ns", agent.name, {"spec": {"cancel": True}})

    async def pass_time(self, seconds: float) -> None:
        """Time goes by for all of them."""
        await self.world.pass_time(seconds)
        for kind, namespace, name in list(self.world.cluster.objects):
            if kind == "PeragoAttempt":
                self.world.reconciler.enqueue(Key(namespace, name))
        await self.settle()

    async def step(self, kind: str, *more: Any) -> None:
        """One thing happens."""
        match kind:
            case "wait":
                await self.pass_time(*more)
            case "die":
                await self.world.restart()
            case "lag":
                self.world.lag()
            case "catch up":
                self.world.catch_up()
            case "fail":
                self.world.cluster.faults.on("patch_attempt_status", lost if more[0] else cut_before)
            case _:
                name, newest = more
                mine = [agent for agent in self.agents.values() if agent.name == name]
                getattr(self, kind)(self.newest(name) if newest else mine[0])
        await self.settle()


async def town(*names: str) -> Town:
    """A town with these attempts."""
    made = Town()
    await made.add(*names)
    return made


def writes(town: Town) -> int:
    """How often the operator has written a status."""
    return town.world.cluster.faults.seen.count("patch_attempt_status")


async def asking(town: Town, *names: str) -> None:
    """They ask one after another, a second apart."""
    for name in names:
        await town.pass_time(1)
        await town.step("ask", name, True)


async def test_a_free_turn_costs_one_write() -> None:
    """The grant; giving it back costs none."""
    place = await town("a")
    before = writes(place)
    await asking(place, "a")
    assert place.granted("a")
    await place.step("see", "a", True)
    await place.step("give_back", "a", True)
    assert writes(place) - before == 1


async def test_attempts_that_ask_for_no_turn_cost_nothing() -> None:
    """Nothing is written for them."""
    place = await town("a", "b")
    before = writes(place)
    await place.pass_time(1000)
    assert writes(place) == before


async def test_those_who_wait_cost_two_writes_each_however_many_they_are() -> None:
    """Behind whom it waits, and the grant; whoever ends wakes the next one alone."""
    names = ["a", "b", "c", "d", "e"]
    place = await town(*names)
    before = writes(place)
    await asking(place, *names)
    order = []
    while waiting := [name for name in names if place.newest(name).wants]:
        (granted,) = [name for name in waiting if place.granted(name)]
        assert place.status(granted)["turn"].get("waiting") is None
        order.append(granted)
        await place.step("give_back", granted, True)
    assert order == names
    assert writes(place) - before == 2 * len(names) - 1


async def test_who_waits_knows_behind_whom() -> None:
    """The one right before it, and another when that one has gone."""
    place = await town("a", "b", "c")
    await asking(place, "a", "b", "c")
    assert place.status("c")["turn"]["waiting"] == b.ticket(behind="ns/b")
    await place.step("cancel", "b", True)
    assert place.status("c")["turn"]["waiting"] == b.ticket(behind="ns/a")


async def test_a_turn_survives_the_operator() -> None:
    """The next leader reads it in the status."""
    place = await town("a", "b")
    await asking(place, "a", "b")
    await place.step("die")
    assert (place.granted("a"), place.granted("b")) == (True, False)
    await place.step("give_back", "a", True)
    assert place.granted("b")


async def test_the_turn_of_an_agent_that_dies_is_free_at_once() -> None:
    """Its pod shows that."""
    place = await town("a", "b")
    await asking(place, "a", "b")
    await place.step("end", "a", True)
    assert place.granted("b")


async def test_a_turn_that_nobody_gives_back_is_taken_away_in_two_steps() -> None:
    """Revoked after 100 + 60 s, and free 100 + 10 s later; whoever had seen it in time is done by then."""
    place = await town("a", "b")
    await asking(place, "a", "b")
    began = place.world.seconds()
    while not place.granted("b"):
        await place.pass_time(1)
    revoked = place.status("a")["turn"]["revoked"]
    assert (revoked["execution"], revoked["number"]) == (1, 1)
    assert 269 <= place.world.seconds() - began <= 271


async def test_a_new_leader_waits_anew() -> None:
    """It does not know for how long a turn was revoked before it came."""
    place = await town("a", "b")
    await asking(place, "a", "b")
    await place.pass_time(165)
    assert "revoked" in place.status("a")["turn"]
    await place.pass_time(100)
    await place.step("die")
    await place.pass_time(100)
    assert not place.granted("b")
    await place.pass_time(11)
    assert place.granted("b")


async def test_a_lost_node_keeps_its_turn_until_its_agent_can_publish_no_more() -> None:
    """The agent goes on for as long as its turn lasts; the attempt's next execution waits like everybody else."""
    place = await town("a", "b")
    await asking(place, "a", "b")
    await place.pass_time(50)
    await place.step("see", "a", True)
    await place.step("lose", "a", True)
    await place.pass_time(70)
    assert place.status("a")["executions"] == 2
    await place.step("ask", "a", True)
    assert place.status("a")["turn"]["waiting"] == b.ticket(1, 2, behind="ns/a")
    assert not place.granted("b")
    for _ in range(12):
        await place.pass_time(10)
    assert place.faults == []
    assert (place.granted("a"), place.granted("b")) == (False, True)


@pytest.mark.parametrize("fault", [lost, cut_before])
async def test_a_grant_without_an_answer_is_made_once(fault: Any) -> None:
    """Even if a request that seems older is seen meanwhile."""
    place = await town("a", "b")
    place.world.cluster.faults.on("patch_attempt_status", fault)
    await place.pass_time(10)
    await place.step("ask", "b", True)
    place.world.cluster.merge("PeragoAttempt", "ns", "a", {"status": b.turn(b.request(seconds=1), staging=b.STAGING)})
    for _ in range(5):
        await place.pass_time(2)
    assert place.granted("b")
    assert place.status("a")["turn"].get("granted") is None


async def test_a_patch_that_lands_late_takes_no_newer_turn_away() -> None:
    """A former leader's end of a revoked turn, over the attempt's next one, while an older request waits."""
    place, late = await town("a", "b"), Late()
    await asking(place, "a", "b")
    await place.pass_time(161)
    place.world.cluster.faults.on("patch_attempt_status", late)
    for _ in range(3):
        await place.pass_time(111)
    assert place.granted("b")
    await place.step("give_back", "b", True)
    await place.step("see", "a", True)
    assert place.granted("a")
    earlier = {"turn": {"requested": b.request(2, seconds=1)}}
    place.world.cluster.merge("PeragoAttempt", "ns", "b", {"status": earlier})
    await place.step("die")
    await late.land()
    await place.settle()
    assert place.granted("a")
    assert place.status("b")["turn"]["granted"]["number"] == 1


NAMES = ("a", "b", "c")
acts = ["ask", "ask", "see", "see", "see", "give_back", "outcome", "late", "end", "lose", "vanish", "cancel"]
steps = st.one_of(
    st.tuples(st.sampled_from(acts), st.sampled_from(NAMES), st.booleans()),
    st.tuples(st.just("wait"), st.sampled_from([0.5, 30.0, 95.0, 161.0])),
    st.tuples(st.just("die")),
    st.tuples(st.just("lag")),
    st.tuples(st.just("catch up")),
    st.tuples(st.just("fail"), st.booleans()),
)
BEGINNINGS: list[list[tuple[Any, ...]]] = [
    [],
    [("ask", name, True) for name in NAMES],
    [("ask", "a", True), ("see", "a", True), ("ask", "b", True), ("wait", 161.0)],
    [("ask", "a", True), ("see", "a", True), ("ask", "b", True), ("lose", "a", True), ("wait", 95.0)],
    [("ask", "a", True), ("ask", "b", True), ("wait", 161.0), ("ask", "c", True)],
]


async def live(happenings: list[tuple[Any, ...]]) -> Town:
    """A life of random happenings."""
    place = await town(*NAMES)
    for happening in happenings:
        await place.step(*happening)
    return place


async def calm_down(place: Town) -> list[str]:
    """Nothing fails any more, whoever has a turn gives it back, and time goes by; returns who never got one."""
    place.world.catch_up()
    await place.settle()
    for _ in range(40):
        for agent in list(place.agents.values()):
            if (pod := place._pod(agent)) and pod["metadata"].get("deletionTimestamp"):
                place.lost.discard(pod["metadata"]["name"])
                place.end(agent)
            place.see(agent)
            await place.settle()
            if agent.until is not None:
                place.give_back(agent)
                await place.settle()
        await place.pass_time(61)
    return [str(agent) for agent in place.agents.values() if agent.alive and agent.wants and _may_ask(place, agent)]


def _may_ask(place: Town, agent: Agent) -> bool:
    """Its attempt is under way, and it is the agent of its last execution."""
    attempt = place.attempt(agent.name)
    if attempt is None or attempt["spec"].get("cancel"):
        return False
    return "outcome" not in attempt["status"] and place.newest(agent.name) is agent


@settings(max_examples=examples(150), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(BEGINNINGS), st.lists(steps, max_size=14))
def test_no_two_turns_overlap_and_nobody_starves(beginning: list[tuple[Any, ...]], then: list[tuple[Any, ...]]) -> None:
    """Whoever dies, is lost, lives on, or repeats itself, and whatever the operator does not see or hear."""

    async def run() -> None:
        place = await live([*beginning, *then])
        starved = await calm_down(place)
        assert place.faults == []
        assert starved == []

    asyncio.run(run())
