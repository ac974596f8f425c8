"""The synthesis filter of a trained flagship, trained alone: on pictures that are decoded once."""

from functools import partial
from pathlib import Path

import keras
import numpy as np
from keras import ops

from compressor.models.base import RateDistortionModel
from compressor.models.flagship import Flagship
from training.data import Crops
from training.errors import TrainingError
from training.growth import FILTER_OPTIONS
from training.photos import load_photos
from training.run_folder import (
    CHECKPOINT,
    SETTINGS,
    Settings,
    averaged_weights,
    save_checkpoint,
    write_provenance,
)
from training.start import compile_model, read_model


class FilterModel(RateDistortionModel):
    """A flagship's filter as a model of its own: no bits, only what becomes of a decoded picture.

    Input: {"decoded": (N, H, W, 3) pixels - 128 as the lapped transform gives them back, "images": the
    pictures that are meant, "quality": (N,)}; output: see `RateDistortionModel`.
    """

    def __init__(self, flagship: Flagship, **kwargs) -> None:
        super().__init__(**{"dtype": "float32"} | kwargs)
        # Nothing else of the flagship is trained.
        self.synthesis, self._filter = flagship.synthesis, flagship.filter

    def call(self, inputs, training=False):
        images, quality = inputs["images"], inputs["quality"]
        pictures = (self._filter(inputs["decoded"], quality) + 128) / 255
        mse = ops.mean(ops.square(255 * (pictures - images)), axis=(1, 2, 3))
        return {"images": pictures, "bpp": ops.zeros_like(mse), "mse": mse}


class Decoded(keras.utils.PyDataset):
    """Random parts of decoded crops, in random order.

    Args:
        flagship: decodes them, without its filter.
        crops: batches of pictures and qualities.
        side: of a part, in pixels.
        batches: per epoch.
    """

    def __init__(self, flagship: Flagship, crops: Crops, side: int, batches: int, **kwargs) -> None:
        super().__init__(**kwargs)
        self.side, self.batches, self.batch = side, batches, crops.batch
        sources = [crops[k][0] for k in range(len(crops))]
        # Pixels are at most some hundred: float16 is good to an eighth of a level.
        self.decoded = np.concatenate([decode(flagship, x).astype(np.float16) for x in sources])
        self.images = np.concatenate([np.round(255 * x["images"]).astype(np.uint8) for x in sources])
        self.quality = np.concatenate([x["quality"] for x in sources])

    def __len__(self) -> int:
        return self.batches

    def __getitem__(self, index: int):
        random = np.random.default_rng(index)
        chosen = random.integers(len(self.images), size=self.batch)
        top, left = random.integers(self.images.shape[1] - self.side + 1, size=2)
        rows, columns = slice(top, top + self.side), slice(left, left + self.side)
        decoded, images = (x[chosen, rows, columns].astype(np.float32) for x in (self.decoded, self.images))
        return ({"decoded": decoded, "images": images / 255, "quality": self.quality[chosen]},)


def decode(flagship: Flagship, inputs: dict[str, np.ndarray]) -> np.ndarray:
    """What coding makes of pictures before the filter: pixels - 128, (N, H, W, 3)."""
    images, quality = inputs["images"], inputs["quality"]
    latents = flagship.analyse(images, quality)
    latents, _ = flagship.code(latents, quality, partial(flagship.quantise, training=False))
    return ops.convert_to_numpy(flagship.lapped_synthesis(latents * flagship.gains(quality)[2]))


def with_new_filter(trained: Flagship) -> Flagship:
    """A flagship with a filter of the kind that new ones have, and all else as it was trained; no optimizer.

    A filter of that kind stays as it is; one of another kind gives way to one that starts at zero.
    """
    new = Flagship().config
    model = Flagship(**trained.config | {key: new[key] for key in (*FILTER_OPTIONS, "transforms")})
    model.build()
    same = model.config == trained.config
    targets, values = (_weights(x, with_filter=same) for x in (model, trained))
    for target, value in zip(targets, values, strict=True):
        target.assign(np.asarray(value))
    return model


def _weights(model: Flagship, *, with_filter: bool) -> list[keras.Variable]:
    own = set() if with_filter else {id(variable) for variable in model.synthesis.weights}
    return [variable for variable in model.weights if id(variable) not in own]


def train_filter(init: Path, out: Path, settings: Settings, crops: int) -> Flagship:
    """Train the filter of a trained flagship, and write a run folder to export, or to start another run from.

    A step takes a tenth of the time that one of everything takes.

    Args:
        init: see `read_model`.
        out: folder of the run; made if need be.
        settings: of the filter's training; parts are cut from crops of up to one and a half times their size.
        crops: how many are decoded.

    Raises:
        TrainingError: if the data or the model cannot be used, or the folder holds a run.
    """
    if (out / CHECKPOINT).exists():
        raise TrainingError(f"{out} holds a run already; name a new folder")
    keras.utils.set_random_seed(settings.seed)
    keras.config.set_dtype_policy("mixed_bfloat16" if settings.precision == "bfloat16" else "float32")
    trained = read_model(init)
    if not isinstance(trained, Flagship):
        raise TrainingError(f"{init} holds no flagship: other models have no filter")
    larger = settings.crop * 3 // 2 // 64 * 64
    photos = load_photos(settings.data, larger)
    source = Crops(photos, settings.batch, larger, -(-crops // settings.batch), seed=settings.seed)
    flagship = with_new_filter(trained)
    data = Decoded(flagship, source, settings.crop, settings.steps)
    model = FilterModel(flagship)
    compile_model(model, settings)
    model.fit(data)
    averaged_weights(model)
    out.mkdir(parents=True, exist_ok=True)
    settings.save(out / SETTINGS)
    write_provenance(out, settings)
    save_checkpoint(flagship, out / CHECKPOINT)
    return flagship
