"""What a reader is: text in, unpadded arrays out. A route names its reader in `reads`; the file has the same name.

Readers are fitted on training rows only and travel with the release, so that training and serving read alike.
"""

from __future__ import annotations

import importlib
import pkgutil
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np

from modelwright.base.errors import SpecError

Inputs = dict[str, np.ndarray]
Places = tuple[tuple[int, int], ...]
"""Ranges of characters of a text, each from its first to behind its last."""


@dataclass(frozen=True)
class Lesson:
    """What there is to learn from.

    Args:
        texts: of the training split.
        given: each text's labels.
        labels: all there are, in the order of the model's outputs.
        several: whether a text may have several.
        paired: whether each text is two, with the reader's `between` between them.
    """

    texts: Sequence[str]
    given: Sequence[tuple[str, ...]]
    labels: Sequence[str]
    several: bool
    paired: bool


class Reader(ABC):
    """Turns texts into a model's inputs.

    Class attributes:
        name: as a route's `reads` has it.
        inputs: each input's dtype; every input is one-dimensional, and all inputs of a text are equally long (at least 1).
        axis: what the inputs' axis counts ("tokens", "features").
        between: what stands between two texts that are read as one.

    Attributes:
        vocabulary: how many different ids there are, padding included.
        padding: the id that fills up short rows; counts and masks are filled up with 0.
    """

    name: ClassVar[str]
    inputs: ClassVar[Mapping[str, type[np.generic]]]
    axis: ClassVar[str]
    between: ClassVar[str] = " [SEP] "

    vocabulary: int
    padding: int

    @classmethod
    @abstractmethod
    def fit_labelled(cls, lesson: Lesson, route: Any, checkpoint: Path | None) -> Self:
        """Learn from the training texts and their labels. `route` has the settings that the reader names (longest n-gram, tokens,
        vocabulary …).

        Raises:
            DataError: the texts hold nothing to learn from.
        """

    @abstractmethod
    def encode(self, text: str) -> Inputs:
        """One text as unpadded arrays. Any str is accepted; one that holds nothing readable gives a single neutral entry."""

    def encode_many(self, texts: Sequence[str]) -> list[Inputs]:
        return [self.encode(text) for text in texts]

    @abstractmethod
    def places(self, text: str) -> list[Places]:
        """Where in the text each entry of `encode(text)` was read, in the same order; () for an entry that stands for no part of it
        (special tokens, the neutral entry). For explanations, which show what a model saw."""

    def collate(self, many: Sequence[Inputs]) -> Inputs:
        """Stack to [batch, longest], filled up with padding."""
        first = next(iter(self.inputs))
        lengths = [len(one[first]) for one in many]
        shape = (len(many), max(lengths))
        stacked: Inputs = {}
        for name, dtype in self.inputs.items():
            array = np.full(shape, self.padding if name.endswith("_ids") else 0, dtype=dtype)
            for row, (one, length) in enumerate(zip(many, lengths, strict=True)):
                array[row, :length] = one[name]
            stacked[name] = array
        return stacked

    @property
    def axes(self) -> dict[str, tuple[str, ...]]:
        return dict.fromkeys(self.inputs, ("batch", self.axis))

    @abstractmethod
    def save(self, folder: Path) -> None:
        """Write what `load` needs, in open formats."""

    @classmethod
    @abstractmethod
    def load(cls, folder: Path) -> Self:
        """What `save` wrote.

        Raises:
            ReleaseError: files are missing or damaged.
        """


class TextOnlyReader(Reader):
    """A reader that does not look at labels."""

    @classmethod
    @abstractmethod
    def fit(cls, texts: Sequence[str], route: Any, checkpoint: Path | None) -> Self:
        """Learn from the training texts.

        Raises:
            DataError: the texts hold nothing to learn from.
        """

    @classmethod
    def fit_labelled(cls, lesson: Lesson, route: Any, checkpoint: Path | None) -> Self:
        return cls.fit(lesson.texts, route, checkpoint)


def all_readers() -> dict[str, type[Reader]]:
    """Every reader of the folder, by name: a module with `READER`."""
    package = __name__.rpartition(".")[0]
    modules = [importlib.import_module(f"{package}.{info.name}") for info in pkgutil.iter_modules([str(Path(__file__).parent)])]
    return {module.READER.name: module.READER for module in modules if hasattr(module, "READER")}


def get_reader(name: str) -> type[Reader]:
    """The reader called `name`; only its module is imported, for serving starts fast.

    Raises:
        SpecError: there is none; the message lists the folder.
    """
    package = __name__.rpartition(".")[0]
    try:
        return importlib.import_module(f"{package}.{name.replace('-', '_')}").READER
    except (ModuleNotFoundError, AttributeError):
        raise SpecError(
            f"the reader {name!r} does not exist",
            expected=f"one of: {', '.join(sorted(all_readers()))}",
            where="reads",
            remedy="Name one of them in the route's `reads`, or add its file to tasks/text.",
        ) from None
