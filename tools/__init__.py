"""What runs at the operator's side of the wire: station, release, simulation, benchmarks."""
