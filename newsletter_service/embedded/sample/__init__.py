"""The sample site's words and pictures: a life-science park that does not exist."""
