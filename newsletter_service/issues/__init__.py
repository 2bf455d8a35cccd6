"""Issues: from news to a letter that was checked, approved and released.

Knows drafts, editions and their states; knows no SMTP and no reader.
"""
