"""The settings of a run, and TOML files."""

import json
import tomllib
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from compressor.atomic import atomic_path
from compressor.errors import one_line
from training.errors import TrainingError


@dataclass(frozen=True)
class Settings:
    """The options that determine a run's result; stored as TOML in the run folder.

    Attributes:
        data: source of pictures; see `training.data.encoded_images`.
        model: name of the model's family.
        transforms: whether a flagship's transform networks are trained.
        steps: length of the run; 0 for a length that is not known yet.
        batch: crops per step.
        crop: side of the crops in pixels, divisible by 64.
        learning_rate: highest learning rate.
        optimizer: "muon" or "adam".
        tail: share of the run, at its end, in which the learning rate falls to 0.
        precision: number format of the transform networks, "float32" or "bfloat16"; empty to keep that of
            the resumed run or, in a new run, to use the faster one on this machine.
        init: weights to start from; see `training.start.read_model`; empty for none.
        seed: seed of all random choices.
        checkpoint_every: steps between checkpoints, which is an epoch.
        metric: distortion: "mse", "ms-ssim" or "ssimulacra2".
        mse_share: share of the squared error in the distortion of "ssimulacra2".
        butteraugli_share: share of Butteraugli in the distortion of "ssimulacra2".
        crops_per_photo: crops of one photograph in a batch.
        eight_bits: see `compressor.models.flagship.model.Flagship`.
        quick_moves: likewise.

    Raises:
        TrainingError: if options contradict each other.
    """

    data: str
    model: str = "flagship"
    transforms: bool = True
    steps: int = 20000
    batch: int = 8
    crop: int = 128
    learning_rate: float = 1e-3
    optimizer: str = "muon"
    tail: float = 0.4
    precision: str = "float32"
    init: str = ""
    seed: int = 1
    checkpoint_every: int = 250
    metric: str = "mse"
    mse_share: float = 0.2
    butteraugli_share: float = 0.0
    crops_per_photo: int = 1
    eight_bits: bool = False
    quick_moves: int = 0

    def __post_init__(self) -> None:
        if self.model != "flagship" and (not self.transforms or self.eight_bits or self.quick_moves):
            raise TrainingError(
                f"received --stage entropy, --eight-bits or --quick-moves with --model {self.model}, "
                "expected a flagship: leave them out"
            )
        if self.quick_moves and self.metric != "mse":
            raise TrainingError(
                f"received --metric {self.metric} for a model with quick moves, expected mse: "
                "latents are moved against the squared error"
            )
        if self.batch % self.crops_per_photo:
            group = self.crops_per_photo
            raise TrainingError(
                f"received --batch {self.batch} and --crops-per-photo {group}, "
                f"expected a batch of whole groups: give --batch {-(-self.batch // group) * group}, "
                "or a --crops-per-photo that divides it"
            )
        if self.mse_share + self.butteraugli_share > 1:
            raise TrainingError(
                f"received --mse-share {self.mse_share:g} and --butteraugli-share "
                f"{self.butteraugli_share:g}, expected a sum of at most 1: SSIMULACRA 2 has the rest"
            )
        if (self.eight_bits or self.quick_moves) and not self.init:
            raise TrainingError(
                "received --eight-bits or --quick-moves without --init, expected trained weights: "
                "quantisation steps are calibrated on a trained filter, and f is not trained with quick moves"
            )

    def portable(self) -> dict[str, object]:
        """Return the settings without paths, which are meaningless on another machine."""
        return {key: value for key, value in asdict(self).items() if key not in ("data", "init")}

    def save(self, path: Path) -> None:
        """Write the settings to a TOML file."""
        write_toml(path, asdict(self))

    @classmethod
    def load(cls, path: Path) -> "Settings":
        """Read the settings from a TOML file.

        Raises:
            TrainingError: if it is damaged, or made by another version.
        """
        try:
            values = tomllib.loads(path.read_text(encoding="utf-8", errors="surrogateescape"))
            for field in fields(cls):
                kinds = (float, int) if field.type is float else field.type
                if not isinstance(values.get(field.name, field.default), kinds):
                    raise ValueError(f"{field.name} = {values.get(field.name)!r}")
            return cls(**values)
        except (TypeError, ValueError) as error:
            raise TrainingError(
                f"{path} cannot be read as settings ({one_line(error)}): fix the file, or start a new run"
            ) from error


def write_toml(path: Path, values: dict[str, object]) -> None:
    """Write a TOML file without tables.

    Args:
        path: file to write; replaced if it exists.
        values: strings, numbers and booleans.
    """
    # Such values are the same in JSON and in TOML, except that TOML forbids a raw delete character.
    lines = [f"{key} = {json.dumps(value, ensure_ascii=False)}\n" for key, value in values.items()]
    text = "".join(lines).replace("\x7f", "\\u007f")
    with atomic_path(path) as temporary:
        # Names of files need not be valid text.
        temporary.write_text(text, encoding="utf-8", errors="surrogateescape")
