"""Pictures in and out through Pillow: modes, metadata, colour."""
