"""A month of simulated time, with the scheduler killed at random: what was to leave leaves once.

`python -m tests.month --days 31 --seed 7` for the whole of it; a little of it is in the tests.
"""
