"""Run the server: take the port, load the release, answer until told to stop, finish what is queued."""

from __future__ import annotations

import errno
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from modelwright.base.collector import loading
from modelwright.base.console import Console
from modelwright.base.errors import MachineError
from modelwright.base.optional import require
from modelwright.serve.predictor import Predictor
from modelwright.spec.serve import Serve

GRACE_S = 30
"""How long requests already accepted may take once the server was told to stop."""
BACKLOG = 2048
_SWITCH_S = 0.0005


def serve(release: Path, settings: Serve, console: Console, ready: Callable[[str], None] | None = None) -> None:
    """Serve `release` until SIGTERM or Ctrl-C. Port 0 takes a free one; the console says which.

    Args:
        ready: called with the address once the server answers.

    Raises:
        MachineError: the port is taken or may not be taken, or the host is not an address of this machine.
        ReleaseError: the release is damaged or foreign.
    """
    with _take_port(settings.host, settings.port) as listener:  # first, for it fails fastest
        # a release is read outside Python's lock for the most part, modules inside it
        with loading(), ThreadPoolExecutor(1) as aside:
            loaded = aside.submit(_load, release, settings)
            from modelwright.serve.app import create_app

            uvicorn = require("uvicorn", "serve")
            predictor = loaded.result()
        # Lanes may read texts in Python while the event loop has answers to send; at the default 5 ms each of its many
        # short turns would wait that long for the interpreter.
        sys.setswitchinterval(_SWITCH_S)
        app = create_app(predictor, settings)
        address = _address(settings.host, listener.getsockname()[1])
        config = uvicorn.Config(
            app, access_log=False, log_level="warning", server_header=False, timeout_graceful_shutdown=GRACE_S
        )
        server = _server_class(uvicorn)(config)
        server.on_started = lambda: _announce(predictor, address, console, ready)
        _listen(listener, settings.port, address)
        with _quiet_end():
            server.run(sockets=[listener])
        if not server.started:
            raise MachineError(
                "the server stopped before it answered",
                expected="a start without errors",
                where=address,
                remedy="The lines above say what failed.",
            )


def _load(release: Path, settings: Serve) -> Predictor:
    """The release, loaded and asked once: a graph's first answer is its slowest, for it allocates."""
    predictor = Predictor(release, settings.threads)
    predictor.open_lanes()
    if predictor.sample is not None:
        row = predictor.read([predictor.sample])
        for alone in (True, False):
            predictor.compute(row, alone=alone)
    return predictor


def _server_class(uvicorn: Any) -> Any:
    class Server(uvicorn.Server):
        """uvicorn's server that says when it answers."""

        on_started: Callable[[], None]

        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            if self.started:
                self.on_started()

    return Server


def _announce(predictor: Predictor, address: str, console: Console, ready: Callable[[str], None] | None) -> None:
    console.line(f"Serving {predictor.name} ({predictor.task.name}, release {predictor.hash[:12]}) on {address}")
    console.line(f"  docs   {address}/docs")
    console.line("  stop   Ctrl-C")
    if ready is not None:
        ready(address)


@contextmanager
def _quiet_end() -> Iterator[None]:
    """uvicorn raises the signal that stopped it once more when all is finished; being stopped is a server's success."""
    before = signal.signal(signal.SIGTERM, lambda number, frame: None) if _is_main_thread() else None
    try:
        yield
    except KeyboardInterrupt:
        return
    finally:
        if before is not None:
            signal.signal(signal.SIGTERM, before)


def _is_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()


def _listen(listener: socket.socket, port: int, where: str) -> None:
    """Only once the release is loaded: until then clients are refused, and go to another server."""
    try:
        listener.listen(BACKLOG)
    except OSError as error:  # another program bound the port as we did, and listened first
        raise _port_error(error, port, where) from error


def _address(host: str, port: int) -> str:
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _take_port(host: str, port: int) -> socket.socket:
    """A listening socket.

    Raises:
        MachineError: see `serve`.
    """
    where = _address(host, port)
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        listener = socket.socket(family, kind, protocol)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
        except BaseException:
            listener.close()
            raise
        return listener
    except socket.gaierror as error:
        raise MachineError(
            f"the host {host!r} is unknown: {error.strerror}",
            expected="an address of this machine, such as 127.0.0.1 or 0.0.0.0",
            where="serve.host",
            remedy="Correct serve.host in the project file, or give --host.",
        ) from error
    except OSError as error:
        raise _port_error(error, port, where) from error


def _port_error(error: OSError, port: int, where: str) -> MachineError:
    if error.errno == errno.EADDRINUSE:
        came, remedy = f"port {port} is in use", "Stop the program that uses it, or choose another: --port 0 takes a free one."
    elif error.errno == errno.EACCES:
        came, remedy = f"this user may not listen on port {port}", "Choose a port of 1024 or above: --port 8000."
    else:
        came, remedy = f"can't listen: {error.strerror or error}", "Correct serve.host in the project file, or give --host."
    return MachineError(came, expected="a free port on an address of this machine", where=where, remedy=remedy)
