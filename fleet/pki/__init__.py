"""The device certificate authority and the server's."""
