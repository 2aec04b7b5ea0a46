"""Figures of the report."""

import base64
import io
from pathlib import Path
from typing import NamedTuple

from PIL import Image, UnidentifiedImageError

from lad.errors import InputError

LARGE = 60_000  # bytes of a file from which fewer colours pay
COLOURS = 256


INCH = 96  # pixels of the page


class Picture(NamedTuple):
    """A figure with its bytes in `source`, `pixels` across and `width` and `height` pixels of the page in size."""

    title: str
    caption: str
    source: str
    width: int
    height: int
    pixels: int
    kind: str = "picture"


def picture(path: str | Path, title: str, caption: str) -> Picture:
    """A PNG file as part of the page, with 256 colours if it is large; raises InputError if it is no image.

    It has the size that it was drawn for, so that the letters of all figures are of one size.
    """
    try:
        content = Path(path).read_bytes()
        with Image.open(io.BytesIO(content), formats=["PNG"]) as image:
            pixels = image.size
            dpi = image.info.get("dpi", (INCH, INCH))
            if len(content) > LARGE:
                content = _with_fewer_colours(image)
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except (UnidentifiedImageError, SyntaxError):  # Pillow's word for a damaged PNG
        raise InputError(f"{path}: not a PNG image") from None
    source = f"data:image/png;base64,{base64.b64encode(content).decode()}"
    size = [round(INCH * count / per_inch) for count, per_inch in zip(pixels, dpi, strict=True)]
    return Picture(title, caption, source, *size, pixels[0])


def _with_fewer_colours(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    reduced = image.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
    reduced.save(buffer, format="PNG", optimize=True)
    return buffer.getvalue()
