"""What the command was asked for: its arguments, as TUF's client conformance protocol defines them."""

import os

USAGE = """usage: tuf_client --metadata-dir DIR init ROOT_FILE
       tuf_client --metadata-dir DIR --metadata-url URL refresh
       tuf_client --metadata-dir DIR --metadata-url URL --target-name NAME [--target-name NAME ...]
                  --target-base-url URL --target-dir DIR download

The client of The Update Framework (specification 1.0), run by MicroPython; it is the unit's own code.
init      trusts ROOT_FILE, and makes it root.json in the metadata folder
refresh   brings root, timestamp, snapshot and targets up to date
download  refreshes, then fetches each target that is not in the target folder yet, under its percent-encoded name
URLs are http:// only. Status 0: done; 1: refused or failed, the reason is on standard error; 2: wrong usage.

example:  tuf_client --metadata-dir /tmp/m init 1.root.json
          tuf_client --metadata-dir /tmp/m --metadata-url http://localhost:8000/metadata/ refresh
"""
NEEDED = {
    "init": ("--metadata-dir",),
    "refresh": ("--metadata-dir", "--metadata-url"),
    "download": ("--metadata-dir", "--metadata-url", "--target-base-url", "--target-dir"),
}
_MAX_ARGUMENTS = 1000


class UsageError(Exception):
    """The arguments make no sense; says which."""


class Arguments:
    """`command` is init, refresh, download or help, `options` the single ones by name, `targets` the names in order."""

    def __init__(self, words):
        self.options = {}
        self.targets = []
        self._plain = []
        at = 0
        while at < len(words):
            at = self._take(words, at)
        self.command = self._plain[0] if self._plain else ""
        if "help" in self._plain:
            self.command = "help"
            return
        if self.command not in NEEDED:
            raise UsageError("init, refresh or download is wanted, got %r" % self.command)
        if len(self._plain) != (2 if self.command == "init" else 1):
            raise UsageError("%s with %d further arguments" % (self.command, len(self._plain) - 1))
        for name in NEEDED[self.command]:
            if not self.options.get(name):
                raise UsageError("%s needs %s" % (self.command, name))
        if self.command == "download" and not self.targets:
            raise UsageError("download needs --target-name")

    @property
    def root_file(self):
        """The file that init trusts."""
        return self._plain[1]

    def _take(self, words, at):
        name, equals, value = words[at].partition("=")
        if name in ("--help", "-h"):
            self._plain.append("help")
            return at + 1
        if not name.startswith("--"):
            self._plain.append(words[at])
            return at + 1
        if name != "--target-name" and name not in NEEDED["download"]:
            raise UsageError("there is no option %s" % name)
        if not equals:
            at += 1
            if at == len(words):
                raise UsageError("%s wants a value" % name)
            value = words[at]
        if name == "--target-name":
            self.targets.append(value)
        else:
            self.options[name] = value
        return at + 1


def handed_over():
    """The words the shell part put into the environment, in order."""
    count = int(os.getenv("TUF_CLIENT_ARGUMENTS") or "0")
    if count > _MAX_ARGUMENTS:
        raise UsageError("%d arguments, at most %d are taken" % (count, _MAX_ARGUMENTS))
    return [os.getenv("TUF_CLIENT_ARGUMENT_%d" % at) or "" for at in range(count)]
