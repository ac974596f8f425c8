"""Training of a flagship's synthesis filter alone, on pictures that are decoded once."""

import sys
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
from keras import ops

from compressor.models.base import RateDistortionModel, mean_squared_error
from compressor.models.flagship.model import Flagship
from compressor.spec.constants import PIXEL_OFFSET, SIDE_PX
from training.compile import compile_model, set_objective
from training.data import Crops
from training.errors import TrainingError
from training.file_names import CHECKPOINT, SETTINGS
from training.photos import load_photos
from training.precision import hardware_precision
from training.rebuild import rebuilt
from training.run_folder import averaged_weights, claimed, save_checkpoint, write_provenance
from training.settings import Settings
from training.start import read_model, set_up


class FilterModel(RateDistortionModel):
    """A flagship's filter as a model of its own, whose rate is 0.

    Inputs are {"decoded": (N, H, W, 3) pixels - 128 before the filter, "images": (N, H, W, 3) original
    pictures 0..1, "quality": (N,) 0..1}; for outputs, see `RateDistortionModel`.

    Args:
        flagship: model that holds the filter.
    """

    def __init__(self, flagship: Flagship, **kwargs) -> None:
        super().__init__(**{"dtype": "float32"} | kwargs)
        # Nothing else of the flagship is trained.
        self.synthesis_filter, self._filter = flagship.synthesis_filter, flagship.filter

    def call(self, inputs, training=False):
        images, quality = inputs["images"], inputs["quality"]
        pictures = (self._filter(inputs["decoded"], quality) + PIXEL_OFFSET) / 255
        mse = mean_squared_error(pictures, images)
        return {"images": pictures, "bpp": ops.zeros_like(mse), "mse": mse}


class Decoded(keras.utils.PyDataset):
    """A data set of random parts of decoded crops, in random order.

    Args:
        flagship: model that decodes the crops, without its filter.
        crops: batches of pictures and qualities.
        side: side of a part in pixels.
        batches: number of batches per epoch.
    """

    def __init__(self, flagship: Flagship, crops: Crops, side: int, batches: int, **kwargs) -> None:
        super().__init__(**kwargs)
        self.side, self.batches, self.batch, self.seed = side, batches, crops.batch, crops.seed
        sources = [crops[k][0] for k in range(len(crops))]
        # Values are at most a few hundred, where the spacing of float16 is an eighth of a level.
        self.decoded = np.concatenate([_decoded(flagship, **x) for x in sources])
        self.images = np.concatenate([np.round(255 * x["images"]).astype(np.uint8) for x in sources])
        self.quality = np.concatenate([x["quality"] for x in sources])

    def __len__(self) -> int:
        return self.batches

    def __getitem__(self, index: int):
        random = np.random.default_rng((self.seed, index))
        chosen = random.integers(len(self.images), size=self.batch)
        top, left = random.integers(self.images.shape[1] - self.side + 1, size=2)
        rows, columns = slice(top, top + self.side), slice(left, left + self.side)
        decoded, images = (x[chosen, rows, columns].astype(np.float32) for x in (self.decoded, self.images))
        return ({"decoded": decoded, "images": images / 255, "quality": self.quality[chosen]},)


def _decoded(flagship: Flagship, images: np.ndarray, quality: np.ndarray) -> np.ndarray:
    return ops.convert_to_numpy(flagship.coded_without_filter(images, quality)).astype(np.float16)


def train_filter(out: Path, settings: Settings, crops: int, blocks: int) -> Flagship:
    """Train the filter of the trained flagship `settings.init`, and write a run folder.

    The folder can be exported, and other runs can start from it. The filter gets the width of new models and
    computes in floating point; see `rebuilt` for the weights that it keeps. A step takes a tenth of the time
    of a step of the whole model.

    Args:
        out: folder of the run; created if it does not exist.
        settings: settings of the run; parts are cut from crops of up to one and a half times their size.
            With an empty precision, the faster one on this machine is used.
        crops: number of crops to decode.
        blocks: number of residual blocks of the filter.

    Returns:
        The flagship with its new filter.

    Raises:
        TrainingError: if the data or the model cannot be used, or the folder holds a run or is in use.
        WeightsError: see `read_model`.
    """
    with claimed(out):
        return _train_filter(out, settings, crops, blocks)


def _train_filter(out: Path, settings: Settings, crops: int, blocks: int) -> Flagship:
    if (out / CHECKPOINT).exists():
        raise TrainingError(f"{out} holds a run already; give a new folder")
    settings = replace(settings, precision=settings.precision or hardware_precision())
    set_up(settings)
    trained = read_model(Path(settings.init))
    if not isinstance(trained, Flagship):
        raise TrainingError(f"{settings.init} holds no flagship: other models have no filter")
    settings = replace(settings, quick_moves=trained.config["quick_moves"])
    larger = settings.crop * 3 // 2 // SIDE_PX * SIDE_PX
    photos = load_photos(settings.data, larger)
    source = Crops(photos, settings.batch, larger, -(-crops // settings.batch), seed=settings.seed)
    # A model that was trained without transform networks gets them.
    new = Flagship().config
    changed = {
        "filter_width": new["filter_width"],
        "filter_blocks": blocks,
        "eight_bits": False,
        "transforms": True,
    }
    flagship = rebuilt(trained, trained.config | changed)
    print(f"decoding {settings.batch * len(source)} crops", file=sys.stderr)
    # Quick moves depend on the trained filter.
    data = Decoded(trained, source, settings.crop, settings.steps)
    model = FilterModel(flagship)
    compile_model(model, settings)
    set_objective(model, settings, replicas=1)
    model.fit(data)
    averaged_weights(model)
    settings.save(out / SETTINGS)
    write_provenance(out, photos.sha256, blocks=blocks, decoded=crops)
    save_checkpoint(flagship, out / CHECKPOINT)
    return flagship
