"""The sample organisation of `up` and `demo`: a park, a list, readers with Swedish names."""

import io
import itertools
from collections.abc import Iterator
from datetime import datetime

from newsletter_service.accounts import newsletters, organisation
from newsletter_service.accounts.newsletters import NewNewsletter
from newsletter_service.extensions import db
from newsletter_service.models import FieldKind, NewsletterList
from newsletter_service.subscribers import (
    data_protection,
    fields,
    file_rows,
    imports,
    segments,
)
from newsletter_service.subscribers.fields import Choice, Definition
from newsletter_service.subscribers.import_plan import Plan
from newsletter_service.subscribers.readers import open_list

SLUG = "nyhetsbrev"
ACTOR = "sample"
EVIDENCE = "Sample readers; they exist nowhere."

_FIRST = """
    Anna Erik Maria Lars Karin Anders Eva Johan Lena Per Åsa Björn Sara Nils Emma Olof Ingrid
    Hampus Elin Gösta Märta Östen Signe Torbjörn Wilma Åke
""".split()  # noqa: SIM905 - names read better in lines
_LAST = """
    Andersson Lindqvist Öberg Sjöström Nyman Ek Wallin Hägg Lund Åström Berg Norén Dahl Forsgren
    Ström Holm Engdahl Sundin Blom Kärr
""".split()  # noqa: SIM905 - as above
_DOMAINS = ("reader.test", "labb.test", "universitetet.test", "bolag.test", "xn--vrd-qla.test")
_PLAIN = str.maketrans("åäöéÅÄÖ", "aaoeAAO")


def found(site_url: str, now: datetime, *, with_logo: bool = True) -> NewsletterList:
    """The organisation and its first list; the logo is the sample site's."""
    site_url = site_url.rstrip("/") + "/"
    organisation.save(
        {
            "name": "Vintergren Life Science Park",
            "postal_address": "Provrörsgatan 7, 123 45 Vintergren",
            "org_nr": "556000-0000",
            "contact_email": "hej@vintergren.test",
            "website": site_url,
            "logo_url": f"{site_url}logo.png" if with_logo else "",
            "accent": "#0f6b5c",
        },
        actor=ACTOR,
        now=now,
    )
    made = newsletters.create(
        NewNewsletter(
            name="Nytt från Vintergren",
            sender_name="Vintergren Life Science Park",
            sender_address="nyhetsbrev@vintergren.test",
            slug=SLUG,
            locales=("sv",),
        ),
        actor=ACTOR,
        now=now,
    )
    newsletters.open_archive(made.id, actor=ACTOR, open_to_all=True)
    data_protection.save(
        {
            "dpo_name": "Disa Ek",
            "dpo_email": "dataskydd@vintergren.test",
            "processors": "Posthuset AB, e-postserver, Sverige\nMolnberget AB, drift, Sverige",
        },
        actor=ACTOR,
    )
    return made


def ask_more(list_id: int, now: datetime) -> None:
    """Two fields and a segment, so that the form and imports have something to work with."""
    interests = ("Läkemedel", "Medicinteknik", "Energi och miljö", "Något annat")
    english = ("Pharmaceuticals", "Medical devices", "Energy and environment", "Something else")
    for definition in (
        Definition("Organisation", FieldKind.TEXT, "Organisation"),
        Definition(
            "Vad är du mest nyfiken på?",
            FieldKind.CHOICE,
            "What are you most curious about?",
            tuple(Choice(*both) for both in zip(interests, english, strict=True)),
        ),
    ):
        field = fields.define(list_id, definition, actor=ACTOR, now=now)
    energy = {"about": "field", "field": field.id, "op": "is", "value": "energi_och_miljo"}
    segments.save(list_id, "Nyfikna på energi", {"all": [energy]}, actor=ACTOR, now=now)


def addresses() -> Iterator[str]:
    """Made-up readers, each once, for ever."""
    people = itertools.product(_LAST, _FIRST)
    for number in itertools.count():
        last, first = next(people, ("Läsare", f"nr{number}"))
        local = f"{first}.{last}".lower().translate(_PLAIN)
        yield f"{local}@{_DOMAINS[number % len(_DOMAINS)]}"


def add_readers(number: int, now: datetime) -> None:
    """Import confirmed readers."""
    curious = itertools.cycle(["Läkemedel", "Energi och miljö", "Medicinteknik", "", "Något annat"])
    at_work = itertools.cycle(["Vattenbolaget", "", "Ljuslabbet", "Institutet för kyla", ""])
    some = zip(itertools.islice(addresses(), number), curious, at_work, strict=False)
    rows = "\n".join(["email,Vad är du mest nyfiken på?,Organisation", *map(",".join, some)])
    file = io.BytesIO(rows.encode())
    names = fields.names(fields.of_list(db.session(), open_list(db.session(), SLUG).id))
    columns = file_rows.look(file, names).columns
    plan = Plan(SLUG, True, EVIDENCE, ACTOR, "sample.csv", columns)
    imports.import_rows(file, plan, now)
