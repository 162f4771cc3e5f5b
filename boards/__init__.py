"""What a board is: one TOML file each, checked by a schema."""
