"""How a letter is made and handed over.

Knows readers' values, keys and relays only as arguments; knows no database, web or queue.
"""
