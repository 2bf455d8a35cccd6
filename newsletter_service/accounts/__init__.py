"""The house's own affairs: who works here, what the organisation and its newsletters are called.

Knows nothing of pages, cookies, subscribers or news; the doors carry the tokens it gives out.
"""
