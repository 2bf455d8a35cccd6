"""A bare Flask route on the server that our pages run on: what a POST costs at the least."""

from flask import Flask

app = Flask(__name__)


@app.post("/")
def answer() -> str:
    """The least that a form can do."""
    return "ok"
