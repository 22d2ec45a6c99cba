"""The tokenizer of masked language models: learned from the training documents, saved as any BERT's.

`wordpiece`: pieces of words (Wu et al. 2016, 1609.08144), as in BERT; nothing readable is unknown. `words`: whole words that occur
twice, which reads further in as many tokens, and suits small collections whose words return.

The library's own WordPiece trainer numbers its letters in the order of a hash table, which is another one in every process. Here
they are handed to it in alphabetical order, so that the same documents give the same file.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np

from modelwright.base.errors import DataError
from modelwright.base.optional import require
from modelwright.base.store import write_json, write_text
from modelwright.tasks.contract import damaged
from modelwright.tasks.text.scripts import UNSPACED, is_unspaced, valid
from modelwright.tasks.text.tokens import TOKENIZER_FILE, read_tokenizer

PADDING, UNKNOWN, BEGIN, END, MASK = SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
CONTINUES = "##"
_LETTERS_SHARE = 0.5  # of the vocabulary that single characters may take; Chinese needs thousands of them
_AT_ONCE = 512  # texts


class Pieces:
    """Text to ids and back. Ids 0 to 4 are padding, unknown, begin, end and mask.

    Args:
        tokenizer: of the library, with its normaliser, its template for one and for two texts, and the length that others cut
            at. Here nothing is cut.
    """

    def __init__(self, tokenizer: Any) -> None:
        tokenizer.no_padding()
        self.limit = int(tokenizer.truncation["max_length"])
        tokenizer.no_truncation()
        tokenizer.encode_special_tokens = True  # what merely looks like a mask in a document is no mask
        self.tokenizer = tokenizer
        self.vocabulary = int(tokenizer.get_vocab_size(with_added_tokens=True))
        self.padding, self.unknown, self.begin, self.end, self.mask = (tokenizer.token_to_id(token) for token in SPECIAL)

    @classmethod
    def learn(cls, texts: Iterable[str], kind: str, vocabulary: int, max_tokens: int) -> Self:
        """From training documents.

        Args:
            texts: iterated over twice.
            kind: "wordpiece" or "words".
            vocabulary: tokens kept at most.
            max_tokens: what readers of tokenizer.json cut at.

        Raises:
            DataError: the documents hold nothing that could be learned from.
        """
        library = require("tokenizers", "serve")
        tokenizer = _untrained(library, kind)
        letters: Counter[str] = Counter()
        if kind == "wordpiece":
            for text in texts:
                letters.update(tokenizer.normalizer.normalize_str(valid(text)))
        trainer = _trainer(library, kind, vocabulary, letters)
        tokenizer.train_from_iterator((valid(text) for text in texts), trainer)
        found = tokenizer.get_vocab(with_added_tokens=True)
        if len(found) <= len(SPECIAL):
            raise DataError(
                "the training documents hold " + ("no letters" if kind == "wordpiece" else "no word that occurs twice"),
                expected="texts to learn from",
                where="column role 'text'",
                remedy="Check which column data.columns.text names.",
            )
        return cls(_finished(library, kind, found, max_tokens))

    def encode(self, text: str) -> list[int]:
        """Ids of a text without the special ones around it; a text that only looks like one of those becomes ordinary pieces."""
        return self.tokenizer.encode(valid(text), add_special_tokens=False).ids

    def encode_many(self, texts: Sequence[str]) -> list[list[int]]:
        found = self.tokenizer.encode_batch_fast([valid(text) for text in texts], add_special_tokens=False)
        return [one.ids for one in found]

    def token(self, number: int) -> str:
        """The token of an id, as the vocabulary has it: pieces that go on with a word begin with ##."""
        return str(self.tokenizer.id_to_token(number))

    @cached_property
    def continues(self) -> np.ndarray:
        """bool [vocabulary]: whether the piece goes on with the word before it."""
        return np.array([self.token(number).startswith(CONTINUES) for number in range(self.vocabulary)])

    def save(self, folder: Path) -> None:
        """`tokenizer.json`, and what other libraries want beside it."""
        names = dict(zip(("pad_token", "unk_token", "cls_token", "sep_token", "mask_token"), SPECIAL, strict=True))
        self.tokenizer.enable_truncation(self.limit)
        write_text(folder / TOKENIZER_FILE, self.tokenizer.to_str(pretty=False))
        self.tokenizer.no_truncation()
        about = {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "model_max_length": self.limit,
            "model_input_names": ["input_ids", "token_type_ids", "attention_mask"],
            "clean_up_tokenization_spaces": False,
        }
        write_json(folder / "tokenizer_config.json", {**about, **names})
        write_json(folder / "special_tokens_map.json", names)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """What `save` wrote.

        Raises:
            ReleaseError: missing, damaged, or without one of the special tokens.
        """
        tokenizer = read_tokenizer(folder)
        lacking = [token for token in SPECIAL if tokenizer.token_to_id(token) is None]
        if lacking or tokenizer.truncation is None:
            raise damaged(folder / TOKENIZER_FILE, ValueError(f"it lacks {', '.join(lacking) or 'a length to cut at'}"))
        return cls(tokenizer)


def _untrained(library: Any, kind: str) -> Any:
    model = library.models.WordPiece if kind == "wordpiece" else library.models.WordLevel
    tokenizer = library.Tokenizer(model(unk_token=UNKNOWN))
    tokenizer.normalizer = library.normalizers.Sequence(
        [
            library.normalizers.NFKC(),
            library.normalizers.BertNormalizer(clean_text=True, handle_chinese_chars=True, strip_accents=False, lowercase=True),
        ]
    )
    tokenizer.pre_tokenizer = library.pre_tokenizers.Sequence(
        [
            library.pre_tokenizers.BertPreTokenizer(),
            library.pre_tokenizers.Split(library.Regex(f"[{UNSPACED}]"), behavior="isolated"),
        ]
    )
    return tokenizer


def _trainer(library: Any, kind: str, vocabulary: int, letters: Counter[str]) -> Any:
    if kind == "words":
        return library.trainers.WordLevelTrainer(
            vocab_size=vocabulary, min_frequency=2, special_tokens=list(SPECIAL), show_progress=False
        )
    kept, room = [], vocabulary * _LETTERS_SHARE
    for letter, _ in sorted(letters.items(), key=lambda item: (-item[1], item[0])):
        if not letter.isspace():
            kept.append(letter)
            room -= 1 if is_unspaced(letter) else 2  # inside a word it is another piece
        if room < 0:
            break
    kept.sort()
    continuing = [CONTINUES + letter for letter in kept if not is_unspaced(letter)]
    return library.trainers.WordPieceTrainer(
        vocab_size=vocabulary,
        min_frequency=2,
        special_tokens=[*SPECIAL, *continuing],
        initial_alphabet=kept,
        limit_alphabet=len(kept),
        show_progress=False,
    )


def _finished(library: Any, kind: str, found: dict[str, int], max_tokens: int) -> Any:
    """A tokenizer of the learned vocabulary, whose only special tokens are BERT's."""
    tokenizer = _untrained(library, kind)
    if kind == "wordpiece":
        tokenizer.model = library.models.WordPiece(found, unk_token=UNKNOWN, max_input_chars_per_word=100)
    else:
        tokenizer.model = library.models.WordLevel(found, unk_token=UNKNOWN)
    tokenizer.add_special_tokens(list(SPECIAL))
    numbers = [(token, tokenizer.token_to_id(token)) for token in (BEGIN, END)]
    tokenizer.post_processor = library.processors.TemplateProcessing(
        f"{BEGIN} $A {END}", f"{BEGIN} $A {END} $B:1 {END}:1", special_tokens=numbers
    )
    if kind == "wordpiece":
        tokenizer.decoder = library.decoders.WordPiece(prefix=CONTINUES)
    tokenizer.enable_truncation(max_tokens)
    return tokenizer


def batches(texts: Iterable[str]) -> Iterator[list[str]]:
    """Texts, some hundred at a time."""
    part: list[str] = []
    for text in texts:
        part.append(text)
        if len(part) == _AT_ONCE:
            yield part
            part = []
    if part:
        yield part
