"""*Bilder och filer*: what editors uploaded, to be described, used again and taken away.

With `?block=` the page is a picker: a picture is put into that block of an issue.
"""

from typing import Any

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from newsletter_service.extensions import db
from newsletter_service.issues import blocks
from newsletter_service.models import Block, BlockKind, Role, StoredFile
from newsletter_service.pictures import library
from newsletter_service.web.access import allow
from newsletter_service.web.desk import actor, now
from newsletter_service.web.desk import issue_words as words
from newsletter_service.web.file_words import trouble

blueprint = Blueprint("files", __name__, url_prefix="/desk/bilder")

FILE_BYTES = library.MAX_BYTES + 64 * 1024
_FIELDS = {
    BlockKind.IMAGE: ("url", "alt"),
    BlockKind.ITEM: ("image_url", "image_alt"),
    BlockKind.EVENT: ("image_url", "image_alt"),
    BlockKind.FILM: ("image_url", "alt"),
}


@blueprint.url_value_preprocessor
def _take_files(_endpoint: str | None, _values: dict[str, Any] | None) -> None:
    """A picture may be larger than a form; this runs before anything reads the body."""
    request.max_content_length = FILE_BYTES


@blueprint.get("")
@allow(Role.EDITOR)
def page() -> str:
    """The library, newest first."""
    return _page({})


@blueprint.post("")
@allow(Role.EDITOR)
def upload() -> Response | tuple[str, int]:
    """Keep a picture or a PDF; from the picker, put it into the block at once."""
    file = request.files.get("file")
    alt = request.form.get("alt", "")
    if file is None or not file.filename:
        return _page({"file": _("Choose a file.")}), 422
    new = library.Upload(file.stream.read(library.MAX_BYTES + 1), file.filename, alt)
    try:
        file_id = library.keep(new, actor=actor(), now=now())
    except library.NotAFile as fault:
        return _page({"file": trouble(fault.code)}), 422
    block = _block()
    kept = library.get(file_id)
    if block is not None and kept is not None and kept.is_picture:
        return _put(block, kept)
    flash(_("The file is in the library."), "good")
    return redirect(url_for("files.page", block=block.id if block else None), 303)


@blueprint.post("/<int:file_id>/beskriv")
@allow(Role.EDITOR)
def describe(file_id: int) -> Response:
    """Say what a picture shows."""
    library.describe(_known(file_id).id, request.form.get("alt", ""))
    flash(_("Saved."), "good")
    return redirect(url_for("files.page"), 303)


@blueprint.post("/<int:file_id>/ta-bort")
@allow(Role.EDITOR)
def retire(file_id: int) -> Response:
    """Take a file out of the library; letters that show it still do."""
    library.retire(_known(file_id).id, actor=actor(), now=now())
    flash(_("It is gone from the library. Letters that show it still do."), "good")
    return redirect(url_for("files.page"), 303)


@blueprint.post("/<int:file_id>/anvand")
@allow(Role.EDITOR)
def use(file_id: int) -> Response:
    """Put a picture into the block that asked for one."""
    block = _block()
    known = _known(file_id)
    if block is None or not known.is_picture:
        abort(404)
    return _put(block, known)


def _put(block: Block, file: StoredFile) -> Response:
    issue = words.the_issue(block.issue_id)
    name, alt = _FIELDS[BlockKind(block.kind)]
    form = "whole" if block.kind == BlockKind.IMAGE else "story"
    locale = words.chosen_locale(issue)
    values = {name: library.address(file, form)}
    if file.alt:
        values[alt] = file.alt
    edit = blocks.Edit(version=issue.version, actor=actor(), now=now())
    back = url_for("composer.page", issue_id=issue.id, open=block.id) + f"#block-{block.id}"
    try:
        blocks.write(issue.id, locale, {}, {block.id: values}, edit)
    except blocks.Changed:
        flash(_("Somebody changed the draft at that moment. Try once more."), "wait")
    except blocks.NotEditable:
        flash(_("This issue has left and can no longer be changed."), "wait")
    return redirect(back, 303)


def _block() -> Block | None:
    """The block for which a picture is chosen, if any."""
    block_id = request.values.get("block", 0, type=int)
    found = db.session.get(Block, block_id) if block_id else None
    return found if found is not None and BlockKind(found.kind) in _FIELDS else None


def _known(file_id: int) -> StoredFile:
    found = library.get(file_id)
    if found is None:
        abort(404)
    return found


def _page(errors: dict[str, str]) -> str:
    block = _block()
    search = request.args.get("sok", "").strip()
    number = min(max(1, request.args.get("sida", 1, type=int)), 400)
    skip = (number - 1) * library.AT_ONCE
    found = library.uploaded(search, pictures_only=block is not None, skip=skip)

    def page_of(other: int) -> str:
        return url_for("files.page", sida=other, sok=search or None, block=block and block.id)

    return render_template(
        "desk/files/page.html",
        files=[_shown(file) for file in found[: library.AT_ONCE]],
        block=block,
        search=search,
        previous=page_of(number - 1) if number > 1 else None,
        next=page_of(number + 1) if len(found) > library.AT_ONCE else None,
        errors=errors,
    )


def _shown(file: StoredFile) -> dict[str, Any]:
    return {
        "file": file,
        "url": library.address(file),
        "thumb": library.address(file, "thumb") if file.is_picture else "",
        "kilobytes": max(1, round(file.size / 1024)),
    }
