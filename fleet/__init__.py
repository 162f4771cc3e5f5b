"""The fleet service: units, accounts, terms, returns, releases and rollouts."""
