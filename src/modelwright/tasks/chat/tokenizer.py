"""The tokenizer of a language model: a standard `tokenizer.json`, its special tokens and its chat template.

`train` learns a byte-level BPE (Sennrich et al. 2016, 1508.07909; over bytes: Radford et al. 2019) whose files transformers and
ONNX Runtime GenAI load unchanged; `ChatTokenizer.of_checkpoint` takes the one that a checkpoint brings.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Self

from modelwright.base.errors import DataError
from modelwright.base.optional import require
from modelwright.base.store import read_json, write_json, write_text, writing
from modelwright.tasks.contract import damaged
from modelwright.tasks.text.scripts import valid
from modelwright.tasks.text.tokens import TOKENIZER_FILE, read_tokenizer

CONFIG_FILE, TEMPLATE_FILE, SPECIAL_FILE = "tokenizer_config.json", "chat_template.jinja", "special_tokens_map.json"
END_OF_TEXT, TURN_START, TURN_END = "<|endoftext|>", "<|im_start|>", "<|im_end|>"
_DOCUMENT_ENDS = (END_OF_TEXT, "<|end_of_text|>")  # as families call it whose answers end by another token
SPECIAL = (END_OF_TEXT, TURN_START, TURN_END)
SMALLEST = len(SPECIAL) + 256
"""Tokens of a vocabulary that knows every byte and nothing else."""

CHATML = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)
PLAIN = (
    "{% for message in messages %}{% if message['role'] == 'assistant' %}{{ 'Assistant: ' + message['content'] + eos_token + '\\n' }}"
    "{% else %}{{ message['role'] | capitalize + ': ' + message['content'] + '\\n' }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}{{ 'Assistant:' }}{% endif %}"
)
"""For checkpoints without a template of their own: it needs no token but the one that ends a text."""

# the splitting rule of Qwen2 (GPT-4's with single digits): runs of letters with one sign before them, digits one by one, runs of
# signs with the line ends behind them, spaces. Runtimes know this rule by heart; another would make them fall back or refuse.
_SPLIT = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
SAMPLE_BYTES = 64_000_000
"""Of training text that merges are learned from: counts of pairs hardly change beyond it."""
_BLOCKS = 256  # places of the corpus that a sample is drawn from
_COMPANIONS = ("vocab.json", "merges.txt", "added_tokens.json", "tokenizer.model")


def train(texts: Iterable[str], vocabulary: int) -> ChatTokenizer:
    """Learn a byte-level BPE of at most `vocabulary` tokens, the special ones and all 256 bytes included. The same texts in the same
    order give the same tokenizer.

    Raises:
        DataError: there is no text.
    """
    library = require("tokenizers", "serve")
    tokenizer = library.Tokenizer(library.models.BPE())
    byte_level = library.pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    split = library.pre_tokenizers.Split(library.Regex(_SPLIT), behavior="isolated")
    tokenizer.pre_tokenizer = library.pre_tokenizers.Sequence([split, byte_level])
    tokenizer.decoder = library.decoders.ByteLevel()
    trainer = library.trainers.BpeTrainer(
        vocab_size=vocabulary,
        min_frequency=2,
        special_tokens=list(SPECIAL),
        initial_alphabet=sorted(library.pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    seen = _Counted(texts)
    tokenizer.train_from_iterator(seen, trainer)
    if not seen.characters:
        raise DataError(
            "there is no text to learn a vocabulary from",
            expected="documents or conversations with text",
            where="the training split",
            remedy="Check which column data.columns.text or data.columns.messages names.",
        )
    config = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": END_OF_TEXT,
        "eos_token": TURN_END,
        "pad_token": END_OF_TEXT,
        "unk_token": None,
        "add_bos_token": False,
        "clean_up_tokenization_spaces": False,
        "model_max_length": 1_000_000_000,
    }
    return ChatTokenizer(tokenizer, config, CHATML)


def sample(rows: Sequence[Any], text_of: Callable[[Any], str], most_bytes: int = SAMPLE_BYTES) -> Iterator[str]:
    """The texts of rows, or where they are more than `most_bytes`, a part of them: equally many bytes from the beginning of each of 256
    equal stretches, so that a sorted corpus is met everywhere. Nothing is drawn at random."""
    step = max(1, -(-len(rows) // _BLOCKS))
    blocks = -(-len(rows) // step)
    for block in range(blocks):
        left = most_bytes // blocks
        for place in range(block * step, min(len(rows), (block + 1) * step)):
            text = text_of(rows[place])
            yield text[:left]
            left -= len(text.encode("utf-8", "replace"))
            if left <= 0:
                break


class _Counted:
    """Texts as the trainer reads them, valid UTF-8, with the number of characters that it read."""

    def __init__(self, texts: Iterable[str]) -> None:
        self.texts, self.characters = texts, 0

    def __iter__(self) -> Iterator[str]:
        for text in self.texts:
            self.characters += len(text.strip())
            yield valid(text)


class ChatTokenizer:
    """Ids of texts and, with `template.render`, of conversations.

    Args:
        tokenizer: a `tokenizers.Tokenizer`.
        config: what tokenizer_config.json holds.
        template: the chat template, in Jinja.
        folder: where a checkpoint's other files lie, to be taken along by `save`.

    Attributes:
        begin: id before a document: `<|endoftext|>` where a tokenizer has it (families whose `bos` opens a turn or is missing put that
            between documents), else `bos`.
        end: id that ends an answer (`eos`).
        document_end: id that ends a document: as `end` unless the tokenizer has one of its own for it.
        padding: id that fills up batches.
        opening: what the template writes where the assistant is to speak next, once somebody has looked.
    """

    def __init__(self, tokenizer: Any, config: dict[str, Any], template: str, folder: Path | None = None) -> None:
        tokenizer.no_padding()
        tokenizer.no_truncation()
        self.opening: str | None = None
        self._steering: dict[str, re.Pattern[str] | None] = {}
        self.tokenizer, self.config, self.template, self.folder = tokenizer, config, template, folder
        self.size: int = tokenizer.get_vocab_size(with_added_tokens=True)
        self.named = {name: text for name in ("bos_token", "eos_token", "pad_token", "unk_token") if (text := self._named(name))}
        end = self._id("eos_token")
        if end is None:
            raise ValueError("it names no eos_token that the vocabulary holds")
        begin, padding = self._id("bos_token"), self._id("pad_token")
        self.end: int = end
        ends = (tokenizer.token_to_id(text) for text in _DOCUMENT_ENDS)
        self.document_end: int = next((number for number in ends if number is not None), end)
        between = tokenizer.token_to_id(END_OF_TEXT)
        self.begin: int = next(number for number in (between, begin, self.document_end) if number is not None)
        self.padding: int = self.document_end if padding is None else padding

    def _named(self, name: str) -> str | None:
        token = self.config.get(name)
        token = token.get("content") if isinstance(token, dict) else token
        return token if isinstance(token, str) else None

    def _id(self, name: str) -> int | None:
        return self.tokenizer.token_to_id(self.named[name]) if name in self.named else None

    @cached_property
    def plain(self) -> Any:
        """The same tokenizer for which special tokens in a text are text like any other."""
        copy = require("tokenizers", "serve").Tokenizer.from_str(self.tokenizer.to_str())
        copy.encode_special_tokens = True
        return copy

    def steering(self, literals: str) -> re.Pattern[str] | None:
        """What finds the tokens that steer a model: every special one, and the added ones among `literals`, which a template writes
        itself. None if there is none."""
        if literals not in self._steering:
            added = self.tokenizer.get_added_tokens_decoder().values()
            tokens = {token.content for token in added if token.special or token.content in literals}
            longest_first = sorted(tokens, key=lambda token: (-len(token), token))
            self._steering[literals] = re.compile("|".join(map(re.escape, longest_first))) if tokens else None
        return self._steering[literals]

    def encode_written(self, text: str, inside: bool) -> tuple[list[int], list[tuple[int, int]]]:
        """Ids of what a template wrote, special tokens among them, and the range of characters that each stands for.

        Args:
            inside: whether something stands before it. Some tokenizers begin a text with a space that the middle of one lacks: they
                read the piece behind a line end, whose own ids are then left out.
        """
        if inside:
            line_end = self.tokenizer.encode("\n", add_special_tokens=False).ids
            found = self.tokenizer.encode("\n" + text, add_special_tokens=False)
            if found.ids[: len(line_end)] == line_end:
                return found.ids[len(line_end) :], [(start - 1, end - 1) for start, end in found.offsets[len(line_end) :]]
        found = self.tokenizer.encode(text, add_special_tokens=False)
        return found.ids, found.offsets

    def encode_control(self, text: str) -> list[int]:
        """Ids of the text of an added token as if it were none."""
        parts = self.tokenizer
        normal = parts.normalizer.normalize_str(text) if parts.normalizer else text
        words = [word for word, _ in parts.pre_tokenizer.pre_tokenize_str(normal)] if parts.pre_tokenizer else [normal]
        return [token.id for word in words for token in parts.model.tokenize(word)]

    def encode(self, text: str) -> list[int]:
        """Ids of a text, without any special token. Half a character (a lone surrogate) is read as `?`."""
        return self.plain.encode(valid(text), add_special_tokens=False).ids

    def encode_many(self, texts: Sequence[str]) -> list[list[int]]:
        """As `encode` for each text."""
        found = self.plain.encode_batch_fast([valid(text) for text in texts], add_special_tokens=False)
        return [one.ids for one in found]

    def decode(self, ids: Sequence[int]) -> str:
        """The text of ids, without special tokens; bytes that are no UTF-8 become U+FFFD."""
        return self.tokenizer.decode(list(ids), skip_special_tokens=True)

    def save(self, folder: Path) -> None:
        """Write the four files that other libraries load, and what else a checkpoint brought."""
        write_text(folder / TOKENIZER_FILE, self.tokenizer.to_str(pretty=False))
        write_json(folder / CONFIG_FILE, {name: value for name, value in self.config.items() if name != "chat_template"})
        write_text(folder / TEMPLATE_FILE, self.template)
        write_json(folder / SPECIAL_FILE, self.named)
        with writing(folder):
            for name in _COMPANIONS if self.folder and self.folder.resolve() != folder.resolve() else ():
                if (self.folder / name).is_file():  # type: ignore[operator]
                    shutil.copyfile(self.folder / name, folder / name)  # type: ignore[operator]

    @classmethod
    def load(cls, folder: Path) -> Self:
        """What `save` wrote.

        Raises:
            ReleaseError: files are missing or damaged.
        """
        tokenizer = read_tokenizer(folder)
        path = folder / CONFIG_FILE
        try:
            config = dict(read_json(path))
            path = folder / TEMPLATE_FILE
            template = path.read_text(encoding="utf-8")
            path = folder / CONFIG_FILE
            return cls(tokenizer, config, template, folder)
        except (OSError, ValueError, TypeError, AttributeError) as error:
            raise damaged(path, error) from error

    @classmethod
    def of_checkpoint(cls, folder: Path | None) -> Self:
        """The tokenizer of a checkpoint's folder, with its own template; `PLAIN` where it has none.

        Raises:
            DataError: there is no readable tokenizer.json, or no token that ends a text.
        """
        if folder is None or not (folder / TOKENIZER_FILE).is_file():
            raise _unusable(folder, "the checkpoint has no tokenizer.json")
        config = _optional(folder, CONFIG_FILE)
        config |= {name: text for name, text in _optional(folder, SPECIAL_FILE).items() if config.get(name) is None}
        try:
            return cls(read_tokenizer(folder), config, _template(folder, config), folder)
        except ValueError as error:
            raise _unusable(folder, f"the checkpoint's tokenizer can't be used: {error}") from error


def _optional(folder: Path, name: str) -> dict[str, Any]:
    """A JSON file's content; {} where a checkpoint has no such file."""
    if not (folder / name).is_file():
        return {}
    try:
        return dict(read_json(folder / name))
    except (OSError, ValueError, TypeError) as error:
        raise _unusable(folder / name, f"is not valid JSON: {error}") from error


def _template(folder: Path, config: dict[str, Any]) -> str:
    """A file of its own, or in the tokenizer's settings: a text, or named texts of which "default" is the one."""
    if (folder / TEMPLATE_FILE).is_file():
        return (folder / TEMPLATE_FILE).read_text(encoding="utf-8")
    found = config.get("chat_template")
    if isinstance(found, list):
        found = {one["name"]: one["template"] for one in found}.get("default")
    return found if isinstance(found, str) else PLAIN


def _unusable(place: Path | None, came: str) -> DataError:
    return DataError(
        came,
        expected="a folder with config.json, tokenizer.json, tokenizer_config.json and model.safetensors",
        where=str(place or "the checkpoint"),
        remedy="Save the tokenizer in the 'fast' format beside the weights, or name another checkpoint.",
    )
