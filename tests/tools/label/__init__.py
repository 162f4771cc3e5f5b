"""Labels, read back by readers that are not ours."""
