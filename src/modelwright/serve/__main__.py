"""`python -m modelwright.serve RELEASE`: the server and nothing else; what rehearsal starts and containers run.

The first line on stdout is the address, printed once the server answers; people's lines go to stderr.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from pydantic import ValidationError

from modelwright.base.console import Console
from modelwright.base.errors import ModelwrightError, SpecError
from modelwright.serve.command import serve
from modelwright.spec.serve import Serve


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse, serve, and give the exit code."""
    parser = argparse.ArgumentParser(prog="python -m modelwright.serve", description="Serve a release over HTTP.")
    parser.add_argument("release", type=Path, help="the release folder")
    for name, field in Serve.model_fields.items():
        parser.add_argument(f"--{name.replace('_', '-')}", dest=name, metavar=name.upper(), help=field.description)
    parser.add_argument("--settings", default="{}", help="all settings at once, as JSON; options above win")
    parser.add_argument("--while-input", action="store_true", help="stop when standard input closes: when the parent is gone")
    given = vars(parser.parse_args(arguments))
    release = given.pop("release")
    if given.pop("while_input"):
        threading.Thread(target=_stop_with_input, daemon=True).start()
    try:
        settings = _settings(given.pop("settings"), {name: value for name, value in given.items() if value is not None})
        serve(release, settings, Console(), ready=lambda address: print(address, flush=True))
    except ModelwrightError as error:
        from modelwright.spec.load import spoken

        print(f"✗ {error.told(spoken(Path()))}", file=sys.stderr)
        return error.exit_code
    return 0


def _stop_with_input() -> None:
    while os.read(0, 4096):  # not sys.stdin: a thread that waits inside its buffer can't be left when the interpreter ends
        pass
    os.kill(os.getpid(), signal.SIGTERM)


def _settings(text: str, options: dict[str, str]) -> Serve:
    try:
        return Serve.model_validate({**json.loads(text), **options})
    except (ValueError, TypeError) as error:  # ValidationError and JSONDecodeError are ValueErrors
        first = error.errors()[0] if isinstance(error, ValidationError) else None
        key = "--settings" if first is None else "--" + ".".join(map(str, first["loc"])).replace("_", "-")
        raise SpecError(
            f"the value is wrong: {error if first is None else first['msg']}",
            expected="settings as the serve section of a project file has them",
            where=key,
            remedy="See: python -m modelwright.serve --help",
        ) from error


if __name__ == "__main__":
    sys.exit(main())
