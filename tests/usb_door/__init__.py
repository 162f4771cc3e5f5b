"""Ways into a unit over its USB link, tried on the real firmware: none of them leads anywhere."""
