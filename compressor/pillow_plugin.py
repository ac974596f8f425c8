"""Pillow reads and writes .cmpr files: `Image.open` without decoding pixels, `Image.save` with a quality.

Registered by `import compressor`. Pillow expects `SyntaxError` for files of another format and `OSError`
for damaged ones.
"""

from __future__ import annotations

from dataclasses import replace
from typing import IO, Any, cast

from PIL import Image, ImageFile

from compressor.bitstream.container import Preamble, read_container, read_preamble
from compressor.codec import REDUCTIONS, decode, encode
from compressor.errors import CompressorError, NotAStreamError, OptionError, TruncatedStreamError
from compressor.images.loading import load_picture
from compressor.images.metadata import Metadata, read_metadata, without_prefix
from compressor.images.pillow_limit import current_limit
from compressor.spec.file_format import FILE_EXTENSION, MAGIC, MIME_TYPE
from compressor.spec.quality import MAX_QUALITY

_FORMAT = "CMPR"
# Options of `Image.save`, and the fields of `Metadata` that they replace.
_METADATA_OPTIONS = {"icc_profile": "icc", "exif": "exif", "xmp": "xmp"}
# Options of `Image.save` that are parameters of `encode`.
_ENCODE_OPTIONS = ("quality", "target", "tune", "roi", "effort", "verify", "runtime")
_FIRST_READ_NUM_BYTES = 4096


def _accept(prefix: bytes) -> bool:
    return prefix.startswith(MAGIC)


class CmprImageFile(ImageFile.ImageFile):
    """A .cmpr file: size, mode and metadata at once, pixels when they are needed."""

    format = _FORMAT
    format_description = "Learned image codec"

    _is_decoded = False
    _reduction = 1

    def _open(self) -> None:
        try:
            preamble = _read_preamble_of(cast("IO[bytes]", self.fp))
        except NotAStreamError as error:
            raise SyntaxError(str(error)) from error
        except CompressorError as error:
            raise OSError(str(error)) from error
        header = preamble.header
        # Kept from now on: `compressor.images.loading` changes the limit only while it opens a file.
        self._max_pixels = current_limit()
        self._size = (header.width, header.height)
        self._mode = header.mode
        self.info.update(Metadata.of_sections(preamble.sections).info())

    def draft(
        self, mode: str | None, size: tuple[int, int] | None
    ) -> tuple[str, tuple[int, int, float, float]] | None:
        """Choose to decode at reduced size; `Image.thumbnail` calls this.

        Args:
            mode: ignored.
            size: (width, height) in pixels that the picture should not fall below.

        Returns:
            The mode, and the box of the whole picture in pixels of the reduced one; None if nothing changes.
        """
        width, height = self.size
        if size is None or self._is_decoded or self._reduction > 1 or self.mode in ("LA", "RGBA"):
            return None
        largest = min(width / max(size[0], 1), height / max(size[1], 1))
        self._reduction = max(factor for factor in REDUCTIONS if factor <= max(largest, 1))
        self._size = (-(-width // self._reduction), -(-height // self._reduction))
        return self.mode, (0, 0, width / self._reduction, height / self._reduction)

    def load(self) -> Any:
        """Decode the pixels, the first time."""
        if not self._is_decoded:
            data = self._read_all()
            try:
                self.im = decode(
                    data,
                    reduction=self._reduction,
                    partial=ImageFile.LOAD_TRUNCATED_IMAGES,
                    max_pixels=self._max_pixels,
                ).im
            except CompressorError as error:
                raise OSError(str(error)) from error
            self._is_decoded = True
            self._close()
        return super().load()

    def __setstate__(self, state: list[Any]) -> None:
        """Restore a picture that was pickled or copied: its pixels are part of the state."""
        super().__setstate__(state)
        self._is_decoded = True

    def verify(self) -> None:
        """Check the checksums of the file, without decoding pixels.

        Raises:
            OSError: if the file is damaged.
        """
        data = self._read_all()
        self._close()
        try:
            read_container(data)
        except CompressorError as error:
            raise OSError(str(error)) from error

    def _read_all(self) -> bytes:
        fp = self.fp
        if fp is None:
            raise ValueError("the file is closed: open it again")
        fp.seek(0)
        return fp.read()

    def _close(self) -> None:
        if self._exclusive_fp and self.fp is not None:
            self.fp.close()
        self.fp = None


def _read_preamble_of(fp: IO[bytes]) -> Preamble:
    data = fp.read(_FIRST_READ_NUM_BYTES)
    while True:
        try:
            return read_preamble(data)
        except TruncatedStreamError:
            # The metadata may be longer than what was read so far.
            more = fp.read(len(data))
            if not more:
                raise
            data += more


def _save(image: Image.Image, fp: IO[bytes], filename: str | bytes) -> None:
    options = image.encoderinfo
    replaced = {field: options[key] or b"" for key, field in _METADATA_OPTIONS.items() if key in options}
    if "exif" in replaced:
        exif = replaced["exif"]
        replaced["exif"] = without_prefix(exif.tobytes() if isinstance(exif, Image.Exif) else exif)
    try:
        # Formats keep metadata under several keys of `info`; none must bring back what is replaced.
        metadata = replace(read_metadata(image), **replaced)
        picture = load_picture(
            image,
            strip=options.get("strip", ()),
            metadata=metadata,
            keep_hidden=options.get("keep_hidden", False),
        )
        data = encode(picture, **_encode_options(options))
    except OptionError as error:
        raise ValueError(str(error)) from error
    except CompressorError as error:
        raise OSError(str(error)) from error
    fp.write(data)


def _encode_options(options: dict[str, Any]) -> dict[str, Any]:
    """Return the parameters of `encode` that options of `Image.save` stand for."""
    found = {key: options[key] for key in _ENCODE_OPTIONS if key in options}
    if not options.get("lossless"):
        return found
    if found.get("quality") is not None or found.get("target") is not None:
        raise OptionError("received lossless and a quality or target, expected one of them: leave one out")
    return {**found, "quality": MAX_QUALITY}


def register() -> None:
    """Make the format known to Pillow; doing so again changes nothing."""
    Image.register_open(_FORMAT, CmprImageFile, _accept)
    Image.register_save(_FORMAT, _save)
    Image.register_extension(_FORMAT, FILE_EXTENSION)
    Image.register_mime(_FORMAT, MIME_TYPE)
