"""The cryptography that no MicroPython build brings: P-256 signatures, HMAC, DER, CSR."""
