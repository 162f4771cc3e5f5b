"""A print job reaches the printer whole, or an error says that it did not."""

import socket
import threading

import pytest

from tools.label import LabelError
from tools.label.printing import send


def test_printer_gets_the_whole_job() -> None:
    job, taken = b"^XA" + bytes(300_000) + b"^XZ", bytearray()
    with socket.create_server(("127.0.0.1", 0)) as printer:

        def take() -> None:
            line, _ = printer.accept()
            with line:
                while data := line.recv(65536):
                    taken.extend(data)

        thread = threading.Thread(target=take)
        thread.start()
        send(f"127.0.0.1:{printer.getsockname()[1]}", job)
        thread.join(10)
    assert bytes(taken) == job


def test_printer_that_is_off_and_one_without_a_name_are_errors() -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    with pytest.raises(LabelError, match=f"printer 127.0.0.1:{port} did not take the label"):
        send(f"127.0.0.1:{port}", b"^XA^XZ")
    for wrong in ("", "host:", "host:x", "host:0", "host:65536", ":9100"):
        with pytest.raises(LabelError, match="a printer is host or host:port"):
            send(wrong, b"^XA^XZ")
