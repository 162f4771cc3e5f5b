"""The command `tuf_client`: init, refresh and download, as TUF's client conformance protocol defines them.

The rules are the unit's (adapter/update); what is given to them here are the larger bounds of a computer, those
of python-tuf, and files and sockets of the unix port.
"""

import sys
import time

from adapter.errors import AdapterError
from adapter.update.errors import MismatchError, NetworkError
from adapter.update.fetching import find_target, refresh
from adapter.update.file_names import target_path
from adapter.update.metadata import Bounds, TrustedSet
from tuf_client_command.arguments import USAGE, Arguments, UsageError, handed_over
from tuf_client_command.folders import Artifact, MetadataFolder
from tuf_client_command.http_files import Server

# The bounds of python-tuf's UpdaterConfig.
BOUNDS = Bounds(
    {"root": 512_000, "timestamp": 16_384, "snapshot": 2_000_000, "targets": 5_000_000}, max_roots=256, max_roles=32
)
_METADATA = "metadata/"
_TARGETS = "targets/"


def init(arguments):
    """Trusts a root file, if it is one and signed itself."""
    with open(arguments.root_file, "rb") as file:
        data = file.read(BOUNDS.max_bytes["root"] + 1)
    root = _verified_by_itself(TrustedSet({}, data, _now_s(), BOUNDS).root)
    MetadataFolder(arguments.options["--metadata-dir"]).put("root.json", data)
    _say("trusts root %d" % root.version)


def refreshed(arguments):
    """The TrustedSet of the metadata folder, brought up to date, and the server it comes from."""
    folder = MetadataFolder(arguments.options["--metadata-dir"])
    server = Server(arguments.options["--metadata-url"])
    first_root = folder.get("root.json")
    if first_root is None:
        raise MismatchError("no root.json in %s: init first" % arguments.options["--metadata-dir"])
    trusted = TrustedSet(folder, first_root, _now_s(), BOUNDS)
    _verified_by_itself(trusted.root)
    _drive(refresh(trusted), server)
    _say(
        "root %d, timestamp %d, snapshot %d, targets %d"
        % (trusted.root.version, trusted.timestamp.version, trusted.snapshot.version, trusted.role_version("targets"))
    )
    return trusted, server


def download(arguments):
    """Each target in its turn, after one refresh; the first that fails ends it, and those before it stay."""
    trusted, metadata_server = refreshed(arguments)
    server = Server(arguments.options["--target-base-url"])
    for name in arguments.targets:
        found = _drive(find_target(trusted, name), metadata_server)
        if found is None:
            raise MismatchError("no role lists a target %s" % name)
        role, target = found
        artifact = Artifact(arguments.options["--target-dir"], name, target)
        if artifact.is_here:
            _say("%s of role %s is here already" % (name, role))
            continue
        _fetch(server, name, target, artifact, trusted.consistent)
        _say("%s of role %s, %d bytes" % (name, role, artifact.length))


def _fetch(server, name, target, artifact, consistent):
    """5.7.3: no more than the signed length, and it counts once length and hashes fit."""
    path = target_path(name, _any_hash(target) if consistent else None)
    artifact.start()
    try:
        if server.fetch(path[len(_TARGETS) :], artifact.length, artifact.write) is None:
            raise NetworkError("the server does not have %s" % path)
        artifact.finish()
    finally:
        artifact.drop()


def _verified_by_itself(root):
    """SignatureError unless a root signed itself: on a unit it is sealed in, here it came by a file."""
    root.verify(root.body["keys"], root.body["roles"]["root"])
    return root


def _any_hash(target):
    """The hash under which the target is served: SHA-256 if it has one; the Artifact has seen that there is a hash."""
    hashes = target["hashes"]
    return (hashes.get("sha256") or hashes["sha512"]).text()


def _drive(job, server):
    """Fetches what a generator of Gets asks for; what it returns."""
    try:
        get = next(job)
        while True:
            try:
                data = server.fetch(get.path[len(_METADATA) :], get.max_bytes)
            except NetworkError as error:
                get = job.throw(error)
            else:
                get = job.send(data)
    except StopIteration as stop:
        return stop.value


def _now_s():
    return int(time.time())


def _say(text, to=sys.stdout):
    """One line, whatever names from metadata are in it."""
    to.write("tuf_client: " + "".join([c if " " <= c else "?" for c in text]) + "\n")


def main():
    """The exit status."""
    try:
        arguments = Arguments(handed_over())
    except (UsageError, ValueError) as error:
        _say("%s; --help shows how" % error, sys.stderr)
        return 2
    if arguments.command == "help":
        sys.stdout.write(USAGE)
        return 0
    try:
        {"init": init, "refresh": refreshed, "download": download}[arguments.command](arguments)
    except (AdapterError, OSError, MemoryError) as error:
        _say("%s: %s" % (type(error).__name__, error), sys.stderr)
        return 1
    return 0


sys.exit(main())
