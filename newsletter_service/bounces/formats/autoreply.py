"""Automatic replies: RFC 3834, and the shapes in use before and beside it."""

from __future__ import annotations

import re

from newsletter_service.bounces.formats import mime

_HEADERS = ("x-autoreply", "x-autorespond", "x-auto-response", "x-autoreply-from", "x-vacation")
_SUBJECT = re.compile(
    r"^\s*(?:(?:re|sv|vs|aw|fwd?)\s*:\s*)*(?:\[[^\]]{0,40}\]\s*)?"
    r"(?:auto(?:matic|matisk|mated|matiskt)?[ -]?(?:reply|response|respons|svar|answer)\b"
    r"|out[ -]of[ -](?:the[ -])?office|on (?:vacation|holiday|parental leave)|vacation\b"
    r"|away from (?:my|the) (?:office|desk|mail)|i am (?:currently )?(?:away|out of)"
    r"|autosvar|autoreply|frånvaro|frånvarande|ej på plats|inte på (?:plats|kontoret)"
    r"|(?:jag (?:är|har) )?(?:på )?semester\b|tjänstledig|föräldraledig|sjukskriven|slutat\b"
    r"|abwesenheit|automatische antwort|réponse automatique|respuesta automática"
    r"|fravær|poissa|automaattinen|abwesend|absence|absent du bureau|ausencia"
    r"|fuera de (?:la )?oficina|fuori (?:sede|ufficio)|assenza|ausência|fora do escritório"
    r"|afwezig|niet aanwezig|nieobecn|autoodpowied|автоответ"
    r"|自动回复|自動回覆|自動返信|自動応答|不在)",
    re.IGNORECASE,
)


def is_auto_reply(message: mime.Part) -> bool:
    """True for a reply that no person wrote; delivery notifications are looked for before."""
    submitted = message.get("auto-submitted").strip().lower()
    if submitted.startswith(("auto-replied", "auto-notified")):
        return True
    if any(message.get(name) for name in _HEADERS):
        return True
    if message.get("precedence").strip().lower() in ("auto_reply", "auto-reply", "autoreply"):
        return True
    return bool(_SUBJECT.match(message.get_text("subject")[:300]))
