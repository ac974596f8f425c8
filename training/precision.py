"""Number format of the transform networks: bfloat16 on hardware that computes in it."""

import keras

from compressor.engines.cpu import has_bfloat16

# NVIDIA's first generation with bfloat16 units (Ampere).
GPU_CAPABILITY = 8.0


def gpu_capability() -> float | None:
    """Return the compute capability of the first GPU, such as 8.0; None if there is no GPU."""
    if keras.backend.backend() == "jax":
        import jax

        devices = [device for device in jax.devices() if device.platform == "gpu"]
        return float(devices[0].compute_capability) if devices else None
    import tensorflow as tf

    devices = tf.config.list_physical_devices("GPU")
    if not devices:
        return None
    major, minor = tf.config.experimental.get_device_details(devices[0]).get("compute_capability", (0, 0))
    return major + minor / 10


def hardware_precision() -> str:
    """Return "bfloat16" or "float32", whichever is faster on this machine."""
    capability = gpu_capability()
    if capability is not None:
        return "bfloat16" if capability >= GPU_CAPABILITY else "float32"
    # Other CPUs emulate bfloat16, four times slower than float32; so does XLA on every CPU.
    fast = keras.backend.backend() == "tensorflow" and has_bfloat16()
    return "bfloat16" if fast else "float32"
