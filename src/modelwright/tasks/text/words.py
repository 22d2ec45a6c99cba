"""Reader `words`: the words of the rows, saved as a standard `tokenizer.json`. Characters of scripts without spaces stand alone.

Whole words rather than pieces: a text is read further within the same number of tokens, words seen once train the embedding of
unknown words, and the vocabulary is the same on every run (the library's WordPiece trainer numbers pieces by hash order).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

from modelwright.base.errors import DataError
from modelwright.base.optional import require
from modelwright.tasks.text.scripts import UNSPACED, valid
from modelwright.tasks.text.tokens import CHARACTERS_PER_TOKEN, TokenReader

_PADDING, _UNKNOWN = "[PAD]", "[UNK]"


class Words(TokenReader):
    """Words seen at least twice, the most frequent first; lower case, NFKC; id 0 is padding, id 1 unknown."""

    name = "words"

    @classmethod
    def fit(cls, texts: Sequence[str], route: Any, checkpoint: Path | None) -> Self:
        """Keep at most `route.vocabulary` words."""
        library = require("tokenizers", "serve")
        tokenizer = library.Tokenizer(library.models.WordLevel(unk_token=_UNKNOWN))
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
        trainer = library.trainers.WordLevelTrainer(
            vocab_size=route.vocabulary,
            min_frequency=2,
            special_tokens=[_PADDING, _UNKNOWN],
            show_progress=False,
        )
        tokenizer.train_from_iterator((valid(text[: route.max_tokens * CHARACTERS_PER_TOKEN]) for text in texts), trainer)
        if tokenizer.get_vocab_size() <= 2:
            raise DataError(
                f"no word occurs twice in the {len(texts):,} training rows",
                expected="texts that share words",
                where=f"route {route.name}",
                remedy="Check which column data.columns.text names.",
            )
        return cls(tokenizer, route.max_tokens, 0, 1)


READER = Words
