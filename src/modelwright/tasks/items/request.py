"""What a recommender is set by, asked and answers with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from modelwright.base.errors import RequestError
from modelwright.base.nouns import Prediction, Row
from modelwright.base.shaped import shaped
from modelwright.spec.section import Section

MAX_HISTORY, MAX_NAME, MAX_K = 10_000, 500, 1_000
Name = Annotated[str, Field(min_length=1, max_length=MAX_NAME)]


class RecommendationSettings(Section):
    """What counts as liked, and what may be recommended."""

    like_from: float | None = Field(
        None,
        description="explicit feedback: rating from which an interaction counts as liked; others are never recommended and not "
        "learned from; default: implicit feedback, every interaction counts",
    )
    again: bool = Field(False, description="whether items that a user has had may be recommended again (music, groceries)")
    repeats: Literal["once", "count"] = Field(
        "once", description="an item that a history holds several times counts once, or as often as it occurs"
    )
    min_per_item: int = Field(1, ge=1, description="users who must have liked an item for it to enter the catalogue")
    k: int = Field(10, ge=1, le=MAX_K, description="items recommended where a request does not say how many")


class RecommendationRequest(BaseModel):
    """A user's history; what comes next?"""

    model_config = ConfigDict(
        strict=True, extra="forbid", json_schema_extra={"examples": [{"history": ["50", "181", "172"], "k": 5}]}
    )

    history: Annotated[
        list[Name], Field(max_length=MAX_HISTORY, description="items that the user liked, oldest first; [] if none")
    ]
    user: Name | None = Field(None, description="who asks; the answer depends on the history alone")
    k: Annotated[int, Field(ge=1, le=MAX_K)] | None = Field(None, description="items wanted; default: the release's own number")
    exclude: Annotated[list[Name], Field(max_length=MAX_HISTORY)] | None = Field(
        None, description="items that are not to be recommended, beside those of the history"
    )


@dataclass(frozen=True)
class Recommended(Prediction):
    """The best items for one history.

    Args:
        items: the best first; fewer than asked for where the catalogue holds no more.
        scores: theirs, falling; they order items within one answer and have no unit.
        titles: theirs; empty where the data has none.
        known: different items of the history that the model knows. The others are ignored; with 0 the answer is what is liked by most.
    """

    items: tuple[str, ...]
    scores: tuple[float, ...]
    titles: tuple[str, ...]
    known: int


def read(request: Any, row_id: str, most: int) -> Row:
    """A request as a row; `most` items where it does not say how many.

    Raises:
        RequestError: wrong type, or too large to be meant.
    """
    expected = f'{{"history": ["…"], "k": 1 to {MAX_K:,}, "exclude": ["…"]}}, or the history alone as a list of texts'
    asked = shaped(
        RecommendationRequest,
        {"history": request} if isinstance(request, list | tuple) else request,
        expected=expected,
        where=row_id,
    )
    values = {"user": asked.user, "history": tuple(asked.history), "exclude": tuple(asked.exclude or ())}
    return Row(row_id, {**values, "k": asked.k or most})


def request_of(row: Row) -> dict[str, Any]:
    """The request that asks for a row."""
    request: dict[str, Any] = {"history": list(names(row, "history"))}
    if names(row, "exclude"):
        request["exclude"] = list(names(row, "exclude"))
    return request | {name: row.values[name] for name in ("user", "k") if row.values.get(name) is not None}


def names(row: Row, role: str) -> Sequence[str]:
    """Items by name; "exclude" may be missing.

    Raises:
        RequestError: something else than a list of texts.
    """
    value = row.values.get(role)
    if value is None and role == "exclude":
        return ()
    if not isinstance(value, tuple | list) or not all(isinstance(item, str) for item in value):
        raise RequestError(
            f"the {role} is {value!r:.80}",
            expected="a list of items, each a text",
            where=f"row {row.id}",
            remedy='Send for example {"history": ["50", "181"]}; [] where nothing is known of the user.',
        )
    return value
