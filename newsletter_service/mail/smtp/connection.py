"""One session with a relay, driven in two steps so that a gate stands between them.

    answer = await conn.envelope(Envelope(sender, reader, len(data)))
    if answer.accepted:
        ...commit the gate, or `await conn.abandon()`...
        reply = await conn.body(data)

Where the relay pipelines, the envelope of the next message may leave right behind the final dot
(`body(data, then=envelope)`, then `taken_ahead()` or `followed()`): its body waits for its own
gate, and a gate that refuses closes the session, since nothing but a body may follow a 354.

What the relay says about a message or its reader is returned; what it says about itself or us,
and its silence, is raised. NotSent (and its kinds) is certain, InDoubt is not (R 2.38).
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress

from newsletter_service.mail.smtp.capabilities import Capabilities
from newsletter_service.mail.smtp.envelope import Ahead, Envelope, EnvelopeReply, stuffed
from newsletter_service.mail.smtp.errors import InDoubt, MalformedMessage, NotSent
from newsletter_service.mail.smtp.opening import open_session
from newsletter_service.mail.smtp.relay_url import RelayUrl
from newsletter_service.mail.smtp.replies import Phase, Reply
from newsletter_service.mail.smtp.session import Session
from newsletter_service.mail.smtp.timeouts import Timeouts
from newsletter_service.mail.smtp.wire import Wire, WireBrokenError

# The end of a message leaves in one piece with its final dot; what stands before must have been
# taken by the socket, so that a relay hanging up in a long message leaves no doubt. A fresh socket
# takes some 70 kB at once from packets of 1460 bytes: a look before the end of a shorter message
# would see nothing.
_TAIL = 64 * 1024
_BLOCK = 256 * 1024


class Connection(Session):
    """Sends messages. `messages` counts the transactions begun."""

    def __init__(self, wire: Wire, capabilities: Capabilities, timeouts: Timeouts) -> None:
        super().__init__(wire, capabilities, timeouts)
        self._open_transaction = False
        self._eight_bit = False
        self._go_ahead = False
        self._following: Ahead | None = None
        self.messages = 0

    @classmethod
    async def open(cls, relay: RelayUrl, timeouts: Timeouts, ehlo_name: str) -> "Connection":
        """Connect and log in; raises RelayUnavailable or RelayRefusesUs."""
        wire, capabilities = await open_session(relay, timeouts, ehlo_name)
        return cls(wire, capabilities, timeouts)

    async def envelope(self, envelope: Envelope) -> EnvelopeReply:
        """Send MAIL and RCPT, in one go where the relay lets us (R 2.35).

        Raises RelayUnavailable, RelayRefusesUs, MalformedAddress, NeedsSmtpUtf8 or NotSent. What
        is left of an earlier transaction is reset first.
        """
        mail, rcpt = envelope.commands(self.capabilities)
        if self._open_transaction:
            await self.reset()
        self._eight_bit = envelope.international
        self.messages += 1
        self._open_transaction = True
        if self.capabilities.pipelining:
            return await self._pipelined(mail, rcpt)
        answer = await self._ask(mail, Phase.MAIL, self._timeouts.mail)
        if not answer.ok:
            return EnvelopeReply(accepted=False, phase=Phase.MAIL, reply=answer)
        answer = await self._ask(rcpt, Phase.RCPT, self._timeouts.rcpt)
        return EnvelopeReply(accepted=answer.ok, phase=Phase.RCPT, reply=answer)

    async def body(
        self, data: bytes | Sequence[bytes], then: Ahead | None = None, *, sound: bool = False
    ) -> Reply:
        """Send the message and return the relay's last word on it, or its refusal of DATA.

        `data`, whole or in parts, has CRLF line ends and no dots doubled; where it `is_sound`
        nobody looks again.
        Raises NotSent as long as the final dot has not been handed to the socket, MalformedMessage
        among it, and InDoubt from then on until a reply is read. `then`, only for relays that
        pipeline, leaves right behind it.
        """
        parts = (data,) if isinstance(data, bytes) else data
        head, tail = self._on_the_wire(parts, b"" if then is None else then.commands, sound=sound)
        if not self._go_ahead:
            go_ahead = await self._ask(b"DATA\r\n", Phase.DATA, self._timeouts.data)
            if go_ahead.code != 354:
                return self._data_refused(go_ahead)
            await asyncio.sleep(0)  # the loop reads: a relay that hung up is seen before the dot
        self._go_ahead = False
        if head or not self._wire.silent:
            await self._send_head(head)
        reply = await self._finish(tail)
        self._open_transaction = False
        self._raise_for_relay(reply, Phase.DOT)
        if then is not None:
            self._following, self._busy = then, True
        return reply

    def ahead(self, envelope: Envelope) -> Ahead | None:
        """What may leave behind a message for the next; None where the relay wants one at a time.

        Raises MalformedAddress or NeedsSmtpUtf8.
        """
        if not self.capabilities.pipelining:
            return None
        mail, rcpt = envelope.commands(self.capabilities)
        return Ahead(mail + rcpt + b"DATA\r\n", envelope.international)

    @property
    def follows(self) -> bool:
        """Whether an envelope left behind the last message."""
        return self._following is not None

    def taken_ahead(self) -> bool:
        """Whether the relay took the envelope that left behind the last message, and said so.

        Otherwise `followed` waits for what it says.
        """
        if not self._wire.envelope_taken():
            return False
        self._begin_followed()
        self._busy, self._go_ahead = False, True
        return True

    async def followed(self) -> EnvelopeReply:
        """What the relay made of the envelope that left behind the last message.

        Raises as `envelope` does. Taken means that it waits for the body already.
        """
        self._begin_followed()
        limits = self._timeouts
        mail = self._here(Phase.MAIL) or await self._answer(Phase.MAIL, limits.mail)
        self._heed(mail, Phase.MAIL)
        rcpt = self._here(Phase.RCPT) or await self._answer(Phase.RCPT, limits.rcpt)
        self._heed(rcpt, Phase.RCPT, after=mail)
        data = self._here(Phase.DATA) or await self._answer(Phase.DATA, limits.data)
        self._heed(data, Phase.DATA, after=rcpt if mail.ok else mail)
        if not (mail.ok and rcpt.ok):
            if data.code < 400:
                self._wire.abort()  # it waits for a message that has no reader
            if not mail.ok:
                return EnvelopeReply(accepted=False, phase=Phase.MAIL, reply=mail)
            return EnvelopeReply(accepted=False, phase=Phase.RCPT, reply=rcpt)
        if data.code != 354:
            return EnvelopeReply(accepted=False, phase=Phase.DATA, reply=self._data_refused(data))
        self._go_ahead = True
        return EnvelopeReply(accepted=True, phase=Phase.RCPT, reply=rcpt)

    def _begin_followed(self) -> None:
        ahead, self._following = self._following, None
        if ahead is None:
            raise ValueError("No envelope left behind the last message.")
        self._eight_bit = ahead.international
        self.messages += 1
        self._open_transaction = True

    def _here(self, phase: Phase) -> Reply | None:
        """The next reply to what was sent ahead, where it has come with those before."""
        try:
            return self._wire.received()
        except WireBrokenError as error:
            raise NotSent(phase, str(error)) from error

    async def _answer(self, phase: Phase, seconds: float) -> Reply:
        async with self._certain(phase, seconds):
            return await self._wire.reply()

    def _heed(self, reply: Reply, phase: Phase, after: Reply | None = None) -> None:
        """Hear what the relay says about itself; what follows a refusal says nothing new."""
        self._busy = False
        if after is None or after.ok or reply.code == 421:
            self._raise_for_relay(reply, phase)

    async def reset(self) -> None:
        """Forget a transaction that was begun (RSET)."""
        reply = await self._ask(b"RSET\r\n", Phase.RSET, self._timeouts.rset)
        if not reply.ok:
            self._wire.abort()
            raise NotSent(Phase.RSET, "The relay does not forget a transaction.", reply)
        self._open_transaction = False

    async def _pipelined(self, mail: bytes, rcpt: bytes) -> EnvelopeReply:
        async with self._certain(Phase.MAIL, self._timeouts.mail):
            await self._expect_silence(Phase.MAIL)
            self._wire.write(mail + rcpt)
            first = await self._wire.reply()
        self._raise_for_relay(first, Phase.MAIL)
        async with self._certain(Phase.RCPT, self._timeouts.rcpt):
            second = await self._wire.reply()
        if not first.ok:
            return EnvelopeReply(accepted=False, phase=Phase.MAIL, reply=first)
        self._raise_for_relay(second, Phase.RCPT)
        return EnvelopeReply(accepted=second.ok, phase=Phase.RCPT, reply=second)

    def _data_refused(self, reply: Reply) -> Reply:
        if reply.code >= 400:
            return reply
        self._wire.abort()
        raise NotSent(Phase.DATA, f"The relay answered DATA by: {reply}", reply)

    def _on_the_wire(
        self, parts: Sequence[bytes], behind: bytes, *, sound: bool
    ) -> tuple[memoryview, memoryview]:
        """The message in two parts, the second with the final dot and what leaves behind it."""
        if sound:
            whole = b"".join((*parts, b".\r\n", behind))
        else:
            try:
                whole = stuffed(b"".join(parts)) + behind
            except ValueError as error:
                raise MalformedMessage(Phase.DATA, str(error)) from error
        if not (self._eight_bit or whole.isascii() or all(part.isascii() for part in parts)):
            reason = "The message has bytes above 127, which were not announced."
            raise MalformedMessage(Phase.DATA, reason)
        view, tail = memoryview(whole), max(len(whole) - len(behind) - _TAIL, 0)
        return view[:tail], view[tail:]

    async def _send_head(self, head: memoryview) -> None:
        """Send all but the end, as long as the relay listens and keeps silent."""
        if len(head) <= _BLOCK and self._wire.silent:
            with suppress(WireBrokenError):  # _certain finds it again and says so
                self._wire.write(head)
                if self._wire.drained and self._wire.silent:
                    return
            head = head[:0]
        for start in range(0, max(len(head), 1), _BLOCK):
            async with self._certain(Phase.BODY, self._timeouts.block):
                await self._expect_silence(Phase.BODY)
                self._wire.write(head[start : start + _BLOCK])
                await self._wire.drain()
                await self._expect_silence(Phase.BODY)

    async def _finish(self, tail: memoryview) -> Reply:
        """Send the end with its final dot: from the first byte written there is doubt."""
        self._busy = True
        try:
            self._wire.write(tail)
            reply = await self._wire.reply(self._timeouts.dot)
        except TimeoutError as error:
            reason = f"No reply to the message came within {self._timeouts.dot:g} seconds."
            raise self._doubt(reason) from error
        except WireBrokenError as error:
            raise self._doubt(str(error)) from error
        if not reply.ok and reply.code < 400:
            raise self._doubt(f"The relay answered the message by: {reply}")
        self._busy = False
        return reply

    def _doubt(self, reason: str) -> InDoubt:
        self._wire.abort()
        return InDoubt(Phase.DOT, reason)
