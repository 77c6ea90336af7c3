"""Parameters and results that the test tasks share."""

from pydantic import BaseModel


class Numbers(BaseModel):
    """`delay` is how long a body sleeps, in seconds; `text` goes into what it writes."""

    delay: float = 0.0
    text: str = "hello"


class Answer(BaseModel):
    """What a test task returns."""

    text: str
    files: int = 0
