"""The composition root of a unit that is not locked yet: it listens to the station on its USB link, no more."""

import sys

from adapter import lights
from adapter.factory import FactoryLink
from adapter.identity import IdentityStore
from adapter.supervisor import Supervisor
from ports.unix.bench_board import BenchBoard


async def run(handover, board, uptime):
    """Answers the station for ever."""

    def crashed(name, error):
        sys.print_exception(error, sys.stderr)

    board.led(lights.pattern("factory"))
    board.pins.report({"state": "factory"})
    bench = BenchBoard(board, handover.directory)
    link = FactoryLink(IdentityStore(board.partition("identity")), bench, handover.header.version, bench.clock_us)
    supervisor = Supervisor(uptime, board.feed_watchdog, board.restart, crashed)
    supervisor.start("usb", lambda beat: _listen(bench, link))
    await supervisor.run()


async def _listen(board, link):
    while True:
        await board.usb.write(link.feed(await board.usb.read()))
        if link.restart_wanted:
            board.restart("restart")
