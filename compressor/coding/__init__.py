"""Pictures and latents to bytes and back: tiles, rounding, refinement, rate control."""
