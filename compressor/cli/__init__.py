"""The command line: encode, decode, info; batches, worker processes, Ray."""
