"""Comparing a server's answers with recorded ones: symbols are bound as they appear, placeholders match their kind.

`<id:N>` is an id, the same one wherever it appears in a scenario, and no other symbol may mean the same id;
`<id:N>[:12]` is its prefix; `<run>` is text within text; `<time>` is a time, `<address>` any text. `RUN` in a
request is the suffix of this run.
"""

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

RECORDED = Path(__file__).parent / "recorded.jsonl"
UNKNOWN_ID = "f" * 64
_SYMBOL = re.compile(r"<id:\d+>")
_PREFIX = re.compile(r"(<id:\d+>)\[:(\d+)\]")
_PART = re.compile(r"(<id:\d+>|<run>)")


@dataclass
class Bindings:
    """What the symbols of one scenario mean in this run."""

    run: str
    ids: dict[str, str] = field(default_factory=dict)

    def fill(self, value: Any) -> Any:
        """A recorded request with this run's names and ids; an id never seen stands for one that does not exist."""
        text = json.dumps(value, ensure_ascii=False).replace("RUN", self.run)
        text = _PREFIX.sub(lambda match: self._id(match[1])[: int(match[2])], text)
        return json.loads(_SYMBOL.sub(lambda match: self._id(match[0]), text))

    def _id(self, symbol: str) -> str:
        return self.ids.get(symbol, UNKNOWN_ID)

    def bind(self, symbol: str, seen: str) -> bool:
        """Whether `seen` can be what the symbol means; the first sight decides."""
        if symbol not in self.ids and seen not in self.ids.values():
            self.ids[symbol] = seen
        return self.ids.get(symbol) == seen


def differences(recorded: Any, seen: Any, bindings: Bindings, where: str = "json") -> list[str]:
    """Where an answer's JSON differs from the recorded one, as paths like `json.results.0.id`."""
    if isinstance(recorded, dict) and isinstance(seen, dict):
        return [
            difference
            for key in sorted(recorded.keys() | seen.keys())
            for difference in differences(
                recorded.get(key, _ABSENT), seen.get(key, _ABSENT), bindings, f"{where}.{key}"
            )
        ]
    if isinstance(recorded, list) and isinstance(seen, list) and len(recorded) == len(seen):
        both = enumerate(zip(recorded, seen, strict=True))
        return [found for at, (old, new) in both for found in differences(old, new, bindings, f"{where}.{at}")]
    return [] if _matches(recorded, seen, bindings) else [where]


_ABSENT = object()


def _matches(recorded: Any, seen: Any, bindings: Bindings) -> bool:
    if recorded == "<time>":
        return isinstance(seen, int | str) and not isinstance(seen, bool)
    if recorded == "<address>":
        return isinstance(seen, str)
    if isinstance(recorded, str) and isinstance(seen, str):
        return _text_matches(recorded.replace("RUN", bindings.run), seen, bindings)
    return type(recorded) is type(seen) and bool(recorded == seen)


def _text_matches(recorded: str, seen: str, bindings: Bindings) -> bool:
    parts = _PART.split(recorded)
    pattern = "".join(r"([0-9a-zA-Z]+)" if at % 2 else re.escape(part) for at, part in enumerate(parts))
    match = re.fullmatch(pattern, seen, re.DOTALL)
    if match is None:
        return False
    symbols = zip(parts[1::2], match.groups(), strict=True)
    return all(symbol == "<run>" or bindings.bind(symbol, text) for symbol, text in symbols)
