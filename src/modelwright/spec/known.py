"""What the project file must know of tasks: their names, their own settings, the routes that can learn them.

Tasks live above `spec`; whoever loads a project hands them in (`tasks.contract.TASKS`).
"""

from __future__ import annotations

from typing import Protocol

from modelwright.spec.routes.route import Route
from modelwright.spec.section import Section


class Tasks(Protocol):
    """The tasks there are."""

    def names(self) -> list[str]:
        """In alphabetical order."""
        ...

    def settings(self, task: str) -> type[Section]:
        """What stands under `learn:` for a task."""
        ...

    def routes(self, task: str) -> dict[str, type[Route]]:
        """The routes that can learn a task, by the names that project files use, in alphabetical order."""
        ...
