"""A rollout rehearsed: the fleet's own services in one process, with simulated units and a clock under control."""
