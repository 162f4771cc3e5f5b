"""Both interpreters hear the same call, byte for byte, and machine code the same as plain Python."""

from hashlib import sha256

import pytest

from tests.conftest import RunMicroPython
from tests.firmware.adapter.media.sounds import source, tone
from tests.firmware.adapter.media.virtual_call import Call, Network

SAID = b"".join(bytes(tone(number, 90 + number % 70, 9000)) for number in range(250))
SCRIPT = """
import sys
if {plain}:
    from adapter.media import samples_plain
    sys.modules["adapter.media.samples"] = samples_plain
from hashlib import sha256
from tests.firmware.adapter.media.sounds import source
from tests.firmware.adapter.media.virtual_call import Call, Network
said = sys.stdin.buffer.read(80000)
call = Call(said, Network(source(4), {loss}, {jitter}), {codec!r}, {ptime})
print(sha256(call.heard).digest().hex(), call.ear.concealed, call.ear.buffer.late, call.ear.reception.jitter)
"""


@pytest.mark.parametrize("plain", [False, True])
@pytest.mark.parametrize(
    ("loss", "jitter", "codec", "ptime"), [(0.1, 0, "PCMU", 20), (0.05, 40, "PCMA", 20), (0.05, 10, "PCMU", 30)]
)
def test_both_interpreters_hear_the_same_call(
    micropython: RunMicroPython, plain: bool, loss: float, jitter: int, codec: str, ptime: int
) -> None:
    call = Call(SAID, Network(source(4), loss, jitter), codec, ptime)
    here = [sha256(call.heard).hexdigest(), call.ear.concealed, call.ear.buffer.late, call.ear.reception.jitter]
    script = SCRIPT.format(loss=loss, jitter=jitter, codec=codec, ptime=ptime, plain=plain)
    assert micropython(script, heap="4M", stdin=SAID).split() == [str(each) for each in here]
    assert call.ear.concealed > 5
