"""What the two readers with a `tokenizer.json` share: the file, truncation, the mask."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np

from modelwright.base.optional import require
from modelwright.base.store import write_text
from modelwright.tasks.contract import damaged
from modelwright.tasks.text.reader import Inputs, Places, TextOnlyReader
from modelwright.tasks.text.scripts import valid

TOKENIZER_FILE = "tokenizer.json"
# Text beyond this can't reach max_tokens in any usual writing; cutting it first keeps a 1 MB request as cheap as any other.
CHARACTERS_PER_TOKEN = 24
# Most texts fill max_tokens within so much of it; the rest of a long article need not be read (0.66 → 0.25 ms for 128 tokens of
# 2,300 characters).
LIKELY_CHARACTERS_PER_TOKEN = 7


class TokenReader(TextOnlyReader):
    """Ids of a `tokenizers.Tokenizer`, truncated to `max_tokens`; mask 1 for tokens, 0 for padding.

    Args:
        tokenizer: with its normaliser, model and special tokens; truncation is set here.
        max_tokens: special tokens included.
        padding: id of the padding token.
        unknown: id that stands for a text without any token.
    """

    inputs = {"token_ids": np.int64, "mask": np.int64}
    axis = "tokens"
    unknown_tokens: ClassVar[tuple[str, ...]] = ("[UNK]", "<unk>", "<|endoftext|>")
    padding_tokens: ClassVar[tuple[str, ...]] = ("[PAD]", "<pad>", "<|endoftext|>")

    def __init__(self, tokenizer: Any, max_tokens: int, padding: int, unknown: int) -> None:
        tokenizer.no_padding()
        tokenizer.enable_truncation(max_tokens)
        self.tokenizer, self.max_tokens, self.padding, self.unknown = tokenizer, max_tokens, padding, unknown
        self.vocabulary = tokenizer.get_vocab_size(with_added_tokens=True)
        self.characters = max_tokens * CHARACTERS_PER_TOKEN

    def encode(self, text: str) -> Inputs:
        return self.encode_many([text])[0]

    def encode_many(self, texts: Sequence[str]) -> list[Inputs]:
        whole = [valid(text[: self.characters]) for text in texts]
        openings = [self._opening(text) for text in whole]
        ids = [one.ids for one in self.tokenizer.encode_batch_fast(openings)]
        short = [at for at, opening in enumerate(openings) if len(opening) < len(whole[at]) and len(ids[at]) < self.max_tokens]
        for at, one in zip(short, self.tokenizer.encode_batch_fast([whole[at] for at in short]), strict=True):
            ids[at] = one.ids
        return [self._inputs(one) for one in ids]

    def places(self, text: str) -> list[Places]:
        whole = valid(text[: self.characters])
        opening = self._opening(whole)
        found = self.tokenizer.encode(opening)
        if len(opening) < len(whole) and len(found.ids) < self.max_tokens:
            found = self.tokenizer.encode(whole)
        return [((start, end),) if start < end else () for start, end in found.offsets] or [()]

    def _opening(self, text: str) -> str:
        """As much of a long text as likely fills `max_tokens`, up to the end of a word: a word's tokens do not depend on what
        comes after the space behind it."""
        likely = self.max_tokens * LIKELY_CHARACTERS_PER_TOKEN
        end = text.rfind(" ", 0, likely) if len(text) > likely else -1
        return text if end < 0 else text[:end]

    def _inputs(self, ids: list[int]) -> Inputs:
        token_ids = np.array(ids or [self.unknown], np.int64)
        return {"token_ids": token_ids, "mask": np.ones(len(token_ids), np.int64)}

    def save(self, folder: Path) -> None:
        write_text(folder / TOKENIZER_FILE, self.tokenizer.to_str(pretty=False))

    @classmethod
    def load(cls, folder: Path) -> Self:
        tokenizer = read_tokenizer(folder)
        truncation = tokenizer.truncation
        try:
            return cls(tokenizer, int(truncation["max_length"]), cls.padding_of(tokenizer), cls.unknown_of(tokenizer))
        except (TypeError, KeyError) as error:  # no truncation: not a file that we saved
            raise damaged(folder / TOKENIZER_FILE, ValueError("it sets no truncation")) from error

    @classmethod
    def padding_of(cls, tokenizer: Any) -> int:
        """Id of the first usual padding token that the tokenizer knows; 0 if it knows none (the mask hides it anyway)."""
        return next((number for token in cls.padding_tokens if (number := tokenizer.token_to_id(token)) is not None), 0)

    @classmethod
    def unknown_of(cls, tokenizer: Any) -> int:
        return next((number for token in cls.unknown_tokens if (number := tokenizer.token_to_id(token)) is not None), 0)


def read_tokenizer(folder: Path) -> Any:
    """The tokenizer of a folder with `tokenizer.json`.

    Raises:
        ReleaseError: it is missing or damaged.
    """
    path = folder / TOKENIZER_FILE
    tokenizers = require("tokenizers", "serve")
    try:
        return tokenizers.Tokenizer.from_str(path.read_text(encoding="utf-8"))
    except Exception as error:  # the library raises bare Exception for a file that does not parse
        raise damaged(path, error) from error
