"""Reports by systems that are old, broken or both; each written for this test."""

from newsletter_service.bounces.parse import parse
from newsletter_service.bounces.summary import Summary, summarise


def read(head: str, body: str) -> Summary:
    return summarise(parse(f"{head.strip()}\n\n{body.strip()}\n".encode()))


EXCHANGE_55 = """
From: System Administrator <postmaster@exch.example.org>
To: nytt@list.example.test
Subject: Undeliverable: Virus i parken
X-Mailer: Internet Mail Service (5.5.2650.21)
"""


def test_an_old_exchange_names_every_reader_and_quotes_a_subject_that_says_nothing() -> None:
    found = read(
        EXCHANGE_55,
        """
Your message

  To:      nytt@list.example.test
  Subject: Virus in the park, and mailbox full of letters
  Sent:    Tue, 3 Mar 2026 09:00:00 +0100

did not reach the following recipient(s):

asa@example.org on Tue, 3 Mar 2026 09:00:02 +0100
    The recipient name is not recognized
    MSEXCH:IMS:Parken:NORR:POST 0 (000C05A6) Unknown Recipient
bo@example.org on Tue, 3 Mar 2026 09:00:02 +0100
    The recipient name is not recognized
    MSEXCH:IMS:Parken:NORR:POST 0 (000C05A6) Unknown Recipient
""",
    )
    assert found.recipients == ("asa@example.org", "bo@example.org")
    assert (found.kind, found.reason) == ("hard", "userunknown")


def test_a_transcript_without_a_list_of_addresses_names_them_by_its_replies() -> None:
    found = read(
        "From: Mail Delivery Subsystem <MAILER-DAEMON@mx.example.org>\n"
        "Subject: Returned mail: Host unknown\nTo: nytt@list.example.test",
        """
   ----- Transcript of session follows -----
550 saknas.example.test (smtp)... 550 Host unknown
554 <asa@saknas.example.test>... 550 Host unknown (Authoritative answer from name server)
554 <bo@borta.example.test>... 550 Host unknown (Authoritative answer from name server)
""",
    )
    assert found.recipients == ("asa@saknas.example.test", "bo@borta.example.test")
    assert (found.kind, found.reason) == ("hard", "hostunknown")


def report(groups: str, text: str = "Your mail came back.", top: str = "") -> Summary:
    top = top or 'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\n'
    return read(
        f"From: MAILER-DAEMON@mx.example.org\nSubject: Delivery status notification\n{top}",
        f"--b\nContent-Type: text/plain\n\n{text}\n\n--b\nContent-Type: message/delivery-status\n\n"
        f"Reporting-MTA: dns; mx.example.org\n\n{groups}\n\n--b--",
    )


def test_an_empty_line_too_many_hides_no_recipient() -> None:
    found = report(
        "\nFinal-Recipient: rfc822; asa@example.org\nAction: failed\nStatus: 5.1.1\n"
        "Diagnostic-Code: smtp; 552 5.2.2 Over quota"
    )
    assert found.recipients == ("asa@example.org",)
    assert (found.kind, found.reason) == ("soft", "mailboxfull")


def test_parts_whose_message_lost_its_content_type_are_found() -> None:
    found = report(
        "Final-Recipient: rfc822; asa@example.org\nAction: failed\nStatus: 4.4.7",
        text="kijk@example.org... Deferred: Connection refused\nMessage could not be delivered",
        top="X-Note: none\n",
    )
    assert found.recipients == ("asa@example.org",)
    assert found.kind == "soft"


def test_where_the_fields_say_nothing_each_readers_own_line_speaks() -> None:
    found = report(
        "Final-Recipient: rfc822; full@example.org\nAction: failed\nStatus: 5.0.0\n\n"
        "Final-Recipient: rfc822; borta@example.org\nAction: failed\nStatus: 5.0.0",
        text=(
            "full@example.org: 552 5.2.2 <full@example.org>: Mailbox full\n"
            "borta@example.org: 550 5.1.1 <borta@example.org>: User unknown"
        ),
    )
    assert (found.kind, found.reason) == ("hard", "userunknown")


def test_a_wrapper_of_the_relay_is_not_taken_for_the_servers_words() -> None:
    blocked = report(
        "Final-Recipient: rfc822; asa@example.org\nAction: failed\nStatus: 5.0.0\n"
        "Diagnostic-Code: smtp; 5.1.0 - Unknown address error 550-'5.7.1 Access denied'"
    )
    assert blocked.kind == "soft"
    unknown = report(
        "Final-Recipient: rfc822; asa@example.org\nAction: failed\nStatus: 5.0.0\n"
        "Diagnostic-Code: smtp; 5.1.0 - Unknown address error 550-'No such user here'"
    )
    assert unknown.kind == "hard"


def test_a_last_word_that_nobody_has_the_address_counts_though_it_said_later() -> None:
    group = (
        "Final-Recipient: rfc822; asa@example.org\nAction: {}\nStatus: 4.1.1\n"
        "Diagnostic-Code: smtp; 450 4.1.1 <asa@example.org>: User unknown in local table"
    )
    assert report(group.format("failed")).kind == "hard"
    delayed = report(group.format("delayed"))
    assert (delayed.kind, delayed.final) == ("soft", False)


def test_a_bare_refusal_of_the_recipient_is_about_the_address() -> None:
    for said in ("550 5.1.0 Recipient rejected: <asa@example.org>", "542 asa@example.org Rejected"):
        found = report(
            "Final-Recipient: rfc822; asa@example.org\nAction: failed\nStatus: 5.0.0\n"
            f"Diagnostic-Code: smtp; {said}"
        )
        assert (said, found.kind, found.reason) == (said, "hard", "userunknown")


def test_a_program_that_failed_says_nothing_about_the_reader() -> None:
    found = report(
        "Final-Recipient: rfc822; asa@example.org\nAction: failed\nStatus: 5.0.0\n"
        "Diagnostic-Code: X-Unix; 255",
        text="unknown user of the database\n554 5.3.0 unknown mailer error 255",
    )
    assert (found.kind, found.reason) == ("soft", "mailererror")


def test_an_old_office_that_could_not_match_the_address_names_it() -> None:
    found = read(
        "From: postmaster@lab.example.org (Automated response)\n"
        'Subject: FAILED MAIL to "asa" regarding "Nytt"',
        "The address to which your message was addressed, asa@lab.example.org, did not exactly "
        "match a lab email address. It was rejected.",
    )
    assert (found.kind, found.recipients) == ("hard", ("asa@lab.example.org",))
