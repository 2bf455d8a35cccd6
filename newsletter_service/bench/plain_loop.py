"""What people write: EmailMessage, smtplib and one row updated per reader."""

import smtplib
import sqlite3
import time
from email.message import EmailMessage
from email.utils import make_msgid
from pathlib import Path


def send(port: int, number: int, size: int, place: Path) -> float:
    """Send `number` messages of about `size` bytes; returns messages per second."""
    words = "Tre bolag i parken bygger ett mikroskop tillsammans och visar det i höst. "
    html = f"<html><body><p>{words}</p></body></html>" * (size // (len(words) + 40))
    place.unlink(missing_ok=True)
    database = sqlite3.connect(place)
    database.execute("PRAGMA journal_mode=WAL")
    database.execute("CREATE TABLE recipient (id INTEGER PRIMARY KEY, state TEXT)")
    database.executemany("INSERT INTO recipient VALUES (?, 'new')", ((i,) for i in range(number)))
    database.commit()
    began = time.perf_counter()
    with smtplib.SMTP("127.0.0.1", port) as relay:
        for i in range(number):
            message = EmailMessage()
            message["From"] = "nyhetsbrev@park.example.org"
            message["To"] = f"reader{i}@d{i % 500}.example"
            message["Subject"] = "Nytt i parken"
            message["Message-ID"] = make_msgid(domain="park.example.org")
            message.set_content(f"https://nyhetsbrev.example.org/unsubscribe/{i}")
            message.add_alternative(html, subtype="html")
            relay.send_message(message)
            database.execute("UPDATE recipient SET state = 'sent' WHERE id = ?", (i,))
            database.commit()
    seconds = time.perf_counter() - began
    database.close()
    return number / seconds
