"""The gate for libraries of optional extras: imported where they are used, never at the top of a light module."""

from __future__ import annotations

import importlib
from types import ModuleType

from modelwright.base.errors import MissingExtraError


def require(module: str, extra: str) -> ModuleType:
    """Import `module`, or say which extra brings it.

    Raises:
        MissingExtraError: the library is not installed.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] != module.partition(".")[0]:
            raise  # the library is there, but is itself broken: that is another problem
        raise MissingExtraError(
            f"the library {module!r} is not installed",
            expected=f"the extra [{extra}], which brings it",
            where=f"import {module}",
            remedy=f"pip install 'modelwright[{extra}]'",
        ) from error
