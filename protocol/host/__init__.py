"""The same wire codec by another hand: construct Structs derived from the tables."""
