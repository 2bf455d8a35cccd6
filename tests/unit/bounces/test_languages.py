"""What servers say in the languages of Europe and the East; every sentence written here."""

import pytest

from newsletter_service.bounces.parse import parse
from newsletter_service.verdict_rules import judge

UNKNOWN = """
    Adressen finns ej | Användaren saknas | Benutzer unbekannt | Unbekannter Empfaenger
    Kein solcher Benutzer | Compte inexistant | Cette boîte n'existe pas | Cuenta inexistente
    No existe el usuario | Utente sconosciuto | Casella inesistente | Usuário não existe
    Destinatário desconhecido | Onbekende gebruiker | Adres bestaat niet | Ukendt bruger
    Brukeren finnes ikke | Tuntematon käyttäjä | Vastaanottajaa ei löydy | Konto nie istnieje
    Nie ma takiego użytkownika | Нет такого пользователя | Несуществующий адрес
    ユーザー不明 | 受信者が存在しません | 用户不存在 | 无此用户
"""
FULL = """
    Inkorgen är full | Kvoten har överskridits | Postfach ist voll | Boîte aux lettres pleine
    Buzon lleno | Casella piena | Caixa postal cheia | Postvak vol | Postkassen er fuld
    Postilaatikko on täynnä | Skrzynka przepełniona | Почтовый ящик переполнен
    メールボックスが一杯です | 邮箱已满
"""
NO_HOST = """
    Domänen finns inte | Host unbekannt | Domaine inconnu | Dominio inexistente
    ドメインが見つかりません | 域名不存在
"""


def phrases(table: str) -> list[str]:
    return [each.strip() for line in table.split("\n") for each in line.split("|") if each.strip()]


@pytest.mark.parametrize("said", phrases(UNKNOWN))
def test_nobody_has_the_address(said: str) -> None:
    assert judge("", f"550 {said}").reason == "userunknown"


@pytest.mark.parametrize("said", phrases(FULL))
def test_the_mailbox_is_full(said: str) -> None:
    assert judge("", f"550 {said}").reason == "mailboxfull"


@pytest.mark.parametrize("said", phrases(NO_HOST))
def test_nobody_has_the_domain(said: str) -> None:
    assert judge("", f"550 {said}").reason == "hostunknown"


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("554 5.4.14 Hop count exceeded - possible mail loop", "networkerror"),
        ("message expired, retry timeout exceeded", "expired"),
        ("552 user has exceeded mailbox disk quota", "mailboxfull"),
        ("550 Ip frequency limited", "speeding"),
        ("550 Mail content denied", "contenterror"),
        ("550 #5.1.0 Address rejected.", "userunknown"),
        ("The account has been closed", "suspend"),
    ],
)
def test_words_of_single_systems(said: str, reason: str) -> None:
    assert judge("", said).reason == reason


@pytest.mark.parametrize(
    ("subject", "text"),
    [
        ("Unzustellbar: Nytt", "Die Nachricht wurde nicht zugestellt: <asa@example.org>"),
        ("Non remis : Nytt", "Le message n'a pas pu être remis à <asa@example.org>"),
        ("Onbestelbaar: Nytt", "Het bericht kon niet worden afgeleverd: <asa@example.org>"),
        ("退信: Nytt", "无法投递: <asa@example.org>"),
    ],
)
def test_a_report_in_another_language_is_one(subject: str, text: str) -> None:
    found = parse(f"From: MAILER-DAEMON@example.org\nSubject: {subject}\n\n{text}\n".encode())
    assert found.kind == "bounce"
    assert [recipient.final for recipient in found.recipients] == ["asa@example.org"]


@pytest.mark.parametrize(
    "subject",
    ["Afwezig: Nytt", "Fuori sede", "Nieobecność", "自动回复: Nytt", "Автоответ: Nytt", "Ausencia"],
)
def test_an_absence_in_any_language_is_no_bounce(subject: str) -> None:
    found = parse(f"From: bo@example.org\nSubject: {subject}\n\nHej igen snart!\n".encode())
    assert found.kind == "auto-reply"
