"""Scrambled Sobol points in numpy: evenly spread draws whose quantiles settle faster than chance.

Sobol 1967 with the direction numbers of Joe & Kuo 2008 (new-joe-kuo-6), randomised by a linear matrix scramble and a
digital shift (Matoušek 1998). scipy has the same; importing scipy.stats takes longer than a whole plan, and a plan's answer
to a what-if should take well under a second. A test holds the two together.
"""

from __future__ import annotations

import numpy as np

_BITS = 32
_DIRECTIONS: tuple[tuple[int, ...], ...] = (
    (1,), (3, 1), (7, 1, 3), (11, 1, 3, 1), (13, 1, 1, 1), (19, 1, 1, 3, 3), (25, 1, 3, 5, 13), (37, 1, 1, 5, 5, 17),
    (41, 1, 1, 5, 5, 5), (47, 1, 1, 7, 11, 19), (55, 1, 1, 5, 1, 1), (59, 1, 1, 1, 3, 11), (61, 1, 3, 5, 5, 31),
    (67, 1, 3, 3, 9, 7, 49), (91, 1, 1, 1, 15, 21, 21), (97, 1, 3, 1, 13, 27, 49), (103, 1, 1, 1, 15, 7, 5),
    (109, 1, 3, 1, 15, 13, 25), (115, 1, 1, 5, 5, 19, 61), (131, 1, 3, 7, 11, 23, 15, 103), (137, 1, 3, 7, 13, 13, 15, 69),
    (143, 1, 1, 3, 13, 7, 35, 63), (145, 1, 3, 5, 9, 1, 25, 53), (157, 1, 3, 1, 13, 9, 35, 107), (167, 1, 3, 1, 5, 27, 61, 31),
    (171, 1, 1, 5, 11, 19, 41, 61), (185, 1, 3, 5, 3, 3, 13, 69), (191, 1, 1, 7, 13, 1, 19, 1), (193, 1, 3, 7, 5, 13, 19, 59),
    (203, 1, 1, 3, 9, 25, 29, 41), (211, 1, 3, 5, 13, 23, 1, 55), (213, 1, 3, 7, 3, 13, 59, 17),
)  # fmt: skip
"""Of each dimension after van der Corput's: its primitive polynomial (bits, highest first), then the initial numbers m."""

DIMENSIONS = len(_DIRECTIONS)


def points(count: int, dimensions: int, generator: np.random.Generator | None) -> np.ndarray:
    """The first `count` points, dimensions × count, inside (0, 1).

    Args:
        generator: scrambles them; None gives the bare sequence, whose first point is the corner.

    Raises:
        ValueError: more dimensions than there are direction numbers (32).
    """
    if dimensions > DIMENSIONS:
        raise ValueError(f"{dimensions} dimensions; there are direction numbers for {DIMENSIONS}")
    used = max(1, (count - 1).bit_length())
    result = np.empty((dimensions, count))
    for dimension in range(dimensions):
        directions = _directions(dimension, used)
        shift = np.uint32(0)
        if generator is not None:
            directions = _scramble(directions, generator)
            shift = generator.integers(1 << _BITS, dtype=np.uint32)
        numbers = np.full(1, shift, dtype=np.uint32)
        for direction in directions:  # each direction doubles the points
            numbers = np.concatenate([numbers, numbers ^ direction])
        result[dimension] = (numbers[:count] + 0.5) / 2.0**_BITS if generator is not None else numbers[:count] / 2.0**_BITS
    return result


def _directions(dimension: int, used: int) -> np.ndarray:
    """The first direction numbers of a dimension, as fractions of 2³²."""
    polynomial, *initial = _DIRECTIONS[dimension]
    if polynomial == 1:
        numbers = [1] * used
    else:
        degree = polynomial.bit_length() - 1
        numbers = list(initial[:used])
        for place in range(len(numbers), used):
            value = numbers[place - degree] ^ (numbers[place - degree] << degree)
            for step in range(1, degree):
                if polynomial >> (degree - step) & 1:
                    value ^= numbers[place - step] << step
            numbers.append(value)
    return np.array([number << (_BITS - 1 - place) for place, number in enumerate(numbers)], dtype=np.uint32)


def _scramble(directions: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Multiply by a random lower triangular matrix over the field of two elements, ones on its diagonal."""
    rows = generator.integers(1 << _BITS, size=_BITS, dtype=np.uint32)
    places = np.arange(_BITS, dtype=np.uint32)
    diagonal = np.uint32(1) << (np.uint32(_BITS - 1) - places)
    rows = (rows & ~(diagonal | (diagonal - np.uint32(1)))) | diagonal  # keep what stands above the diagonal bit
    met = rows[:, None] & directions[None, :]
    for half in (16, 8, 4, 2, 1):  # parity of the bits
        met = met ^ (met >> np.uint32(half))
    return np.bitwise_or.reduce((met & np.uint32(1)) * diagonal[:, None], axis=0)
