"""`plugtone demo`: the whole product tells its story on one machine, with real parts."""
