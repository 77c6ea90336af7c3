"""Words of an enumeration that are published, each with what it means."""

from enum import StrEnum
from typing import Self


class Explained(StrEnum):
    """A word, and the sentence that explains it."""

    sentence: str

    def __new__(cls, word: str, sentence: str) -> Self:
        """A member is its word; the sentence is an attribute of it."""
        member = str.__new__(cls, word)
        member._value_ = word
        member.sentence = sentence
        return member
