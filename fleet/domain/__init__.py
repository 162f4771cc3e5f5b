"""The rules: pure functions and tables; time, randomness and keys come in as arguments."""
