"""Icons: small pictures of things.

    pictured(Vm, "UserVm")

gives all lists of the resource the parameter `showicon` and all its views the field `icon`, told where that asks for it.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from typing import Any

import sqlalchemy as sa

from cloudwright.core.access import Caller, Use
from cloudwright.core.command import Command, Query, Success, Told, Verb
from cloudwright.core.error import ParamError
from cloudwright.core.listing import Condition, List, where
from cloudwright.core.param import param
from cloudwright.core.resource import Resource, column
from cloudwright.core.tx import Reader, Tx
from cloudwright.core.view import View, computed, field
from cloudwright.operations.word.thing import Names, Word, words, written_on

MOST = 512 << 10
"""Bytes that a picture may have: in base64 it still fits into the form of a request."""
_SIGNS = {b"\x89PNG\r\n\x1a\n": "PNG", b"\xff\xd8\xff": "JPEG", b"GIF87a": "GIF", b"GIF89a": "GIF"}
EVERYBODY = ("Admin", "DomainAdmin", "ResourceAdmin", "User")


class Icon(Word, table="resource_icon", unique=[("thing_kind", "thing_id")]):
    """The picture of a thing, in base64."""

    image: str = column(text=True)


PICTURED = Names(Icon, "resourcetype", "resourceids")


def _asked(bind: Any) -> Condition:
    """The parameter picks a field, it leaves no row out."""
    return sa.true()


def pictured(of: type[Resource], name: str, *aliases: str, fits: Callable[[Any], bool] = lambda row: True) -> None:
    """Let rows of a kind have an icon."""
    PICTURED.add(of, name, *aliases, fits=fits)
    View.every(
        of,
        _icon=field(_where_asked(of, Icon.c.image), "", "string"),
        _icon_type=field(_where_asked(of, Icon.c.thing_type), "", "string"),
        icon=computed(_told, "its icon", "resourceiconresponse"),
    )
    List.every(of, "show_icon", bool | None, where(_asked, "true tells icons, too"))


def _where_asked(of: type[Resource], column: Any) -> Any:
    """A column of the row's icon, in statements of lists that ask for it."""
    asked = sa.bindparam("p_show_icon", False, sa.Boolean())
    found = sa.select(column).where(written_on(Icon, of), Icon.c.gone == 0).scalar_subquery()
    return sa.case((asked == sa.true(), found))


def _told(row: dict[str, Any], caller: Caller) -> dict[str, str] | None:
    if "_icon" not in row:
        return None
    return {"resourcetype": row["_icon_type"], "resourceid": row["id"], "base64image": row["_icon"]}


class _OfThings(Verb):
    resource_ids: list[str] = param("the ids of the things")
    resource_type: str = param("what kind of things they are, such as UserVm")

    def things(self, reader: Reader, caller: Caller, use: Use) -> list[Resource]:
        """The things named."""
        ids = dict.fromkeys(self.resource_ids)
        return [PICTURED.thing(self, reader, caller, (self.resource_type, id), use) for id in ids]


def _image(text: str) -> str:
    """The picture in plain base64. Raises ParamError where it is none, or too large."""
    plain = text.partition(";base64,")[2] if text.startswith("data:") else text
    try:
        picture = base64.b64decode(plain, validate=True)
    except (ValueError, binascii.Error):
        raise ParamError("Parameter base64image: it is not base64", param="base64image") from None
    webp = picture[:4] == b"RIFF" and picture[8:12] == b"WEBP"
    if not webp and not any(picture.startswith(sign) for sign in _SIGNS):
        raise ParamError("Parameter base64image: it is not a picture: PNG, JPEG, GIF or WebP", param="base64image")
    if len(picture) > MOST:
        raise ParamError(f"Parameter base64image: it has {len(picture)} bytes; {MOST} are possible", param="base64image")
    return plain


class UploadResourceIcon(_OfThings, Command, event="UPLOAD.RESOURCE.ICON", since="4.16.0.0", authorized=EVERYBODY):
    """Gives things an icon, instead of one that they have."""

    base64_image: str = param("the picture, base64", length=2097152, wire_name="base64image")

    def run(self, tx: Tx, caller: Caller) -> Success:
        image = _image(self.base64_image)
        for thing in self.things(tx, caller, Use.CHANGE):
            have = words(tx, Icon, thing)
            if have:
                tx.update(have[0], image=image)
            else:
                tx.insert(Icon(image=image, **PICTURED.about(tx, thing, self.resource_type)))
        return Success()


class DeleteResourceIcon(_OfThings, Command, event="DELETE.RESOURCE.ICON", since="4.16.0.0", authorized=EVERYBODY):
    """Deletes the icons of things."""

    def run(self, tx: Tx, caller: Caller) -> Success:
        for thing in self.things(tx, caller, Use.CHANGE):
            for icon in words(tx, Icon, thing):
                tx.remove(icon)
        return Success()


_FIELDS = {
    "resourcetype": ("string", "what kind of thing it is of"),
    "resourceid": ("string", "the id of that thing"),
    "base64image": ("string", "the picture, base64"),
}


class ListResourceIcon(_OfThings, Query, response=_FIELDS, since="4.16.0.0", authorized=EVERYBODY):
    """Tells the icons of things."""

    def run(self, reader: Reader, caller: Caller) -> Told:
        icons = [icon for thing in self.things(reader, caller, Use.SEE) for icon in words(reader, Icon, thing)]
        told = [{"resourcetype": i.thing_type, "resourceid": i.thing_uuid, "base64image": i.image} for i in icons]
        return Told("icon", told)
