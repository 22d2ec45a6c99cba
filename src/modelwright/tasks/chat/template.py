"""A conversation as ids: the one place where a prompt is made, for the trainer and for the server.

The ids are those of transformers' `apply_chat_template(…, sanitize_control_tokens=True)`: the template writes special tokens, and
what looks like one inside a message is encoded as the plain text it is, apart from what stands beside it. Where no message holds such
text, they are also those of the template's text given to any library's tokenizer as a whole. No torch, no transformers.

Two kinds of marks travel through the template with the contents and leave again: around control tokens in a content, and around the
content of the assistant. They are noncharacters, which Unicode keeps for a program's own use; a message that brings some loses them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

import numpy as np

from modelwright.base.errors import RequestError
from modelwright.base.optional import require
from modelwright.tasks.chat.messages import Messages
from modelwright.tasks.chat.tokenizer import ChatTokenizer
from modelwright.tasks.text.scripts import valid

_PLAIN, _PLAIN_END, _SAID, _SAID_END = "\ufdd0", "\ufdd1", "\ufdd2", "\ufdd3"
_MARKS = str.maketrans("", "", _PLAIN + _PLAIN_END + _SAID + _SAID_END)
_MARKED = re.compile(f"{_PLAIN}([^{_PLAIN}{_PLAIN_END}]*){_PLAIN_END}|[{_PLAIN}{_PLAIN_END}]")
_SAID_MARKS = str.maketrans("", "", _SAID + _SAID_END)
Span = tuple[int, int]


def render(
    tokenizer: ChatTokenizer,
    messages: Messages,
    add_generation_prompt: bool,
    *,
    where: str = "messages",
    clock: Callable[[], datetime] = datetime.now,
) -> tuple[list[int], list[bool]]:
    """Ids of a conversation, and which of them the assistant is to learn: its contents and the token that ends each.

    Args:
        messages: as `read_messages` gives them.
        add_generation_prompt: whether the assistant is to speak next; nothing of such a prompt is to be learned.
        where: for the message of an error.
        clock: for templates that write today's date.

    Raises:
        RequestError: the template refuses this conversation (some want turns to alternate), or hides who says what.
    """
    template = _compiled(tokenizer.template)
    marked = [{"role": one["role"], "content": _marked(tokenizer, template, one)} for one in messages]
    written = _written(tokenizer, template, marked, add_generation_prompt, where, clock)
    text = written.translate(_SAID_MARKS)
    if add_generation_prompt or not any(one["role"] == "assistant" for one in messages):
        return _encoded(tokenizer, text, [])
    return _encoded(tokenizer, text, _learned(tokenizer, template, marked, written, where, clock))


def check(tokenizer: ChatTokenizer) -> None:
    """Raises: RequestError: the template is no Jinja."""
    _compiled(tokenizer.template)


def render_text(tokenizer: ChatTokenizer, messages: Messages, add_generation_prompt: bool) -> str:
    """What the template writes, as text: for people, and for tokenizers of other libraries."""
    plain = [{"role": one["role"], "content": one["content"].translate(_MARKS)} for one in messages]
    text = _written(tokenizer, _compiled(tokenizer.template), plain, add_generation_prompt, "messages", datetime.now)
    return text.translate(_SAID_MARKS)


@dataclass(frozen=True)
class _Template:
    """A compiled template; `literals` is the text it may write itself, `tagged` whether it says what the assistant generates."""

    compiled: Any
    literals: str
    tagged: bool


@lru_cache(maxsize=16)
def _compiled(source: str) -> _Template:
    """In a sandbox: a checkpoint's template is somebody else's program. It sees plain JSON values only and can't reach Python's own.

    Raises:
        RequestError: it is no Jinja.
    """
    jinja = require("jinja2", "chat")
    nodes, sandbox = require("jinja2.nodes", "chat"), require("jinja2.sandbox", "chat")
    generation = _generation_tag()
    environment = sandbox.ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[generation, "jinja2.ext.loopcontrols"]
    )
    environment.filters["tojson"] = _as_json
    environment.globals["raise_exception"] = _refuse
    try:
        tree = environment.parse(source)
        compiled = environment.from_string(source)
    except jinja.TemplateError as error:
        raise RequestError(
            f"the chat template can't be read: {error}",
            expected="a chat template in Jinja",
            where="chat_template.jinja",
            remedy="Take the template that the checkpoint's makers published.",
        ) from error
    literals = [node.data for node in tree.find_all(nodes.TemplateData)]
    literals += [node.value for node in tree.find_all(nodes.Const) if isinstance(node.value, str)]
    return _Template(compiled, "\0".join(literals), re.search(r"\{%-?\s*generation\s*-?%\}", source) is not None)


@lru_cache(maxsize=1)
def _generation_tag() -> type:
    """`{% generation %}`: what stands in it is what the assistant generates. It is put between marks."""
    nodes, extensions = require("jinja2.nodes", "chat"), require("jinja2.ext", "chat")

    class Generation(extensions.Extension):  # type: ignore[name-defined]
        tags = {"generation"}

        def parse(self, parser: Any) -> Any:
            line = next(parser.stream).lineno
            body = parser.parse_statements(("name:endgeneration",), drop_needle=True)
            return nodes.CallBlock(self.call_method("_between_marks"), [], [], body).set_lineno(line)

        def _between_marks(self, caller: Callable[[], str]) -> str:
            return f"{_SAID}{caller()}{_SAID_END}"

    return Generation


def _as_json(
    value: Any, ensure_ascii: bool = False, indent: int | None = None, separators: Any = None, sort_keys: bool = False
) -> str:
    return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)


def _refuse(message: str) -> None:
    raise require("jinja2", "chat").TemplateError(message)


def _marked(tokenizer: ChatTokenizer, template: _Template, message: Mapping[str, str]) -> str:
    """A content with marks around what is a control token elsewhere: every special token, and tokens that the template itself writes.
    The latter are left to the assistant: a model that thinks aloud between such tokens learns to write them."""
    content = valid(message["content"].translate(_MARKS))
    steering = tokenizer.steering("" if message["role"] == "assistant" else template.literals)
    return steering.sub(rf"{_PLAIN}\g<0>{_PLAIN_END}", content) if steering else content


def _written(
    tokenizer: ChatTokenizer,
    template: _Template,
    messages: Messages,
    add_generation_prompt: bool,
    where: str,
    clock: Callable[[], datetime],
) -> str:
    """What the template makes of the messages; marks of `{% generation %}` are left in it."""
    jinja = require("jinja2", "chat")
    try:
        return template.compiled.render(
            messages=[dict(message) for message in messages],
            tools=None,
            documents=None,
            add_generation_prompt=add_generation_prompt,
            strftime_now=lambda form: clock().strftime(form),
            **tokenizer.named,
        )
    except (jinja.TemplateError, TypeError, ValueError, KeyError, OverflowError) as error:
        raise RequestError(
            f"the chat template refuses the conversation: {str(error)[:300]}",
            expected="messages in the order that the model was made for",
            where=where,
            remedy="Mend the order of the roles; most templates want user and assistant in turns after one system message.",
        ) from error


def _learned(
    tokenizer: ChatTokenizer,
    template: _Template,
    messages: Messages,
    text: str,
    where: str,
    clock: Callable[[], datetime],
) -> list[Span]:
    """Ranges of `text` that the assistant is to learn."""
    if template.tagged:
        return [(start or 0, end) for start, end in _unmarked(text)[1]]
    said = [{**one, "content": _said(one["content"]) if one["role"] == "assistant" else one["content"]} for one in messages]
    again, found = _unmarked(_written(tokenizer, template, said, False, where, clock))
    if again != text or len(found) != sum(one["role"] == "assistant" for one in messages):
        raise _hidden(where)
    opening, spans, last = _opening(tokenizer, clock), list[Span](), 0
    turns = [place for place, one in enumerate(messages) if one["role"] == "assistant"]
    for place, (start, end) in zip(turns, found, strict=True):
        if opening:
            opened = text.rfind(opening, last, end if start is None else start)
            begin = start if opened < 0 else opened + len(opening)
        else:  # whatever follows what was said before is the assistant's, spaces too
            before = _written(tokenizer, template, messages[:place], False, where, clock)
            begin = len(before) if last <= len(before) <= end and text.startswith(before) else start
        if begin is None:
            raise _hidden(where)
        last = _closed(tokenizer, text, end)
        spans.append((begin, last))
    return spans


def _said(content: str) -> str:
    """A content between marks, which stand inside the spaces around it: many templates cut those off."""
    core = content.strip()
    before = len(content) - len(content.lstrip())
    return f"{content[:before]}{_SAID}{core}{_SAID_END}{content[before + len(core) :]}"


def _unmarked(text: str) -> tuple[str, list[tuple[int | None, int]]]:
    """The text without the marks of what is said, and where in it each stood: (start, None if that mark is lost; end)."""
    pieces, spans, place, start = re.split(f"([{_SAID}{_SAID_END}])", text), list[tuple[int | None, int]](), 0, None
    for piece in pieces:
        if piece == _SAID:
            start = place
        elif piece == _SAID_END:
            spans.append((start, place))
            start = None
        else:
            place += len(piece)
    return text.translate(_SAID_MARKS), spans


def _opening(tokenizer: ChatTokenizer, clock: Callable[[], datetime]) -> str:
    """What the template writes where the assistant is to speak next; "" where it writes nothing."""
    if tokenizer.opening is not None:
        return tokenizer.opening
    template, asked = _compiled(tokenizer.template), [{"role": "user", "content": "?"}]
    without = _written(tokenizer, template, asked, False, "chat_template.jinja", clock).translate(_SAID_MARKS)
    whole = _written(tokenizer, template, asked, True, "chat_template.jinja", clock).translate(_SAID_MARKS)
    tokenizer.opening = whole[len(without) :] if whole.startswith(without) else ""
    return tokenizer.opening


def _closed(tokenizer: ChatTokenizer, text: str, end: int) -> int:
    """`end`, or where the special token ends that closes the answer which ends there."""
    steering = tokenizer.steering("")
    space = re.compile(r"\s*").match(text, end)
    found = steering.match(text, space.end()) if steering and space else None
    return found.end() if found else end


def _hidden(where: str) -> RequestError:
    return RequestError(
        "the chat template does not show where the assistant's words stand",
        expected="a template that writes each content as it is, or marks it by {% generation %}",
        where=where,
        remedy="Put {% generation %} … {% endgeneration %} round the assistant's words in chat_template.jinja.",
    )


def _encoded(tokenizer: ChatTokenizer, text: str, spans: Sequence[Span]) -> tuple[list[int], list[bool]]:
    """Ids of a marked text. A token is learned if any of its characters lies in one of `spans`."""
    said = np.zeros(len(text) + 1, np.int64)
    for start, end in spans:
        said[start + 1 : end + 1] = 1
    before = np.cumsum(said)  # characters to learn in front of each place
    ids, learned, place = list[int](), list[bool](), 0
    for mark in [*_MARKED.finditer(text), None]:
        piece = text[place : mark.start() if mark else None]
        if piece:
            found, offsets = tokenizer.encode_written(piece, inside=place > 0)
            edges = np.array(offsets, np.int64).reshape(-1, 2) + place
            ids += found
            learned += (before[edges[:, 1]] > before[edges[:, 0]]).tolist()
        if mark and mark[1]:
            found = tokenizer.encode_control(mark[1])
            ids += found
            learned += [bool(before[mark.end(1)] > before[mark.start(1)])] * len(found)
        place = mark.end() if mark else place
    return ids, learned
