"""What only the host needs of the protocol: a second codec to check the first against, and reading aids."""
