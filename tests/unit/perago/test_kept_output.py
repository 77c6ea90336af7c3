"""An output is read from a commit's metadata as it was written, or not at all."""

import base64
import gzip
import json
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perago.wire import kept_output, metadata_keys, output_metadata, published_output

SMALL = {"result": {"x": None}}
LARGE = {"result": "x" * kept_output.READABLE_LIMIT}


def incompressible(size: int) -> dict[str, object]:
    """An output of that many bytes that gzip halves at best."""
    return {"result": random.Random(1).randbytes(size // 2).hex()}


def metadata_of(packed: bytes) -> dict[str, str]:
    """The metadata of a packed output."""
    return {metadata_keys.OUTPUT_GZIP: base64.b64encode(packed).decode()}


def test_a_small_output_can_be_read_in_the_commit() -> None:
    """By people, without a tool."""
    assert output_metadata(SMALL) == {metadata_keys.OUTPUT: '{"result":{"x":null}}'}


@pytest.mark.parametrize("output", [SMALL, LARGE, incompressible(400_000)], ids=["small", "large", "400 kB"])
def test_an_output_comes_back_from_the_metadata(output: dict[str, object]) -> None:
    """Up to 256 KiB after compression, and with every value as it was."""
    metadata = output_metadata(output)
    assert published_output(metadata) == output
    assert sum(map(len, metadata.values())) <= kept_output.PACKED_LIMIT * 4 / 3 + 4


def test_an_output_over_the_limit_leaves_only_its_digest() -> None:
    """It cannot be had from the commit."""
    metadata = output_metadata(incompressible(700_000))
    assert len(metadata.pop(metadata_keys.OUTPUT_SHA256)) == 64
    assert metadata == {}
    assert published_output(metadata) is None


@given(st.text(max_size=300))
def test_any_text_survives_in_the_metadata(text: str) -> None:
    """The stored output is ASCII JSON, so that no server has to agree on encodings."""
    metadata = output_metadata({"result": text})
    assert metadata[metadata_keys.OUTPUT].isascii()
    assert json.loads(metadata[metadata_keys.OUTPUT]) == {"result": text}


@pytest.mark.parametrize(
    "metadata",
    [
        pytest.param({}, id="none"),
        pytest.param({metadata_keys.OUTPUT: "{"}, id="no JSON"),
        pytest.param({metadata_keys.OUTPUT: "[]"}, id="no object"),
        pytest.param({metadata_keys.OUTPUT: "[" * 100_000}, id="nested without end"),
        pytest.param({metadata_keys.OUTPUT_GZIP: "!"}, id="no base64"),
        pytest.param({metadata_keys.OUTPUT_GZIP: "eA=="}, id="no gzip"),
        pytest.param(metadata_of(gzip.compress(b"{}")[:-8]), id="cut short"),
        pytest.param(metadata_of(gzip.compress(b"{}" + b" " * 9_000_000)), id="more than an output may have"),
    ],
)
def test_what_is_no_output_is_none(metadata: dict[str, str]) -> None:
    """Whoever may write to the repository may write this; it takes neither the agent nor the operator down."""
    assert published_output(metadata) is None
