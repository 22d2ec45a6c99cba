"""Optimisers by the names of the project file, one file per family; `Optimiser` wraps whichever a route names."""

from modelwright.train.optimisers.optimiser import Optimiser

__all__ = ["Optimiser"]
