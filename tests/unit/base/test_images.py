"""Every kind of image file, as pixels by the written rule; what can't be read says why."""

from __future__ import annotations

import base64
import io
import warnings

import numpy as np
import pytest
from PIL import Image

from modelwright.base.images import MAX_PIXELS, ImageError, fingerprint, frames_of, is_colour, pixels_of, png, thumbnail


def file(image: Image.Image, kind: str, **options) -> bytes:
    held = io.BytesIO()
    image.save(held, kind, **options)
    return held.getvalue()


def array(content: bytes) -> np.ndarray:
    return np.asarray(frames_of(content)[0])


def bomb(width: int, height: int) -> bytes:
    from modelwright.tasks.images.exam import bomb as made

    return made(width, height)


RED = Image.new("RGB", (8, 6), (200, 30, 30))


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP", "PPM"])
def test_formats_are_told_by_content(kind: str) -> None:
    pixels = array(file(RED, kind))
    assert pixels.shape == (6, 8, 3)
    assert np.abs(pixels[3, 4].astype(int) - (200, 30, 30)).max() <= 6


def test_cmyk_and_palette_become_rgb() -> None:
    for mode, kind in (("CMYK", "JPEG"), ("YCbCr", "JPEG"), ("P", "PNG"), ("CMYK", "TIFF")):
        pixels = array(file(RED.convert(mode), kind))
        assert pixels.shape == (6, 8, 3)
        assert pixels[3, 4, 0] > 150 > 90 > pixels[3, 4, 1]


def test_transparency_lies_over_white() -> None:
    clear = Image.new("RGBA", (4, 4), (0, 0, 0, 0))
    half = Image.new("RGBA", (4, 4), (0, 0, 0, 128))
    grey = Image.new("LA", (4, 4), (0, 0))
    assert array(file(clear, "PNG")).min() == 255
    assert np.abs(array(file(half, "PNG")).astype(int) - 127).max() <= 1
    assert frames_of(file(grey, "PNG"))[0].mode == "L"
    assert array(file(grey, "PNG")).min() == 255
    palette = Image.new("P", (4, 4), 0)
    palette.putpalette([9, 9, 9, 200, 0, 0])
    assert array(file(palette, "PNG", transparency=0)).min() == 255


def test_sixteen_bits_keep_black_and_white() -> None:
    values = np.array([[0, 257, 32768, 65535]], np.uint16)
    for kind in ("PNG", "TIFF"):
        assert array(file(Image.fromarray(values), kind)).tolist() == [[0, 1, 128, 255]]


def test_one_bit_is_black_and_white() -> None:
    assert sorted(np.unique(array(file(Image.fromarray(np.eye(4) > 0), "PNG")))) == [0, 255]


def test_floats_are_refused() -> None:
    with pytest.raises(ImageError, match="floating-point"):
        frames_of(file(Image.fromarray(np.ones((4, 4), np.float32)), "TIFF"))


def test_orientation_is_applied() -> None:
    image = Image.fromarray(np.arange(6, dtype=np.uint8).reshape(2, 3) * 40)
    tags = Image.Exif()
    tags[0x0112] = 6  # the camera was turned: rotate by 90° clockwise to see it upright
    turned = array(file(image, "PNG", exif=tags))
    assert turned.shape == (3, 2)
    assert turned.tolist() == np.rot90(np.asarray(image), -1).tolist()


def test_frames_first_some_or_all() -> None:
    pictures = [Image.new("L", (5, 5), number * 20) for number in range(10)]
    for kind, options in (("GIF", {}), ("TIFF", {}), ("PNG", {})):
        content = file(pictures[0], kind, save_all=True, append_images=pictures[1:], **options)
        assert array(content).max() == 0
        assert [np.asarray(frame).flat[0] // 20 for frame in frames_of(content, 4)] == [0, 3, 6, 9]
        assert len(frames_of(content, 99)) == 10


@pytest.mark.parametrize(("width", "height"), [(10_000, 10_000), (20_000, 20_000), (1_000_000, 65), (8_001, 8_001)])
def test_bombs_are_refused_before_they_are_decoded(width: int, height: int) -> None:
    assert width * height > MAX_PIXELS
    for action in ("error", "ignore"):  # the library's own warning may be an error, or not be seen
        with warnings.catch_warnings():
            warnings.simplefilter(action)
            with pytest.raises(ImageError, match="pixels"):
                frames_of(bomb(width, height))


def test_damaged_files_say_so() -> None:
    whole = file(Image.effect_noise((64, 64), 90), "PNG")
    jpeg = file(Image.effect_noise((64, 64), 90), "JPEG")
    for wrong in (whole[:200], whole[:20], jpeg[:400], b"", b"GIF89a", whole[:60] + b"\0" * 200, b"%!PS-Adobe-3.0 EPSF-3.0"):
        with pytest.raises(ImageError):
            frames_of(wrong)


def test_made_png_is_what_the_library_reads() -> None:
    generator = np.random.default_rng(0)
    for shape in ((28, 28), (1, 1), (5, 9, 3), (300, 2)):
        pixels = generator.integers(0, 256, shape, dtype=np.uint8)
        assert np.array_equal(array(png(pixels)), pixels)


def test_fingerprints_are_of_pixels() -> None:
    image = Image.effect_noise((20, 30), 60)
    same = {fingerprint(file(image, kind)) for kind in ("PNG", "BMP", "TIFF", "PPM")} | {fingerprint(png(np.asarray(image)))}
    assert len(same) == 1
    assert fingerprint(file(image.rotate(180), "PNG")) not in same
    assert fingerprint(file(image.resize((30, 20)), "PNG")) not in same
    clip = file(image, "TIFF", save_all=True, append_images=[image.rotate(180)])
    assert fingerprint(clip) not in same  # the same first frame, another film


def test_fits() -> None:
    wide = np.zeros((10, 30), np.uint8)
    wide[:, 10:20] = 200
    image = Image.fromarray(wide)
    assert pixels_of(image, 1, 10, 10, "crop").min() == 200  # its middle
    padded = pixels_of(image, 1, 30, 30, "pad")[0]
    assert padded[:10].max() == padded[20:].max() == 0
    assert padded[15, 15] == 200
    stretched = pixels_of(image, 1, 30, 30, "stretch")[0]
    assert stretched[0, 15] == stretched[29, 15] == 200
    assert pixels_of(RED, 3, 6, 8, "crop").tolist() == np.asarray(RED).transpose(2, 0, 1).tolist()  # its own size: untouched
    assert pixels_of(RED, 1, 6, 8, "crop").shape == (1, 6, 8)
    assert pixels_of(Image.new("L", (1, 999)), 3, 7, 5, "pad").shape == (3, 7, 5)


def test_colour_is_what_differs() -> None:
    assert is_colour(RED)
    assert not is_colour(Image.new("RGB", (3, 3), (9, 9, 9)))
    assert not is_colour(Image.new("L", (3, 3)))


def test_thumbnails_are_small_pictures() -> None:
    for image in (Image.effect_noise((28, 28), 50), Image.effect_noise((900, 400), 50), RED):
        head, _, data = thumbnail(file(image, "PNG")).partition(",")
        assert head.startswith("data:image/")
        small = Image.open(io.BytesIO(base64.b64decode(data)))
        assert max(small.size) <= 96
