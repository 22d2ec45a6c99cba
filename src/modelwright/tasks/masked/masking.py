"""Which tokens are hidden, and behind what (Devlin et al. 2019, 1810.04805, 3.1): of the chosen ones 80 % become [MASK], 10 % another
token at random, 10 % stay, so that the model has to know every token's neighbourhood, not only that of masks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

_MASKED, _CHANGED = 0.8, 0.1  # shares of the chosen tokens; the rest stay as they are


@dataclass(frozen=True)
class Masking:
    """How tokens are chosen.

    Args:
        share: of the tokens (or words) that are chosen, at least one.
        mask: id of [MASK].
        first: the first id that may stand in for another at random; those before it are special.
        vocabulary: ids altogether.
        continues: bool [vocabulary], which pieces go on with the word before them; given, whole words are chosen at once (as in the
            authors' later release). None: pieces are.
    """

    share: float
    mask: int
    first: int
    vocabulary: int
    continues: np.ndarray | None = None

    def hide(
        self, ids: np.ndarray, usable: np.ndarray, generator: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Choose tokens and hide them.

        Args:
            ids: int64 [t].
            usable: bool [t], tokens that may be chosen (no special ones); at least one.

        Returns:
            the ids with some hidden, the places of the chosen in order int64 [m], and what stood there int64 [m].
        """
        places = self._chosen(ids, np.flatnonzero(usable), generator)
        sought = ids[places]
        fate = generator.random(len(places))
        shown = np.where(fate < _MASKED, self.mask, sought)
        changed = fate >= 1 - _CHANGED
        shown[changed] = generator.integers(self.first, self.vocabulary, int(changed.sum()))
        hidden = ids.copy()
        hidden[places] = shown
        return hidden, places, sought

    def _chosen(self, ids: np.ndarray, usable: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        wanted = max(1, round(self.share * len(usable)))
        if self.continues is None:
            return np.sort(generator.choice(usable, wanted, replace=False))
        # a new word wherever a piece does not go on with the one before, or something unusable lies between them
        begins = ~self.continues[ids[usable]]
        begins[np.diff(usable, prepend=usable[0]) > 1] = True
        word = np.cumsum(begins)
        drawn = generator.permutation(np.unique(word))
        sizes = np.bincount(word)[drawn]
        enough = int(np.searchsorted(np.cumsum(sizes), wanted)) + 1
        return usable[np.isin(word, drawn[:enough])]
