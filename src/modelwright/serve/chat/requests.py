"""Requests of OpenAI's interface, read strictly: what is not supported is refused and named, never ignored."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from modelwright.base.errors import RequestError
from modelwright.serve.chat.paths import CHAT
from modelwright.serve.chat.sampling import Sampling
from modelwright.serve.problems import TooLargeError

_SETTLED: dict[str, tuple[Any, ...]] = {
    "n": (1,),
    "logprobs": (False, 0),
    "top_logprobs": (0,),
    "tools": ([],),
    "tool_choice": ("none",),
    "functions": ([],),
    "function_call": ("none",),
    "parallel_tool_calls": (True, False),
    "response_format": ({"type": "text"},),
    "modalities": (["text"],),
    "store": (False,),
    "service_tier": ("auto", "default"),
    "best_of": (1,),
    "echo": (False,),
    "suffix": ("",),
}
"""Parts of the interface that are taken with the value that asks for nothing, and refused with any other."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Part(_Strict):
    """A piece of a message's content."""

    type: Literal["text"]
    text: str


class Message(_Strict):
    """One message of a conversation."""

    role: Literal["system", "developer", "user", "assistant"]
    content: str | Annotated[list[Part], Field(min_length=1)]

    @property
    def text(self) -> str:
        return self.content if isinstance(self.content, str) else "".join(part.text for part in self.content)


class StreamOptions(_Strict):
    """What a stream tells beside the text."""

    include_usage: bool = False


def _listed(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


class _Request(_Strict):
    """What both kinds of answers share."""

    model: str = Field(min_length=1, description="as /v1/models names it")
    stream: bool = False
    stream_options: StreamOptions | None = None
    temperature: float | None = Field(None, ge=0, le=2, description="0 takes the most likely token always; default 1")
    top_p: float | None = Field(None, gt=0, le=1, description="share of probability to draw from; default 1")
    seed: int | None = Field(None, description="the same seed gives the same text")
    stop: Annotated[list[Annotated[str, Field(min_length=1)]], BeforeValidator(_listed), Field(max_length=4)] | None = Field(
        None, description="up to four texts that end the answer"
    )
    max_tokens: int | None = Field(None, ge=1, description="tokens of the answer at most")
    frequency_penalty: float | None = Field(None, ge=-2, le=2)
    presence_penalty: float | None = Field(None, ge=-2, le=2)
    logit_bias: dict[int, Annotated[float, Field(ge=-100, le=100)]] | None = Field(None, max_length=1024)
    user: str | None = Field(None, max_length=200, description="written to the request log")


class ChatRequest(_Request):
    """`POST /v1/chat/completions`."""

    messages: list[Message] = Field(min_length=1)
    max_completion_tokens: int | None = Field(None, ge=1, description="the newer name of max_tokens")


class TextRequest(_Request):
    """`POST /v1/completions`: goes on writing a text."""

    prompt: Annotated[str, Field(min_length=1)] | Annotated[list[int], Field(min_length=1)]


class EmbeddingsRequest(_Strict):
    """`POST /v1/embeddings`."""

    model: str = Field(min_length=1)
    input: Annotated[list[Annotated[str, Field(min_length=1)]], BeforeValidator(_listed), Field(min_length=1, max_length=2048)]
    encoding_format: Literal["float", "base64"] = "float"
    dimensions: int | None = Field(None, ge=1)
    user: str | None = Field(None, max_length=200)


@dataclass(frozen=True, slots=True)
class Ask:
    """A request that was read: what is to be answered, and how.

    Args:
        messages: of a conversation; None where `prompt` (a text or ids) is to be continued.
        limit: tokens of the answer at most; None where the request leaves it open.
    """

    path: str
    model: str
    messages: list[dict[str, str]] | None
    prompt: str | list[int] | None
    limit: int | None
    sampling: Sampling
    stops: tuple[str, ...]
    stream: bool
    include_usage: bool
    user: str | None

    @property
    def characters(self) -> int:
        if self.messages is not None:
            return sum(len(message["content"]) for message in self.messages)
        return len(self.prompt or "")


_Model = TypeVar("_Model", bound=BaseModel)


def read_ask(path: str, content: Mapping[str, Any], longest: int) -> Ask:
    """The body of a request to `path`.

    Args:
        longest: characters of prompt or conversation at most.

    Raises:
        RequestError: it is not shaped so, or asks for something that is not supported; `where` names the key.
        TooLargeError: it is too long to be looked at.
    """
    chat = path == CHAT
    request = validate(ChatRequest if chat else TextRequest, _without_settled(content))
    limit = _limit(request)
    messages, prompt = None, None
    if isinstance(request, ChatRequest):
        roles = {"developer": "system"}  # the newer name of the same
        messages = [{"role": roles.get(one.role, one.role), "content": one.text} for one in request.messages]
    elif isinstance(request, TextRequest):
        prompt = request.prompt
    if request.stream_options is not None and not request.stream:
        raise _refused(
            "stream_options is given, but stream is not true", "stream_options only with stream: true", "stream_options"
        )
    sampling = Sampling(
        temperature=1.0 if request.temperature is None else request.temperature,
        top_p=1.0 if request.top_p is None else request.top_p,
        seed=request.seed,
        frequency_penalty=request.frequency_penalty or 0.0,
        presence_penalty=request.presence_penalty or 0.0,
        bias=request.logit_bias or {},
    )
    include = request.stream_options is not None and request.stream_options.include_usage
    ask = Ask(
        path, request.model, messages, prompt, limit, sampling, tuple(request.stop or ()), request.stream, include, request.user
    )
    _check_text(ask, longest)
    return ask


def _limit(request: _Request) -> int | None:
    newer = getattr(request, "max_completion_tokens", None)
    if newer is not None and request.max_tokens is not None and newer != request.max_tokens:
        raise _refused("max_tokens and max_completion_tokens differ", "one of them, or the same value", "max_completion_tokens")
    return request.max_tokens if newer is None else newer


def _check_text(ask: Ask, longest: int) -> None:
    if ask.characters > longest:
        raise TooLargeError(
            f"the prompt has {ask.characters:,} characters",
            expected=f"at most {longest:,} (serve.max_characters)",
            where="prompt" if ask.messages is None else "messages",
            remedy="Send less at once, or raise the limit in the project file's serve section.",
        )
    texts = [(f"messages[{place}].content", one["content"]) for place, one in enumerate(ask.messages or [])]
    texts += [("prompt", ask.prompt)] if isinstance(ask.prompt, str) else []
    for where, text in [*texts, *((f"stop[{place}]", stop) for place, stop in enumerate(ask.stops))]:
        try:
            text.encode("utf-8")
        except UnicodeEncodeError as error:
            raise _refused(
                f"character {error.start:,} is half of a surrogate pair", "text that can be written in UTF-8", where
            ) from None


def _without_settled(content: Mapping[str, Any]) -> dict[str, Any]:
    """The content without parts that ask for nothing.

    Raises:
        RequestError: a part asks for something that this server does not do.
    """
    kept = {}
    for key, value in content.items():
        if key not in _SETTLED:
            kept[key] = value
        elif value is not None and not any(value == one and type(value) is type(one) for one in _SETTLED[key]):
            raise _refused(f"{key} is {repr(value)[:80]}; this server does not support it", f"{key} left out", key)
    return kept


def validate(model: type[_Model], content: Mapping[str, Any]) -> _Model:
    """Raises: RequestError: the content is not shaped as `model`; only the first complaint is told."""
    try:
        return model.model_validate(content, strict=False)
    except ValidationError as error:
        told = error.errors(include_url=False, include_context=False)
        same = [one for one in told if one["loc"][:2] == told[0]["loc"][:2]]
        first = max(same, key=lambda one: len(one["loc"]))  # where several types are possible, the one that came furthest
        path = _path(first["loc"])
        if first["type"] == "extra_forbidden":
            near = difflib.get_close_matches(str(first["loc"][-1]), list(model.model_fields), 1)
            hint = f"; did you mean {near[0]}?" if near else ""
            raise _refused(
                f"{path[:100]} is not supported{hint}", f"the keys {', '.join(model.model_fields)}", path[:100]
            ) from None
        came = "" if first["type"] == "missing" else f" (came: {repr(first['input'])[:80]})"
        raise _refused(f"{path}: {first['msg']}{came}", "a request as OpenAI's interface describes it", path) from None


def _path(places: Sequence[int | str]) -> str:
    text = ""
    for place in places:
        if isinstance(place, int):
            text += f"[{place}]"
        elif place in ("str", "list[Part]") or "[" in place:  # which of several types was tried; no place in the request
            continue
        else:
            text += f".{place}" if text else place
    return text or "body"


def _refused(came: str, expected: str, where: str) -> RequestError:
    return RequestError(came, expected=expected, where=where, remedy="Correct the request; /docs describes what is taken.")
