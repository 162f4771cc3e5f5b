"""The loops over samples: in machine code where the port runs it, else in plain Python, with the same result."""

try:
    from adapter.media.samples_viper import decode, emit, encode, match, mix, noise, store
except (AttributeError, ImportError, NameError, SyntaxError, ValueError):  # CPython; no emitter; another architecture
    from adapter.media.samples_plain import decode, emit, encode, match, mix, noise, store  # noqa: F401
