"""The only code that touches hardware, one package a port."""
