"""Has no workspace; doubles a number."""

from pydantic import BaseModel

import perago


class Params(BaseModel):
    number: int


class Doubled(BaseModel):
    number: int


@perago.task(name="free", owner_email="team@example.com")
def free(params: Params) -> Doubled:
    return Doubled(number=2 * params.number)
