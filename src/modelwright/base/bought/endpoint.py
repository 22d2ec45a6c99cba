"""One chat request to an OpenAI-compatible service: sent, sent again where that can help, read, and nothing more.

    answered                        the text, the tokens counted, the milliseconds
    408, 425, 429, 5xx, no answer   again, after what Retry-After asks for or a doubling wait with jitter
    200 that is no chat completion  again; it may have been charged for
    anything else                   refused at once: sending it again would change nothing

The key is read from the environment when a request is sent. It is in no message, no file and no repr; redirects are not
followed, so that it goes nowhere else.
"""

from __future__ import annotations

import http.client
import json
import os
import random
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from modelwright.base.bought.pace import Turns
from modelwright.base.errors import BoughtError

MOST_BYTES = 4_000_000
"""Of an answer: nothing that is asked for here is longer."""
FIRST_WAIT_S, LONGEST_WAIT_S = 0.5, 60.0
_AGAIN = {408, 425, 429}
_EXCERPT = 300


@dataclass(frozen=True, slots=True)
class Said:
    """What the service answered. Tokens are None where it did not count them."""

    text: str
    input_tokens: int | None
    output_tokens: int | None
    ms: float


@dataclass(frozen=True, slots=True)
class _Failed:
    """An attempt that may be repeated: what came, the wait that was asked for, and whether it may have been charged for."""

    came: str
    wait_s: float | None = None
    charged: bool = False


class Endpoint:
    """A service's chat completions.

    Args:
        base_url: as its documentation gives it, usually ending in /v1.
        key: name of the environment variable with the key; None: none is sent.
        timeout_s: that a connection, or a pause within an answer, may last.
        retries: further attempts after the first.
        turns: when requests may start; of all threads.
        draw: jitter.

    Attributes:
        idle: connections that are open and unused.
    """

    def __init__(
        self, base_url: str, key: str | None, timeout_s: float, retries: int, turns: Turns, draw: random.Random | None = None
    ) -> None:
        self.base_url, self.key, self.timeout_s, self.retries, self.turns = base_url.rstrip("/"), key, timeout_s, retries, turns
        self.url = urlsplit(f"{self.base_url}/chat/completions")
        self.draw = draw or random.Random()
        self.idle: list[http.client.HTTPConnection] = []

    def ask(self, body: Mapping[str, Any], charged: Callable[[], None] = lambda: None) -> Said:
        """The answer to a request body.

        Args:
            charged: told of every failed attempt that may be on the bill.

        Raises:
            BoughtError: refused, or no answer after all attempts.
        """
        sent = json.dumps(body, ensure_ascii=False).encode("utf-8", "replace")
        for attempt in range(self.retries + 1):
            self.turns.wait()
            found = self._attempt(sent)
            if isinstance(found, Said):
                return found
            if found.charged:
                charged()
            if attempt == self.retries:
                raise self._given_up(found, f"an answer within {self.retries + 1} attempts")
            self._wait(found, attempt)
        raise AssertionError("unreachable")

    def _wait(self, found: _Failed, attempt: int) -> None:
        """What was asked for, and never less than the doubling wait, by whose jitter many callers do not come back at once."""
        if found.wait_s is not None and found.wait_s > LONGEST_WAIT_S:
            raise self._given_up(found, f"to be asked again within {LONGEST_WAIT_S:.0f} s")
        doubled = min(LONGEST_WAIT_S, FIRST_WAIT_S * 2**attempt) * self.draw.uniform(0.5, 1.0)
        if found.wait_s is None:
            self.turns.sleep(doubled)
        else:
            self.turns.hold(found.wait_s)
            self.turns.sleep(max(found.wait_s, doubled))

    def _attempt(self, sent: bytes) -> Said | _Failed:
        began = time.perf_counter()
        try:
            status, headers, raw = self._exchange(sent)
        except TimeoutError as error:
            return _Failed(f"no answer within {self.timeout_s:g} s ({type(error).__name__})", charged=True)
        except ssl.SSLCertVerificationError as error:
            raise self._refused(
                f"its certificate is not accepted: {error.verify_message}", "a certificate that this machine trusts"
            ) from error
        except (OSError, http.client.HTTPException) as error:
            return _Failed(f"no answer: {getattr(error, 'strerror', None) or error or type(error).__name__}")
        ms = (time.perf_counter() - began) * 1e3
        if status == 200:
            said = _read(raw, ms)
            return _Failed(f"200 without a chat completion: {_excerpt(raw)}", charged=True) if said is None else said
        if status in _AGAIN or status >= 500:
            return _Failed(f"status {status}: {_excerpt(raw)}", _retry_after(headers))
        raise self._refused(f"status {status}: {_excerpt(raw)}", "a chat completion (status 200)", _REMEDIES.get(status))

    def _exchange(self, sent: bytes) -> tuple[int, Mapping[str, str], bytes]:
        """One request and its response, on a connection that is kept open. One that was kept may have been closed by the other side
        meanwhile: then a new one is tried at once."""
        try:
            kept = self.idle.pop()
        except IndexError:
            return self._send(self._connect(), sent)
        try:
            return self._send(kept, sent)
        except (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError):
            return self._send(self._connect(), sent)

    def _send(self, connection: http.client.HTTPConnection, sent: bytes) -> tuple[int, Mapping[str, str], bytes]:
        path = self.url.path + (f"?{self.url.query}" if self.url.query else "")
        keep = False
        try:
            connection.request("POST", path, sent, self._headers())
            response = connection.getresponse()
            raw = response.read(MOST_BYTES)
            keep = response.isclosed() and not response.will_close  # whole, and the other side goes on listening
        finally:
            if keep:
                self.idle.append(connection)
            else:
                connection.close()
        return response.status, {name.lower(): value for name, value in response.headers.items()}, raw

    def _connect(self) -> http.client.HTTPConnection:
        """To the service, or through the proxy that the environment names."""
        host, port = self.url.hostname or "", self.url.port
        kind: type[http.client.HTTPConnection] = http.client.HTTPConnection
        if self.url.scheme == "https":
            kind = http.client.HTTPSConnection
        proxies = getproxies()
        proxy = None if proxy_bypass(host) else proxies.get(self.url.scheme)
        if proxy is None or self.url.scheme != "https":  # plain http is for services nearby
            return kind(host, port, timeout=self.timeout_s)
        through = urlsplit(proxy if "//" in proxy else f"//{proxy}")
        connection = kind(through.hostname or "", through.port or 8080, timeout=self.timeout_s)
        connection.set_tunnel(host, port or 443)
        return connection

    def _headers(self) -> dict[str, str]:
        headers = {"content-type": "application/json", "accept": "application/json", "user-agent": "modelwright"}
        if self.key is not None:
            secret = os.environ.get(self.key, "").strip()
            if not secret or not secret.isascii() or not secret.isprintable():
                came = "the key holds characters that can't be sent" if secret else "no key is set"
                raise self._refused(came, f"the key in the environment variable {self.key}", f"export {self.key}=…")
            headers["authorization"] = f"Bearer {secret}"
        return headers

    def _refused(self, came: str, expected: str, remedy: str | None = None) -> BoughtError:
        key = f"environment variable {self.key}" if self.key else "no key"
        remedy = remedy or f"Look at the route's base_url and model ({key}), and at the service's own documentation."
        return BoughtError(self._hidden(came), expected=expected, where=self.base_url, remedy=remedy)

    def _given_up(self, found: _Failed, expected: str) -> BoughtError:
        remedy = "Give the same command again later: answers that are paid for are kept. If it stays so, lower requests_per_minute or parallel, or raise timeout_seconds or retries."
        return self._refused(found.came, expected, remedy)

    def _hidden(self, text: str) -> str:
        """Some services quote the key that they refuse; we don't."""
        secret = os.environ.get(self.key, "").strip() if self.key else ""
        return text.replace(secret, "…") if secret else text


def close_all(connections: list[http.client.HTTPConnection]) -> None:
    while connections:
        connections.pop().close()


_REMEDIES = {
    401: "Look at the key: the route's `key_from` names the environment variable that holds it.",
    402: "Look at the account's balance with the service.",
    403: "Look at the key and what it may use: the route's `key_from` names the environment variable that holds it.",
    404: "Look at the route's base_url (usually ending in /v1) and model.",
}


def _read(raw: bytes, ms: float) -> Said | None:
    """The first choice of a chat completion; None if it is none. A message without text (a refusal, only thoughts) says nothing."""
    try:
        content = json.loads(raw)
        text = content["choices"][0]["message"].get("content")
        usage = content.get("usage")
    except (ValueError, KeyError, IndexError, TypeError, AttributeError):
        return None
    if text is not None and not isinstance(text, str):
        return None
    counts = usage if isinstance(usage, dict) else {}
    return Said(text or "", _count(counts.get("prompt_tokens")), _count(counts.get("completion_tokens")), ms)


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds: `Retry-After` is a number of them, or a date (RFC 9110)."""
    stated = headers.get("retry-after")
    if stated is None:
        return None
    try:
        return max(0.0, float(stated))
    except ValueError:
        pass
    try:
        return max(0.0, parsedate_to_datetime(stated).timestamp() - time.time())
    except (ValueError, TypeError):
        return None


def _excerpt(raw: bytes) -> str:
    """What an error says, for people: the message of OpenAI's error object, or the beginning of the body."""
    text = raw[:4000].decode("utf-8", "replace")
    try:
        message = json.loads(raw)["error"]["message"]
        text = message if isinstance(message, str) else text
    except (ValueError, KeyError, TypeError):
        pass  # not OpenAI's form; shown as it came
    return " ".join(text.split())[:_EXCERPT] or "nothing"
