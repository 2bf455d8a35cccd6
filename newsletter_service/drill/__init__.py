"""The crash drill: an installation of its own, killed again and again while it sends.

Stands above the wiring, since it starts whole processes; knows the ledger and its own SMTP sink,
and holds the one against the other.
"""
