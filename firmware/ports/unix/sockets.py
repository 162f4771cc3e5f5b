"""Whose sockets the unit uses now: `port` is the module socket, or the Bridge while only the USB link is up."""

import socket

port = socket


def link(board):
    """What carries the traffic: 0 nothing, 1 the Ethernet cable, else a number of the bridge's, new after each loss.

    New sockets are that link's from now on. `board.bridge` is a Bridge or None.
    """
    global port  # noqa: PLW0603 - the one switch
    bridge = board.bridge
    if board.ethernet_up():
        port = socket
        if bridge is not None:
            board.bridge = None
            bridge.close()
        return 1
    if bridge is None or not bridge.alive():
        return 0
    port = bridge
    return bridge.number
