"""What the sample's house has sent in and uploaded, and a draft that greets its readers."""

from datetime import datetime, timedelta

from newsletter_service.cli.sample import ACTOR
from newsletter_service.embedded.sample import pictures
from newsletter_service.extensions import db
from newsletter_service.issues import blocks
from newsletter_service.issues.blocks import Edit
from newsletter_service.models import Issue
from newsletter_service.news import desk, submissions
from newsletter_service.pictures import library

_COMPANIES = ("Vattenbolaget i Vintergren AB", "Ljuslabbet AB")
_UPLOADS = (
    ("entren-i-host.jpg", "Entrén till hus 3 en höstkväll"),
    ("program-oppet-hus.pdf", ""),
)
_GREETING = "Hej! Här är höstens nyheter, och en hälsning till {organisation|alla hos er}."
_LINES = ("Oppet hus i Vintergren", "09.00 Kaffe i entren", "10.00 Rundvandring")


def greet(issue_id: int, now: datetime) -> None:
    """A draft that says where its reader works, as far as that is known."""
    issue = db.session().get_one(Issue, issue_id)
    edit, words = Edit(issue.version, ACTOR, now), issue.text("sv").introduction
    said = f"{words}\n\n{_GREETING}".strip()
    blocks.write(issue_id, "sv", {"introduction": said}, {}, edit)


def furnish(list_id: int, now: datetime) -> None:
    """Two companies with links, a piece of news that waits for an editor, and own files."""
    ids = [submissions.add(list_id, name, actor=ACTOR, now=now) for name in _COMPANIES]
    token = submissions.link(ids[0], "sv").rpartition("/")[2]
    typed = desk.Typed(
        "Vi provar renat dagvatten i parkens fontän",
        "Från och med måndag går vattnet i fontänen genom vårt nya filter. Kom och se hur klart "
        "det blir, och fråga oss allt om små föroreningar.",
        last_day=(now + timedelta(days=12)).date(),
        place="Fontänen vid hus 1",
    )
    submissions.send_in(token, typed, b"", now)
    for name, alt in _UPLOADS:
        body = _pdf(_LINES) if name.endswith(".pdf") else pictures.jpeg("building")
        library.keep(library.Upload(body, name, alt), actor=ACTOR, now=now)


def _pdf(lines: tuple[str, ...]) -> bytes:
    """One page with some lines of text (ISO 32000-1, 7.5)."""
    words = " ".join(f"({line}) Tj 0 -28 Td" for line in lines)
    drawn = f"BT /F1 18 Tf 72 760 Td {words} ET"
    parts = (
        "<< /Type /Catalog /Pages 2 0 R >>",
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R"
        " /Resources << /Font << /F1 5 0 R >> >> >>",
        f"<< /Length {len(drawn)} >>\nstream\n{drawn}\nendstream",
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    )
    whole, places = "%PDF-1.4\n", []
    for number, part in enumerate(parts, 1):
        places.append(len(whole))
        whole += f"{number} 0 obj\n{part}\nendobj\n"
    table = "".join(f"{place:010} 00000 n \n" for place in places)
    size = len(parts) + 1
    return (
        f"{whole}xref\n0 {size}\n0000000000 65535 f \n{table}"
        f"trailer\n<< /Size {size} /Root 1 0 R >>\nstartxref\n{len(whole)}\n%%EOF\n"
    ).encode("ascii")
