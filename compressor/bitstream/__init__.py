"""The file format: header, sections, checksums. Bytes in, bytes out; FORMAT.md describes it."""
