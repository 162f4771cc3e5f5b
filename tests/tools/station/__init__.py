"""The station against simulated boards."""
