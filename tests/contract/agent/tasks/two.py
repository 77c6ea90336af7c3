"""Declares two tasks."""

from pydantic import BaseModel

import perago


class Nothing(BaseModel):
    pass


@perago.task(name="first", owner_email="team@example.com")
def first(params: Nothing) -> Nothing:
    return params


@perago.task(name="second", owner_email="team@example.com")
def second(params: Nothing) -> Nothing:
    return params
