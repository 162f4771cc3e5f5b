"""SIP user agent, sans-I/O: messages, digest, SDP, DNS answers, and the state machines above them."""
