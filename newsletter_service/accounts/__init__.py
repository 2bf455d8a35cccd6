"""People who log in: who they are, how they prove it, and the sessions they have open.

Knows nothing of pages, cookies or lists; the doors carry the tokens it gives out.
"""
