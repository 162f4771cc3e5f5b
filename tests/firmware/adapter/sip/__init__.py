"""SIP on the unit, by the examples of its RFCs, by properties, and by mutants on both interpreters."""
