"""The error family. Every error a user meets says four things: where, what came, what was expected, what to do.

    ModelwrightError            exit code 1
    ├── SpecError               2   the project file
    ├── DataError               3   rows, files, sources
    ├── MachineError          4   disk, network, port, memory, a library that is not installed
    │   ├── MissingExtraError
    │   └── BoughtError               a bought model's service
    │       └── CapError              its money is spent
    ├── TrainError              5   divergence, damaged checkpoint
    ├── ReleaseError            6   damaged or foreign release folder
    └── RequestError            7   one bad request to a model (HTTP 422)

`ValueError` and `assert` are for ourselves: a stage boundary never lets them through as a user's problem.
"""

from __future__ import annotations


class ModelwrightError(Exception):
    """One problem, told in four parts.

    Args:
        came: what was found, as a full clause ("column 'topic' is empty in 212 of 2,225 rows").
        expected: what would have been right.
        where: key, file:line, row id, address; empty only if there is no place.
        remedy: the next step, as a command or an edit.
    """

    exit_code = 1

    def __init__(self, came: str, *, expected: str, where: str, remedy: str) -> None:
        super().__init__(came)
        self.came = came
        self.expected = expected
        self.where = where
        self.remedy = remedy

    def __str__(self) -> str:
        head = f"{self.where}  {self.came}" if self.where else self.came
        return f"{head}\n  Expected {self.expected}\n  {self.remedy}"

    def told(self, language: str) -> str:
        """The same in "en" or "zh". Parts that no phrase of `base/zh` matches stay English."""
        if language != "zh":
            return str(self)
        from modelwright.base.zh import chinese

        came, expected, remedy = (chinese(part) for part in (self.came, self.expected, self.remedy))
        head = f"{self.where}  {came}" if self.where else came
        return f"{head}\n  应为：{expected}\n  {remedy}"

    def as_json(self) -> dict[str, str | int]:
        return {
            "error": type(self).__name__,
            "where": self.where,
            "came": self.came,
            "expected": self.expected,
            "remedy": self.remedy,
            "exit_code": self.exit_code,
        }


class SpecError(ModelwrightError):
    """The project file is wrong: unknown key, wrong type, contradiction."""

    exit_code = 2


class DataError(ModelwrightError):
    """Rows, files or sources can't be used as they are."""

    exit_code = 3


class MachineError(ModelwrightError):
    """The machine can't do it: disk, network, port, memory."""

    exit_code = 4


class MissingExtraError(MachineError):
    """A library of an optional extra is not installed."""


class BoughtError(MachineError):
    """A bought model's service refuses, can't be reached, or answers what is no answer."""


class CapError(BoughtError):
    """The next request might cost more than is left under the cap; it was not sent."""


class TrainError(ModelwrightError):
    """Training can't go on: divergence, damaged checkpoint."""

    exit_code = 5


class ReleaseError(ModelwrightError):
    """A release folder is damaged, incomplete or was not written by Modelwright."""

    exit_code = 6


class RequestError(ModelwrightError):
    """One request to a served model is wrong; the server answers 422 with the same four parts."""

    exit_code = 7
