"""The computer's end of the bridge."""
