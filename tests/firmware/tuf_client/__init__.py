"""The command firmware/tuf_client against a real HTTP server and python-tuf's repository side."""
