"""Reader `checkpoint`: the tokenizer of the checkpoint that a route starts from, with its own special tokens."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

from modelwright.base.errors import DataError, SpecError
from modelwright.base.store import read_json, writing
from modelwright.tasks.text.tokens import TokenReader, read_tokenizer

# beside tokenizer.json, so that other libraries load our folder as they load the checkpoint's
_COMPANIONS = ("tokenizer_config.json", "special_tokens_map.json", "vocab.txt", "vocab.json", "merges.txt", "added_tokens.json")


class Checkpoint(TokenReader):
    """The checkpoint's ids, cut to `max_tokens` (special tokens included)."""

    name = "checkpoint"
    folder: Path | None = None

    @classmethod
    def fit(cls, texts: Sequence[str], route: Any, checkpoint: Path | None) -> Self:
        """Nothing is learned; the folder's tokenizer is taken as it is.

        Raises:
            DataError: the folder has no readable tokenizer.json.
            SpecError: `route.max_tokens` is more than the checkpoint has positions for.
        """
        if checkpoint is None or not (checkpoint / "tokenizer.json").is_file():
            raise DataError(
                "the checkpoint has no tokenizer.json",
                expected="a folder with config.json, tokenizer.json and model.safetensors",
                where=str(checkpoint or f"route {route.name}"),
                remedy="Save the tokenizer in the 'fast' format beside the weights, or name another checkpoint.",
            )
        longest = _positions(checkpoint)
        if longest is not None and route.max_tokens > longest:
            raise SpecError(
                f"max_tokens is {route.max_tokens}, but the checkpoint has {longest} positions",
                expected=f"at most {longest}",
                where=f"route {route.name}: max_tokens",
                remedy=f"Set max_tokens: {longest}, or start from a checkpoint for longer texts.",
            )
        tokenizer = read_tokenizer(checkpoint)
        padding = _padding(checkpoint, tokenizer)
        reader = cls(tokenizer, route.max_tokens, padding, cls.unknown_of(tokenizer))
        reader.folder = checkpoint
        return reader

    def save(self, folder: Path) -> None:
        super().save(folder)
        with writing(folder):
            for name in _COMPANIONS if self.folder and self.folder.resolve() != folder.resolve() else ():
                if (self.folder / name).is_file():  # type: ignore[operator]
                    shutil.copyfile(self.folder / name, folder / name)  # type: ignore[operator]

    @classmethod
    def load(cls, folder: Path) -> Self:
        reader = super().load(folder)
        reader.padding = _padding(folder, reader.tokenizer)
        reader.folder = folder
        return reader


def _settings(path: Path) -> dict[str, Any]:
    """A JSON file's content; {} where a checkpoint has no such file."""
    if not path.is_file():
        return {}
    try:
        return dict(read_json(path))
    except (OSError, ValueError, TypeError, json.JSONDecodeError) as error:
        raise DataError(
            f"is not valid JSON: {error}",
            expected="the checkpoint's own settings",
            where=str(path),
            remedy="Fetch the checkpoint again.",
        ) from error


def _positions(folder: Path) -> int | None:
    """Tokens that the checkpoint can read at once; None if it does not say."""
    settings = _settings(folder / "config.json")
    positions = settings.get("max_position_embeddings")
    if not isinstance(positions, int):
        return None
    # RoBERTa's family counts positions from padding + 1
    shifted = settings.get("model_type") in {"roberta", "xlm-roberta", "camembert", "xlm-roberta-xl"}
    return positions - (settings.get("pad_token_id") or 1) - 1 if shifted else positions


def _padding(folder: Path, tokenizer: Any) -> int:
    """The padding id: as tokenizer_config.json names the token, else the usual names."""
    token = _settings(folder / "tokenizer_config.json").get("pad_token")
    token = token.get("content") if isinstance(token, dict) else token
    number = tokenizer.token_to_id(token) if isinstance(token, str) else None
    return TokenReader.padding_of(tokenizer) if number is None else number


READER = Checkpoint
