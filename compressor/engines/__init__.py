"""Run the exported float graphs: one small interface, one file per engine."""

from compressor.engines.base import Engine, load_engine

__all__ = ["Engine", "load_engine"]
