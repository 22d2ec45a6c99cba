"""Archives opened as data: members by name, nothing unpacked to disk, nothing imported or executed.

zip (wheels), tar (npm, sdists; gz, bz2, xz), Debian packages (an `ar` around a tar), or one plain file. Names that climb out
(`..`, absolute) and members that are not plain files (links, devices) do not exist for the readers.
"""

from __future__ import annotations

import io
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath

from modelwright.base.errors import DataError

MEMBER_LIMIT_BYTES = 4 << 30
"""A member that claims to be larger is refused: it is a bomb or a mistake."""


def read_members(archive: Path, wanted: Callable[[str], bool]) -> Iterator[tuple[str, bytes]]:
    """Names and contents of the plain files that `wanted` accepts, in the archive's order.

    Raises:
        DataError: the file is no archive that can be read, or it is damaged.
    """
    try:
        if zipfile.is_zipfile(archive):
            yield from _zip_members(archive, wanted)
        elif archive.suffix == ".deb":
            with tarfile.open(fileobj=io.BytesIO(_debian_data(archive))) as opened:
                yield from _tar_members(archive, opened, wanted)
        elif tarfile.is_tarfile(archive):
            with tarfile.open(archive) as opened:
                yield from _tar_members(archive, opened, wanted)
        elif wanted(archive.name):
            yield archive.name, archive.read_bytes()
    except (zipfile.BadZipFile, tarfile.TarError, EOFError, OSError) as error:
        raise DataError(
            f"the archive can't be read: {error}",
            expected="an undamaged zip, tar or Debian archive",
            where=str(archive),
            remedy="Delete the file and give the same command again: it is fetched anew.",
        ) from error


def is_safe(name: str) -> bool:
    """Whether a member's name stays inside the archive."""
    path = PurePosixPath(name)
    return bool(path.parts) and not path.is_absolute() and ".." not in path.parts and "\\" not in name and "\0" not in name


def _zip_members(archive: Path, wanted: Callable[[str], bool]) -> Iterator[tuple[str, bytes]]:
    with zipfile.ZipFile(archive) as opened:
        for info in opened.infolist():
            kind = info.external_attr >> 28  # the upper bits are the Unix file type: 0 unknown, 8 a plain file
            if not info.is_dir() and kind in (0, 8) and is_safe(info.filename) and wanted(info.filename):
                _check_size(archive, info.filename, info.file_size)
                yield info.filename, opened.read(info)


def _tar_members(archive: Path, opened: tarfile.TarFile, wanted: Callable[[str], bool]) -> Iterator[tuple[str, bytes]]:
    for member in opened:
        name = member.name.removeprefix("./")
        if member.isreg() and is_safe(name) and wanted(name):
            _check_size(archive, name, member.size)
            content = opened.extractfile(member)
            if content is not None:
                yield name, content.read()


def _check_size(archive: Path, name: str, size: int) -> None:
    if size > MEMBER_LIMIT_BYTES:
        raise DataError(
            f"the member {name!r} claims {size:,} bytes",
            expected=f"at most {MEMBER_LIMIT_BYTES:,} bytes a member",
            where=str(archive),
            remedy="Don't use this archive.",
        )


def _debian_data(archive: Path) -> bytes:
    """The bytes of `data.tar.*` inside a Debian package: 60-byte headers, members on even offsets."""
    with archive.open("rb") as file:
        if file.read(8) != b"!<arch>\n":
            raise tarfile.ReadError("not a Debian package")
        while len(header := file.read(60)) == 60:
            name, size = header[:16].decode("ascii").strip().rstrip("/"), int(header[48:58])
            if name.startswith("data.tar"):
                return file.read(size)
            file.seek(size + size % 2, io.SEEK_CUR)
    raise tarfile.ReadError("the package has no data.tar")
