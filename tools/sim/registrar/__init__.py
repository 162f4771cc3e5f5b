"""A small SIP registrar and proxy with an echo party, on the firmware's own SIP core: the network of the demo.

For a machine of one's own and for tests. A service wants a real one (docs/operating.md).
"""
