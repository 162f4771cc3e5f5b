"""The equipment rules of `fleet/domain` against their oracle: random histories played into both, compared at each step.

- `account.py` and its neighbours are an account in memory that calls the domain as the services do: every act in one
  transaction that settles, due dates as jobs.
- `comparing.py` says what has to be equal; `playing.py` plays a seeded history, for tests and for soak runs.
- What the domain does not decide, whether evidence of the world is believable, is taken on the oracle's word.
"""
