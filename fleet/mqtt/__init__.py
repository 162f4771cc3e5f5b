"""The broker, who may connect to it, and the gateway."""
