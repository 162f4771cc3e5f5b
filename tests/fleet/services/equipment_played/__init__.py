"""The equipment rules as the services keep them, against their oracle: random histories played into a real database.

- `world.py` is a fleet service with its database, one copy a history, and a clock that the history moves.
- `acts.py` does with the services what an event tells of; `left_out.py` names the events nobody could tell them.
- `reading.py` reads what is stored, so that the comparison of `tests/fleet/domain/equipment_model` holds it, too.
- `playing.py` plays a seeded history: the jobs run whenever something falls due, and after every event.
"""
