"""The colours of a picture as they are coded."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from compressor.images.arrays import colour_array
from compressor.images.filling import filled_colours
from compressor.images.loading import LoadedPicture


@dataclass(frozen=True, slots=True)
class Pixels:
    """The colours of a picture, and which of them do not matter.

    Attributes:
        image_uint8: colours for the networks, (H, W, 3).
        lossless_uint8: colours for a file that stores all of them without loss, (H, W, 3). The two arrays
            differ only at hidden pixels: these continue the visible ones in `image_uint8`, which takes fewer
            bits with the networks, and are black in `lossless_uint8`, which takes fewer bits without loss.
        hidden: mask, (H, W), of pixels whose colours are not kept because their alpha is 0; None if there are
            none.
    """

    image_uint8: npt.NDArray[np.uint8]
    lossless_uint8: npt.NDArray[np.uint8]
    hidden: npt.NDArray[np.bool_] | None

    @classmethod
    def of(cls, picture: LoadedPicture) -> Pixels:
        """Return the pixels of a picture.

        Example:
            >>> from compressor.images.loading import load_picture
            >>> Pixels.of(load_picture(np.zeros((2, 3, 4), np.uint8))).hidden.shape
            (2, 3)
        """
        image = picture.image
        colours = colour_array(image)
        if picture.keeps_hidden or image.mode not in ("LA", "RGBA"):
            return cls(colours, colours, None)
        hidden: npt.NDArray[np.bool_] = np.asarray(image.getchannel("A")) == 0
        if not hidden.any():
            return cls(colours, colours, None)
        return cls(filled_colours(image), colours, hidden)

    def with_hidden(self, colours_uint8: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        """Return colours (H, W, 3), such as decoded ones, with the hidden pixels of `image_uint8`."""
        if self.hidden is None:
            return colours_uint8
        return np.where(self.hidden[..., None], self.image_uint8, colours_uint8)
