"""The models that ship with the package, each in a folder of its own; `files` reads them."""
