"""Faults at random against the whole pipeline under load: `python -m tests.chaos`, or `make chaos`.

Belongs here: what makes load, what breaks things, what judges the result by readers that share no code with the
pipeline. It stands beside `tests/faults`, whose readers it uses: those tests hit one place at a time and know where,
this program hits whatever runs.
"""
