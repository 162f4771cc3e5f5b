"""The suite; `python -m tests.run` is the whole of it."""
