"""`multipart/form-data` (RFC 7578): files as browsers and curl send them, read from a body that is already there and bounded."""

from __future__ import annotations

import re

from modelwright.base.errors import RequestError

KIND = "multipart/form-data"
_BOUNDARY = re.compile(r'boundary=(?:"([^"]{1,70})"|([^\s;"]{1,70}))', re.IGNORECASE)
_NAME = re.compile(r'form-data\s*;.*?\bname="([^"]*)"', re.IGNORECASE | re.DOTALL)
_MAX_PARTS = 1024


def parts(body: bytes, content_type: str) -> list[tuple[str, bytes]]:
    """Name and content of each part, in order.

    Raises:
        RequestError: no boundary, no part, or a part that is cut off or has no name.
    """
    found = _BOUNDARY.search(content_type)
    if found is None:
        raise _broken("the Content-Type names no boundary")
    boundary = b"--" + (found[1] or found[2]).encode("latin-1", "replace")
    pieces = (b"\r\n" + body).split(b"\r\n" + boundary)
    if len(pieces) < 2 or not pieces[-1].startswith(b"--"):
        raise _broken("the last boundary is missing: the body was cut off, or the boundary is another")
    if len(pieces) - 2 > _MAX_PARTS:
        raise _broken(f"there are {len(pieces) - 2:,} parts, more than {_MAX_PARTS:,}")
    return [_part(piece, number) for number, piece in enumerate(pieces[1:-1], 1)]


def _part(piece: bytes, number: int) -> tuple[str, bytes]:
    header, gap, content = piece.removeprefix(b"\r\n").partition(b"\r\n\r\n")
    name = _NAME.search(header.decode("utf-8", "replace"))
    if not gap or name is None:
        raise _broken(f"part {number} has no Content-Disposition with a name")
    return name[1], content


def _broken(came: str) -> RequestError:
    return RequestError(
        came,
        expected="a form as curl -F image=@picture.png sends it",
        where="body",
        remedy="Send the form again, or the row as JSON; /openapi.json describes both.",
    )
