"""Who got what, by two accounts: a mail server that remembers, and the ledger it is held against.

For the crash drill and for the bench's own killing; knows the schema, and nothing that sends.
"""
