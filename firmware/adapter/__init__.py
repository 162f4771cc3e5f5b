"""The adapter's pure logic: bytes, values and time in, bytes and values out; no hardware, socket or clock."""
