"""Who has the heap: what carries the line and what carries out an update do not fit into it together.

The line has it, and leaves it to an update while nobody needs the telephone. Its sockets stay open meanwhile; it
takes the heap back (`recalled`) for a call, a lifted handset or its registration, and the update goes on later.
Whoever leaves, what was loaded since the unit was built goes: nobody has to know what belongs to whom. It goes in
a frame that never held anything of it, for a frame keeps what it once held.
"""

import sys

_OURS = ("adapter", "ports", "protocol")


def unload(stack):
    """Gives the modules `stack` names, and those in its packages, back to the heap.

    On a unit only: on CPython a module that comes again would bring other classes of the same names.
    """
    if sys.implementation.name != "micropython":
        return
    for loaded in list(sys.modules):
        for name in stack:
            if loaded == name or loaded.startswith(name + "."):
                del sys.modules[loaded]
                break
    for name in stack:
        parent, child = name.rsplit(".", 1)
        if hasattr(sys.modules.get(parent), child):
            delattr(sys.modules[parent], child)


class Room:
    """`wanted`: an update asks for the heap; `lent`: it has it; `recalled`: the line wants it back at once.

    Modules that are loaded by now stay, and `late` ones, whose objects outlive a change of whose heap it is.
    """

    def __init__(self, late=()):
        self._staying = tuple(sys.modules) + late
        self.wanted = False
        self.lent = False
        self.recalled = False
        self._line_in = False

    def enter(self):
        """By the line, before it loads its parts: True once it may; else the update is asked to go."""
        if self.lent:
            self.recalled = True
            return False
        self._line_in = True
        return True

    def leave(self):
        """By the line, once nothing refers to its parts any more; a parked one may end while an update is at work."""
        self._line_in = False
        if not self.lent:
            self._clear()

    def borrow(self):
        """By the update: asks for the heap; True once it has it."""
        self.wanted = True
        if not self._line_in and not self.lent:
            self._clear()
            self.lent = True
        return self.lent

    def give_back(self):
        """By the update, once nothing refers to its parts any more, or when it does not want the heap."""
        self.wanted = self.lent = self.recalled = False
        if not self._line_in:
            self._clear()

    def _clear(self):
        unload([name for name in sys.modules if name not in self._staying and name.split(".")[0] in _OURS])
