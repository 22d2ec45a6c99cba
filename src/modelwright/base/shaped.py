"""A stranger's request against the shape that is read."""

from __future__ import annotations

from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from modelwright.base.errors import RequestError

_Shape = TypeVar("_Shape", bound=BaseModel)
_LONGEST = 500


def shaped(shape: type[_Shape], request: Any, *, expected: str, where: str, deep: int | None = None) -> _Shape:
    """`request` as a `shape`.

    Args:
        expected: the shape in words, or by an example.
        where: which request it is.
        deep: parts of a place that are named, where deeper ones are the validator's own names of types; None for all.

    Raises:
        RequestError: it is not of this shape; the first thing that is wrong is named.
    """
    try:
        return shape.model_validate(request)
    except ValidationError as error:
        problem = error.errors(include_input=False, include_url=False, include_context=False)[0]
        place = ".".join(map(str, problem["loc"][:deep]))
        raise RequestError(
            f"{place or 'the request'}: {problem['msg'][0].lower()}{problem['msg'][1:]}"[:_LONGEST],
            expected=expected,
            where=where,
            remedy="Mend the request and send it again.",
        ) from error
