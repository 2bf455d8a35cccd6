"""News from elsewhere: feeds found, fetched and read into items that an issue can carry.

`feeds`, `discover` and what they stand on are pure: bytes in, values out. They know neither the
network nor the database, and nothing about issues.
"""
