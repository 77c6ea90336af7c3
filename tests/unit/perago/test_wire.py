"""The wire: frames survive any JSON, refuse anything else, and outputs are stored within an object's limits."""

import base64
import json
import random
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from perago import wire
from perago.wire import frames
from perago.wire.exact import kept_in_merge_patch

CALLS: TypeAdapter[wire.Call] = TypeAdapter(wire.Call)

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda children: st.lists(children, max_size=4) | st.dictionaries(st.text(), children, max_size=4),
    max_leaves=20,
)
json_objects = st.dictionaries(st.text(), json_values, max_size=5)


def order(**changes: object) -> wire.Order:
    values: dict[str, object] = {
        "namespace": "team-a",
        "name": "a1",
        "uid": "u-1",
        "execution": 2,
        "installation": "perago",
        "module": "app.task",
        "image": "app:1",
    }
    return wire.Order.model_validate(values | changes)


def test_the_patch_with_the_outcome_ends_the_last_step() -> None:
    """No one reads of a step that is over; patches before it leave the step as it is."""
    outcome = wire.Outcome(status="FAILED", reason="KeyError")
    assert wire.StatusReport(outcome=outcome).to_json()["step"] is None
    assert "step" not in wire.StatusReport(timings=wire.StepTimings(executing=1.0)).to_json()


@given(json_objects)
def test_a_frame_carries_any_json_object_unchanged(body: dict[str, object]) -> None:
    """What is encoded is decoded to the same object, and the header announces the exact length."""
    frame = wire.encode_frame(body)
    assert wire.frame_length(frame[:4]) == len(frame) - 4
    assert wire.decode_frame(frame[4:]) == body


def test_a_file_name_that_is_not_utf8_survives_a_frame() -> None:
    """Undecodable bytes of a file name, which Python holds as surrogates, come out as they went in."""
    body = {"added": [b"caf\xe9".decode("utf-8", "surrogateescape")]}
    assert wire.decode_frame(wire.encode_frame(body)[4:]) == body


def test_a_lone_surrogate_survives_a_frame() -> None:
    """A string that Python and JSON allow and UTF-8 does not is carried, not refused halfway."""
    body = {"message": "\ud800"}
    assert wire.decode_frame(wire.encode_frame(body)[4:]) == body


@pytest.mark.parametrize("data", [b"", b"{", b"\xff\xfe", b"not json"])
def test_bytes_that_are_not_json_are_refused(data: bytes) -> None:
    """A frame whose bytes are not JSON raises FrameError."""
    with pytest.raises(wire.FrameError, match="not JSON"):
        wire.decode_frame(data)


@pytest.mark.parametrize("data", [b"[]", b"1", b'"x"', b"null"])
def test_json_that_is_no_object_is_refused(data: bytes) -> None:
    """A frame must hold a JSON object."""
    with pytest.raises(wire.FrameError, match="not a JSON object"):
        wire.decode_frame(data)


def test_a_header_over_the_limit_is_refused_before_anything_is_read() -> None:
    """A peer cannot make the other side allocate more than the limit."""
    with pytest.raises(wire.FrameError, match="over the limit"):
        wire.frame_length((wire.FRAME_LIMIT + 1).to_bytes(4, "big"))


@pytest.mark.parametrize("header", [b"", b"\0", b"\0\0\0"])
def test_a_header_cut_short_is_refused(header: bytes) -> None:
    """The end of the connection inside a header is distinguished from an empty frame."""
    with pytest.raises(wire.FrameError, match="inside a frame header"):
        wire.frame_length(header)


def test_a_body_over_the_limit_is_refused_by_the_sender(monkeypatch: pytest.MonkeyPatch) -> None:
    """The sender learns of a body that is too large, not the peer."""
    monkeypatch.setattr(frames, "FRAME_LIMIT", 10)
    with pytest.raises(wire.FrameError, match="over the limit of 10"):
        wire.encode_frame({"a": "b" * 20})


@given(json_objects)
def test_a_small_output_is_stored_readable_unless_a_merge_patch_would_change_it(output: dict[str, object]) -> None:
    """It comes back with its types in either case."""
    outcome = wire.Outcome(status="COMPLETED", reason="Completed", **wire.stored_output(output))
    assert (outcome.output_gzip is None) == kept_in_merge_patch(output)
    assert json.dumps(outcome.full_output()) == json.dumps(output)


def test_a_large_output_is_stored_compressed() -> None:
    """An output over the inline limit is compressed, and `full_output` returns all of it."""
    output = {"result": {"lines": ["the same line"] * 20_000}}
    outcome = wire.Outcome(status="COMPLETED", reason="Completed", **wire.stored_output(output))
    assert outcome.output is None
    assert outcome.full_output() == output


def test_an_output_that_no_object_can_hold_is_refused() -> None:
    """The error names both sizes and says what to do instead."""
    noise = "".join(random.Random(1).choices(string.ascii_letters + string.digits, k=2_000_000))
    with pytest.raises(ValueError, match=r"output is 2000\d+ bytes .* write large results to the workspace"):
        wire.stored_output({"x": noise})


def test_an_output_that_conductor_would_fail_is_refused_however_small_it_packs() -> None:
    """Its limit is for the JSON itself, 10 MiB."""
    with pytest.raises(ValueError, match=r"output is 8388\d+ bytes, over the limit of 8388608; write large"):
        wire.stored_output({"x": "a" * wire.status.OUTPUT_JSON_LIMIT})


def test_a_null_in_an_output_is_kept() -> None:
    """Leaving out absent fields of the wire never touches the user's own nulls."""
    outcome = wire.Outcome(status="COMPLETED", reason="Completed", output={"result": {"best": None}})
    assert outcome.to_json()["output"] == {"result": {"best": None}}
    assert "message" not in outcome.to_json()


def test_the_same_output_is_packed_to_the_same_bytes() -> None:
    """The time of packing is not part of it, so that a patch that is sent again changes nothing."""
    packed = wire.stored_output({"result": None})
    assert base64.b64decode(packed["output_gzip"])[4:8] == bytes(4)


def test_an_order_survives_the_environment_variable() -> None:
    """What the operator writes as JSON is what the agent reads, in Kubernetes's spelling."""
    text = json.dumps(order(volume_bytes=5).to_json())
    assert '"volumeBytes": 5' in text
    assert wire.Order.model_validate_json(text) == order(volume_bytes=5)


def test_an_execution_id_is_unique_over_all_pods() -> None:
    """The execution id joins the attempt's UID and the execution number."""
    assert order().execution_id == "u-1-2"


def test_a_standalone_attempt_stands_in_for_a_conductor_task() -> None:
    """Without Conductor the object itself is the task: its UID is the task id."""
    task = order().attempt
    assert (task.task_id, task.workflow_instance_id, task.reference_task_name) == ("u-1", "kubernetes-team-a", "a1")


def test_a_conductor_task_is_used_as_it_is() -> None:
    """With Conductor the order's own task identity is the attempt's."""
    task = wire.ConductorTask(
        task_type="t", workflow_instance_id="w", task_id="i", reference_task_name="r", seq=3, retry_count=1
    )
    attempt = order(conductor=task).attempt
    assert wire.ConductorTask.model_validate(attempt.model_dump(exclude={"status"})) == task
    assert attempt.status == "IN_PROGRESS"


def test_retries_share_a_logical_task_and_rounds_of_a_loop_do_not() -> None:
    """A retry has a task id and a sequence number of its own."""

    def logical_task(task_id: str, seq: int, iteration: int) -> str:
        return wire.ConductorTask(
            task_type="t",
            workflow_instance_id="w",
            task_id=task_id,
            reference_task_name="r",
            seq=seq,
            iteration=iteration,
        ).logical_task

    assert logical_task("i1", 3, 2) == logical_task("i2", 4, 2) == "w/r/2"
    assert logical_task("i1", 3, 3) == "w/r/3"


@pytest.mark.parametrize("body", [{"call": "steal"}, {}, {"call": "publish"}, {"call": "hello", "extra": 1}])
def test_a_call_outside_the_protocol_is_refused(body: dict[str, object]) -> None:
    """Unknown calls, missing fields and unknown fields do not parse."""
    with pytest.raises(ValidationError):
        CALLS.validate_python(body)


def test_calls_are_told_apart_by_name() -> None:
    """The `call` field alone decides which call it is."""
    assert CALLS.validate_python({"call": "stage"}) == wire.Stage()
    assert CALLS.validate_python({"call": "completeNoop"}) == wire.CompleteNoop()


def test_an_answer_and_a_refusal_are_told_apart() -> None:
    """A frame body is either `ok` or `refused`."""
    assert wire.answer(wire.Published(ref="c")) == {"ok": {"ref": "c"}}
    assert wire.answer(wire.Refusal(error="StaleAttemptError", message="m")) == {
        "refused": {"error": "StaleAttemptError", "message": "m"}
    }


def test_a_status_report_names_only_what_it_changes() -> None:
    """A merge patch must not carry fields that the agent does not mean to set."""
    report = wire.StatusReport(step="Staging", timings=wire.StepTimings(executing=1.5))
    assert report.to_json() == {"step": "Staging", "timings": {"executing": 1.5}}
