"""The crash drill: an installation of its own, killed again and again while it sends.

Stands above the wiring, since it starts whole processes; `witness` says who got what.
"""
