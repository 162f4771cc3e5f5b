"""What the tests in hand stand on: benches, switches, the proof of them, states and the ways between, evidence."""
