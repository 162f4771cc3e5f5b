"""Whose turn it is: a unit has heap for one TLS connection at a time.

The session with the fleet has the turn. An update asks for it, is lent it when that session has closed in
order, and gives it back; then the session connects again.
"""


class Turn:
    """`wanted`: an update waits for the connection, or has it; `lent`: it has it."""

    def __init__(self):
        self.wanted = False
        self.lent = False

    def ask(self):
        """By the update: the next moment without a connection shall be its own."""
        self.wanted = True

    def lend(self):
        """By the holder, once it has no connection; without effect if nobody asked."""
        self.lent = self.wanted

    def give_back(self):
        """By the update, once its connection is closed, or when it does not want one any more."""
        self.wanted = self.lent = False
