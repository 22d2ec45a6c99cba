"""One file from the package index that pip is set up for, without pip building it.

`pip download` of a source distribution runs its build code to learn its metadata. The simple index (PEP 503, 691) names the
file's address; reading that page and fetching the file executes nothing. pip says itself which indexes it would use
(`pip config list`; its default stands in `pip download --help`), so mirrors, certificates and `file://` indexes work the same.
"""

from __future__ import annotations

import ast
import base64
import html.parser
import json
import os
import re
import shutil
import ssl
import subprocess
import sys
from pathlib import Path
from urllib.error import URLError
from urllib.parse import unquote, urldefrag, urljoin, urlsplit, urlunsplit
from urllib.request import Request, urlopen


class UnreachableIndexError(Exception):
    """No index gave the file. The text says why, in one line, without addresses."""


def source_distribution(package: str, file: str, folder: Path) -> Path:
    """Fetch `file` of `package` into `folder`.

    Raises:
        UnreachableIndexError: no index lists the file, or none answers.
    """
    settings = _pip_settings()
    context = ssl.create_default_context(cafile=settings.get("cert", [None])[0])
    project = re.sub(r"[-_.]+", "-", package).lower()
    failures = []
    for index in settings["index-url"] + settings.get("extra-index-url", []):
        try:
            address = _find(f"{index.rstrip('/')}/{project}/", file, context)
            if address is None:
                failures.append("an index does not list the file")
                continue
            target = folder / file
            with _open(address, context) as answer, target.open("wb") as opened:
                shutil.copyfileobj(answer, opened)
            return target
        except (URLError, TimeoutError, ValueError) as error:
            failures.append(f"an index does not answer ({type(error).__name__}: {getattr(error, 'reason', error)})")
    raise UnreachableIndexError("; ".join(dict.fromkeys(failures)))


def _pip_settings() -> dict[str, list[str]]:
    """pip's effective settings by name; environment variables win over files, as in pip."""
    listed = _pip("config", "list")
    found: dict[str, list[str]] = {}
    from_environment: dict[str, list[str]] = {}
    for line in listed.splitlines():
        key, equals, value = line.partition("=")
        if not equals:
            continue
        section, _, name = key.rpartition(".")
        words = str(ast.literal_eval(value)).split()  # pip prints values quoted, as Python would
        (from_environment if section.startswith(":env:") else found)[name.strip()] = words
    found |= from_environment
    if "index-url" not in found:
        shown = re.search(r"--index-url <url>.*?\(default\s*(\S+?)\)", _pip("download", "--help"), re.DOTALL)
        if shown is None:
            raise UnreachableIndexError("pip does not say which index it uses")
        found["index-url"] = [shown[1]]
    return found


def _pip(*arguments: str) -> str:
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", *arguments]
    environment = {**os.environ, "COLUMNS": "1000"}
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, env=environment)
    if done.returncode != 0:
        raise UnreachableIndexError("pip is not installed in this environment (python -m ensurepip)")
    return done.stdout


def _find(page: str, file: str, context: ssl.SSLContext) -> str | None:
    if page.startswith("file:"):
        page += "index.html"
    with _open(page, context) as answer:
        body, final = answer.read().decode("utf-8", "replace"), answer.geturl()
        kind = answer.headers.get("Content-Type", "")
    if "json" in kind:
        addresses = [item["url"] for item in json.loads(body)["files"] if item["filename"] == file]
    else:
        links = _Links()
        links.feed(body)
        addresses = [link for link in links.found if unquote(urldefrag(link)[0]).rpartition("/")[2] == file]
    if not addresses:
        return None
    return _with_credentials(urldefrag(urljoin(final, addresses[0]))[0], page)


def _with_credentials(address: str, page: str) -> str:
    """Mirrors with a login list files on their own host without repeating it."""
    here, there = urlsplit(page), urlsplit(address)
    if here.username and not there.username and here.hostname == there.hostname:
        return urlunsplit(there._replace(netloc=here.netloc))
    return address


def _open(address: str, context: ssl.SSLContext):
    parts = urlsplit(address)
    headers = {"Accept": "application/vnd.pypi.simple.v1+json, text/html;q=0.5, */*;q=0.1", "User-Agent": "modelwright"}
    if parts.username:
        login = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        headers["Authorization"] = "Basic " + base64.b64encode(login.encode()).decode()
        parts = parts._replace(netloc=parts.netloc.rpartition("@")[2])
    if parts.scheme not in ("http", "https", "file"):
        raise ValueError(f"the scheme {parts.scheme!r} is not fetched")
    context = context if parts.scheme == "https" else None  # type: ignore[assignment]
    return urlopen(Request(urlunsplit(parts), headers=headers), timeout=60, context=context)


class _Links(html.parser.HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "a":
            self.found += [value for name, value in attrs if name == "href" and value]
