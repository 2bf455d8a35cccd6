"""Importing readers from files, on both databases."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from io import BytesIO

import pytest
from sqlalchemy import func, select

from newsletter_service import suppression
from newsletter_service.extensions import db
from newsletter_service.models import (
    AuditEvent,
    ConsentEvent,
    LegalBasis,
    Subscriber,
    Subscription,
    SuppressionReason,
    writing,
)
from newsletter_service.subscribers import imports, opt_in, opt_out
from newsletter_service.subscribers.consent import RequestContext
from newsletter_service.subscribers.import_plan import EvidenceMissing, Plan, Reason, Report
from newsletter_service.subscribers.opt_out import Scope
from newsletter_service.subscribers.readers import NoSuchList
from newsletter_service.subscribers.tables import UnreadableFile
from tests.integration.subscribers.parken import NOW, Desk

CONTEXT = RequestContext()
SIGNED = Plan("nytt", confirmed=True, evidence="Paper forms of 2025", actor="ada@example.org")
ASKED = Plan("nytt", confirmed=False, evidence="", actor="ada@example.org")
LATER = NOW + timedelta(days=3)


def take(text: str | bytes, plan: Plan = SIGNED) -> Report:
    body = text if isinstance(text, bytes) else text.encode()
    return imports.import_rows(BytesIO(body), plan, LATER)


def test_a_confirmed_import_keeps_its_evidence_with_every_reader(desk: Desk) -> None:
    report = take("email,locale\nanna@example.org,sv\nbo@example.org,en\n")
    assert (report.read, report.taken, report.rows) == (2, 2, [])
    assert desk.state("anna@example.org") == "confirmed"
    assert desk.subscription("bo@example.org").subscriber.locale == "en"
    (first, _second) = db.session.scalars(select(ConsentEvent)).all()
    assert first.detail == {"evidence": "Paper forms of 2025", "by": "ada@example.org"}
    assert db.session.scalars(select(AuditEvent.act)).all() == ["subscribers.imported"]


def test_a_confirmed_import_without_evidence_is_refused(desk: Desk) -> None:
    with pytest.raises(EvidenceMissing):
        take("email\nanna@example.org\n", Plan("nytt", True, "  ", "ada@example.org"))
    assert db.session.scalar(select(func.count()).select_from(Subscriber)) == 0


def test_r_5_1_another_legal_basis_is_kept_with_what_proves_it_and_called_no_consent(
    desk: Desk,
) -> None:
    take("email\nanna@example.org\n", replace(SIGNED, basis=LegalBasis.EXISTING_CUSTOMER))
    anna = desk.subscription("anna@example.org")
    assert (anna.legal_basis, anna.basis_evidence) == ("existing_customer", "Paper forms of 2025")
    (event,) = db.session.scalars(select(ConsentEvent)).all()
    assert (event.kind, event.detail["legal_basis"]) == ("changed", "existing_customer")


def test_without_evidence_each_is_asked_by_mail(desk: Desk) -> None:
    report = take("email\nanna@example.org\nbo@example.org\n", ASKED)
    assert report.taken == 2
    assert [notice.kind for notice in desk.notices()] == ["confirmation", "confirmation"]
    again = take("email\nanna@example.org\n", ASKED)
    assert again.reasons == {Reason.WAITING: 1}


def test_running_it_again_adds_nobody_twice(desk: Desk) -> None:
    take("email\nanna@example.org\n")
    again = take("email\nAnna@Example.org\n")
    assert (again.taken, again.reasons) == (0, {Reason.ALREADY: 1})
    assert db.session.scalar(select(func.count()).select_from(ConsentEvent)) == 1


@pytest.mark.parametrize("plan", [SIGNED, ASKED])
@pytest.mark.parametrize("reason", list(SuppressionReason))
def test_r_4_8_an_import_never_revives_a_suppressed_address(
    desk: Desk, plan: Plan, reason: SuppressionReason
) -> None:
    with writing() as session:
        key = desk.key("anna@example.org")
        suppression.suppress(session, key, reason=reason, source="test", now=NOW)
    report = take("email\nanna@example.org\nbo@example.org\n", plan)
    assert (report.taken, report.reasons) == (1, {Reason.SUPPRESSED: 1})
    assert report.rows[0].line == 2
    assert suppression.find(db.session(), desk.key("anna@example.org"), 1) is not None
    assert db.session.scalar(select(func.count()).select_from(Subscription)) == 1


@pytest.mark.parametrize("plan", [SIGNED, ASKED])
@pytest.mark.parametrize("asked_again", [False, True])
def test_r_4_8_an_import_never_revives_who_has_left(
    desk: Desk, plan: Plan, asked_again: bool
) -> None:
    opt_in.subscribe("nytt", "anna@example.org", "sv", CONTEXT, NOW)
    opt_in.confirm(desk.link(), "sv", CONTEXT, NOW)
    token = desk.leave_token("anna@example.org")
    opt_out.unsubscribe(token, Scope.LIST, CONTEXT, NOW + timedelta(hours=1))
    if asked_again:  # by a stranger, never answered
        opt_in.subscribe("nytt", "anna@example.org", "sv", CONTEXT, NOW + timedelta(hours=2))
    report = take("email\nanna@example.org\n", plan)
    assert report.reasons == {Reason.UNSUBSCRIBED: 1}
    assert desk.state("anna@example.org") != "confirmed"


def test_a_confirmed_import_settles_a_waiting_sign_up(desk: Desk) -> None:
    opt_in.subscribe("nytt", "anna@example.org", "sv", CONTEXT, NOW)
    assert take("email\nanna@example.org\n").taken == 1
    assert desk.state("anna@example.org") == "confirmed"


def test_rows_that_are_no_addresses_are_reported_with_their_line(desk: Desk) -> None:
    report = take(
        "namn;e-post\nAnna;anna@example.org\n\nBo;bo@\n;\nRoll;postmaster@example.org\n"
        "Anna igen;ANNA@example.org\nOndska;x@example.org\\nBcc: y@example.org\n"
    )
    assert report.taken == 1
    assert [(row.line, row.reason) for row in report.rows] == [
        (4, Reason.INVALID_ADDRESS),
        (6, Reason.NO_READER),
        (7, Reason.REPEATED),
        (8, Reason.INVALID_ADDRESS),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "anna@example.org\n",
        "\ufeffE-post\nanna@example.org\n",
        "Namn\tE-postadress\r\nÅsa\tanna@example.org\r\n",
        '"Email","Name"\n"anna@example.org","Svensson, Anna"\n',
        "Namn;E-post\nÅsa Öman;anna@example.org\n".encode("cp1252"),
    ],
)
def test_files_as_people_write_them_are_read(desk: Desk, text: str | bytes) -> None:
    assert take(text).taken == 1
    assert desk.state("anna@example.org") == "confirmed"


@pytest.mark.parametrize("body", ["", "email\n", "\n\n"])
def test_an_empty_file_adds_nobody(desk: Desk, body: str) -> None:
    assert take(body) == Report()


@pytest.mark.parametrize(
    "body",
    ["name,city\nAnna,Lund\n", "name\nAnna\n".encode("utf-16")],
)
def test_a_file_without_readable_addresses_is_refused(desk: Desk, body: str | bytes) -> None:
    with pytest.raises(UnreadableFile):
        take(body)
    assert db.session.scalar(select(func.count()).select_from(Subscriber)) == 0


def test_an_import_to_an_unknown_list_is_refused(desk: Desk) -> None:
    with pytest.raises(NoSuchList):
        take("email\nanna@example.org\n", Plan("nix", True, "forms", "ada@example.org"))


def test_progress_is_told_after_every_block(desk: Desk) -> None:
    body = "email\n" + "".join(f"reader{n}@example.org\n" for n in range(imports.BLOCK + 10))
    told: list[int] = []
    note: Callable[[Report], None] = lambda report: told.append(report.taken)  # noqa: E731
    report = imports.import_rows(BytesIO(body.encode()), SIGNED, LATER, note)
    assert told == [imports.BLOCK, imports.BLOCK + 10]
    assert report.taken == imports.BLOCK + 10
