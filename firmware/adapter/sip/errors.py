"""What SIP, SDP, digest and DNS code raises when a peer sent what cannot be used."""

from adapter.errors import AdapterError


class SipError(AdapterError):
    """`status`: of the response to send (RFC 3261 21; 0: none can be), `message`: the request it answers."""

    def __init__(self, text, status=0, message=None):
        super().__init__(text)
        self.status = status
        self.message = message
