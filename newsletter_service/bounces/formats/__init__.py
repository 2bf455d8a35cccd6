"""One small pure module for each shape of message that comes back.

Each takes a parsed `mime.Part` and answers None where the shape is not its own. They know
nothing of each other's formats, of our tokens or of what a failure means for a reader.
"""
