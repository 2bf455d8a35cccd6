"""What comes back: reading bounces and complaints, and saying what they mean.

`parse` and `classify` are pure and know neither the database nor the web; the verbs beside
them store, find the delivery and suppress.
"""
