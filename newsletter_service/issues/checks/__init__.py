"""The rules of the check before an issue leaves: a small function each, with its sentences.

They look at a `Case` and ask no network; what the network said stands in the database.
"""
