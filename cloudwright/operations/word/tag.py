"""Tags: keys and values that people write on their things, and find them by.

    tagged(Vm, "UserVm")

gives all views of the resource the field `tags`, all lists the filter `tags`, and the commands below a kind called UserVm.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sqlalchemy as sa

from cloudwright.core.access import Caller, Use
from cloudwright.core.command import Command, Verb
from cloudwright.core.error import ParamError
from cloudwright.core.listing import Condition, List, where
from cloudwright.core.param import param
from cloudwright.core.record import Record, changed
from cloudwright.core.resource import Resource
from cloudwright.core.tx import Reader, Tx
from cloudwright.core.view import View, field, many
from cloudwright.identity.model import PROJECT, Account, Domain
from cloudwright.identity.owner import OwnedList, OwnedView, shown_path
from cloudwright.identity.project.model import Project
from cloudwright.operations.word.thing import Names, Word, words, written_on

_LONGEST = 255
_account, _domain, _project = Account.t.alias("tag_account"), Domain.t.alias("tag_domain"), Project.t.alias("tag_project")


class Tag(
    Word,
    table="resource_tag",
    unique=[("thing_kind", "thing_id", "key")],
    indexes=[("thing_kind", "key", "value"), ("thing_uuid",)],
):
    """A tag on a thing."""

    key: str
    value: str = ""
    customer: str | None = None


TAGGABLE = Names(Tag, "resourcetype", "resourceids")

_FIELDS: dict[str, Any] = {
    "key": field(Tag.c.key, "its key"),
    "value": field(Tag.c.value, "its value"),
    "resourcetype": field(Tag.c.thing_type, "what kind of thing it is on"),
    "resourceid": field(Tag.c.thing_uuid, "the id of that thing"),
    "account": field(sa.case((_account.c.type_ != PROJECT, _account.c.name)), "the account that owns it", "string"),
    "projectid": field(_project.c.uuid, "the project that owns it"),
    "project": field(_project.c.name, "the name of that project"),
    "domainid": field(_domain.c.uuid, "the domain of that account"),
    "domain": field(_domain.c.name, "the name of that domain"),
    "domainpath": field(_domain.c.path, "the path of that domain", convert=shown_path),
    "customer": field(Tag.c.customer, "the customer it was written for"),
}


def tagged(
    of: type[Resource], name: str, *aliases: str, shown: bool = True, fits: Callable[[Any], bool] = lambda row: True
) -> None:
    """Let rows of a kind have tags. `shown=False`: the API tells them by listTags alone."""
    TAGGABLE.add(of, name, *aliases, fits=fits)
    if not shown:
        return

    def has(key: Any, value: Any) -> Condition:
        same = (Tag.c.thing_kind == of.kind, Tag.c.key == key, Tag.c.value == value, Tag.c.gone == 0)
        condition: Condition = of.c.id.in_(sa.select(Tag.c.thing_id).where(*same))
        return condition

    whose = [(_account, _account.c.id == Tag.c.account_id), (_project, _project.c.account_id == Tag.c.account_id)]
    joins = [*whose, (_domain, _domain.c.id == Tag.c.domain_id)]
    View.every(of, tags=many(Tag, written_on(Tag, of), _FIELDS, "its tags", joins=joins, kind="set"))
    List.every(of, "tags", dict[str, str] | None, where(has, "only those that have one of these tags", style="kv"))


class TagView(OwnedView, of=Tag, key="tag"):
    """A tag."""

    key_ = field(Tag.c.key, "its key")
    value = field(Tag.c.value, "its value")
    resourcetype = field(Tag.c.thing_type, "what kind of thing it is on")
    resourceid = field(Tag.c.thing_uuid, "the id of that thing")
    customer = field(Tag.c.customer, "the customer it was written for")


class ListTags(OwnedList, answers=TagView, keywords=[Tag.c.key, Tag.c.value], since="4.0.0"):
    """Lists tags."""

    resource_type: str | None = param("only those on things of this kind, such as UserVm")
    resource_id: str | None = where(Tag.c.thing_uuid, "only those on this thing")
    key: str | None = where(Tag.c.key, "only those with this key")
    value: str | None = where(Tag.c.value, "only those with this value")
    customer: str | None = where(Tag.c.customer, "only those written for this customer")

    def narrow(self, reader: Reader, caller: Caller) -> list[tuple[str, Condition, dict[str, Any]]]:
        narrowed = [one for one in super().narrow(reader, caller) if one[0] != "own" or self.resource_id is None]
        if self.resource_type is not None:
            name = TAGGABLE.named(self.resource_type).name
            narrowed.append(("type", Tag.c.thing_type == sa.bindparam("thing_type"), {"thing_type": name}))
        return narrowed


class _OnThings(Verb):
    resource_type: str = param("what kind of things they are, such as UserVm")
    resource_ids: list[str] = param("the ids of the things")

    def things(self, reader: Reader, caller: Caller) -> list[Resource]:
        """The things named, which the caller may change."""
        ids = dict.fromkeys(self.resource_ids)
        return [TAGGABLE.thing(self, reader, caller, (self.resource_type, id), Use.CHANGE) for id in ids]


def _bad_tags(tags: dict[str, str]) -> str | None:
    long = next((key for key, value in tags.items() if len(key) > _LONGEST or len(value) > _LONGEST), None)
    return None if long is None else f"has a key or value of more than {_LONGEST} characters"


class CreateTags(_OnThings, Command, starts=Record, event="CREATE_TAGS", form="success", since="4.0.0"):
    """Writes tags on things."""

    tags: dict[str, str] = param("keys and values", style="kv", check=_bad_tags)
    customer: str | None = param("the customer they are written for")

    def run(self, tx: Tx, caller: Caller) -> Resource:
        made: list[Tag] = []
        things = self.things(tx, caller)
        for thing in things:
            about = TAGGABLE.about(tx, thing, self.resource_type)
            for key, value in self.tags.items():
                if words(tx, Tag, thing, Tag.c.key == key):
                    raise ParamError(
                        f"Parameter tags: {thing.uuid} has a tag {key!r} already", param="tags", fix=["delete it first"]
                    )
                made.append(tx.insert(Tag(key=key, value=value, customer=self.customer, **about)))
        self.start(tx, changed(f"wrote {len(made)} tags on {len(things)} things"), made[0], caller, about=things[0])
        return things[0]


class DeleteTags(_OnThings, Command, starts=Record, event="DELETE_TAGS", form="success", since="4.0.0"):
    """Deletes tags of things: those named by key, or by key and value; all where none is named."""

    tags: dict[str, str] | None = param("keys, and values that they must have", style="kv")

    def run(self, tx: Tx, caller: Caller) -> Resource:
        things = self.things(tx, caller)
        doomed = [tag for thing in things for tag in words(tx, Tag, thing) if self._meant(tag)]
        if not doomed:
            raise ParamError(
                "Parameter tags: none of these things has such a tag", param="tags", fix=["see which they have (listTags)"]
            )
        for tag in doomed:
            tx.remove(tag)
        self.start(tx, changed(f"deleted {len(doomed)} tags of {len(things)} things"), doomed[0], caller, about=things[0])
        return things[0]

    def _meant(self, tag: Tag) -> bool:
        wanted = (self.tags or {tag.key: ""}).get(tag.key)
        return wanted is not None and wanted in ("", tag.value)
