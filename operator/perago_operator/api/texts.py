"""Texts that people write in a spec: what each has to be, for the CRD and for the model alike. Pure.

The messages are what people read at `kubectl apply`.
"""

import re
from typing import Annotated

from pydantic import Field

from perago.wire.order import is_import_path
from perago_operator.api.base import RULES_KEY, must, rule

_PART = r"[\\p{L}\\p{Nl}\\p{No}_][\\p{L}\\p{N}_]*"
"""Of an import path: RE2's words for what Python calls a letter, a digit and an underscore."""
_NOT_A_MODULE = "must be the import path of a module, such as app.workers.features_build"
_NOT_AN_IMAGE = "must be the name of an image, such as registry.example/team/features:1.2, without white space"
_NOT_A_NAME = "must be the name of an object: lower-case letters, digits, dashes and dots"
_NAME = "[a-z0-9]([-a-z0-9.]*[a-z0-9])?"

ModuleName = Annotated[
    str,
    Field(
        min_length=1,
        max_length=512,
        json_schema_extra={
            RULES_KEY: [rule(f"self.matches('^{_PART}(\\\\.{_PART})*$') && !self.endsWith('.py')", _NOT_A_MODULE)]
        },
    ),
    must(is_import_path, _NOT_A_MODULE),
]
"""The import path of a task module."""

ImageName = Annotated[
    str,
    Field(
        min_length=1,
        max_length=1024,
        json_schema_extra={RULES_KEY: [rule("self.matches('^[!-~]+$')", _NOT_AN_IMAGE)]},
    ),
    must(re.compile("[!-~]+").fullmatch, _NOT_AN_IMAGE),
]
"""An image. The rest of its grammar is the kubelet's affair, which says `InvalidImageName`."""

ObjectName = Annotated[
    str,
    Field(
        min_length=1,
        max_length=253,
        json_schema_extra={RULES_KEY: [rule(f"self.matches('^{_NAME}$')", _NOT_A_NAME)]},
    ),
    must(re.compile(_NAME).fullmatch, _NOT_A_NAME),
]
"""The name of a Kubernetes object."""
