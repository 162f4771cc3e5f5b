"""Long checks, a module an area: a seeded sample in `make test`, in full by `make soak`."""
