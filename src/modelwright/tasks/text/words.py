"""Reader `words`: a WordPiece vocabulary trained on the rows, saved as a standard `tokenizer.json`.

WordPiece (Schuster & Nakajima 2012) rather than whole words: on a few thousand rows most rare words would be unknown, while
their pieces are not, and its files load in `transformers` unchanged. Characters of scripts without spaces stand alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

from modelwright.base.errors import DataError
from modelwright.base.optional import require
from modelwright.tasks.text.scripts import UNSPACED, valid
from modelwright.tasks.text.tokens import TokenReader

_PADDING, _UNKNOWN = "[PAD]", "[UNK]"
_TRAIN_CHARACTERS = 4_000  # of each row: vocabularies are settled long before the end of a book


class Words(TokenReader):
    """Pieces of words, lower case, NFKC; id 0 is padding, id 1 unknown."""

    name = "words"

    @classmethod
    def fit(cls, texts: Sequence[str], route: Any, checkpoint: Path | None) -> Self:
        """Train at most `route.vocabulary` pieces."""
        library = require("tokenizers", "serve")
        tokenizer = library.Tokenizer(library.models.WordPiece(unk_token=_UNKNOWN))
        tokenizer.normalizer = library.normalizers.Sequence(
            [
                library.normalizers.NFKC(),
                library.normalizers.BertNormalizer(
                    clean_text=True, handle_chinese_chars=True, strip_accents=False, lowercase=True
                ),
            ]
        )
        tokenizer.pre_tokenizer = library.pre_tokenizers.Sequence(
            [
                library.pre_tokenizers.BertPreTokenizer(),
                library.pre_tokenizers.Split(library.Regex(f"[{UNSPACED}]"), behavior="isolated"),
            ]
        )
        tokenizer.decoder = library.decoders.WordPiece()
        trainer = library.trainers.WordPieceTrainer(
            vocab_size=route.vocabulary,
            min_frequency=2,
            special_tokens=[_PADDING, _UNKNOWN],
            show_progress=False,
        )
        tokenizer.train_from_iterator((valid(text[:_TRAIN_CHARACTERS]) for text in texts), trainer)
        if tokenizer.get_vocab_size() <= 2:
            raise DataError(
                f"the {len(texts):,} training rows hold no words",
                expected="texts with letters or digits",
                where=f"route {route.name}",
                remedy="Check which column data.columns.text names.",
            )
        return cls(tokenizer, route.max_tokens, 0, 1)


READER = Words
