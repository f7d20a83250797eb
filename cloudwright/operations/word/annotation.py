"""Annotations: comments that people write on things, for others or for administrators alone.

    annotated(Vm, "VM")

gives all views of the resource the field `hasannotations`, and the commands below a kind called VM.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sqlalchemy as sa

from cloudwright.core.access import Caller, Kind, Use, owned_by_caller
from cloudwright.core.command import Command
from cloudwright.core.error import Denied, ParamError
from cloudwright.core.listing import Condition, List, where
from cloudwright.core.param import Ref, param
from cloudwright.core.resource import Resource, column
from cloudwright.core.tx import Reader, Tx
from cloudwright.core.view import View, computed, field
from cloudwright.identity.model import User
from cloudwright.operations.word.thing import Names, Word, written_on

UNTOLD = ("Admin",)  # whom no rule needs to allow it; the default roles have rules
FILTERS = ("all", "self")


class Annotation(Word, table="annotation", indexes=[("thing_kind", "thing_id"), ("user_id", "id")]):
    """A comment on a thing."""

    text: str = column(text=True)
    user_id: int
    admins_only: bool = False

    @classmethod
    def access(cls, kind: Kind, use: Use) -> Any:
        """Others than root see what is not for administrators alone, on things of theirs; they change what they wrote."""
        mine = cls.c.user_id == sa.bindparam("caller_user")
        if use is Use.CHANGE:
            return mine
        return sa.or_(mine, sa.and_(cls.c.admins_only.is_(False), owned_by_caller(cls, kind)))


ANNOTATABLE = Names(Annotation, "entitytype", "entityid")


def annotated(of: type[Resource], name: str, *, shown: bool = True, fits: Callable[[Any], bool] = lambda row: True) -> None:
    """Let rows of a kind have annotations. `shown=False`: its views have no field that says so."""
    ANNOTATABLE.add(of, name, fits=fits)
    AnnotationView.fields = {**AnnotationView.fields, "entityname": _entity_name()}
    if not shown:
        return
    there = sa.select(Annotation.c.id).where(written_on(Annotation, of), Annotation.c.gone == 0)
    View.every(
        of,
        _noted=field(there.where(Annotation.c.admins_only.is_(False)).exists(), "", "boolean"),
        _noted_for_admins=field(there.exists(), "", "boolean", admin=True),
        hasannotations=computed(
            lambda row, caller: bool(row.get("_noted") or row.get("_noted_for_admins")), "whether it has annotations", "boolean"
        ),
    )


def newest_told(of: type[Resource]) -> None:
    """Have root's administrators told in all views of a resource what its newest annotation says, when and by whom."""
    user = User.t.alias("annotator")

    def newest(expr: Any) -> Any:
        mine = sa.select(expr).join(user, user.c.id == Annotation.c.user_id).where(written_on(Annotation, of))
        return mine.where(Annotation.c.gone == 0).order_by(Annotation.c.id.desc()).limit(1).scalar_subquery()

    View.every(
        of,
        annotation=field(newest(Annotation.c.text), "what was last commented on it", admin=True),
        lastannotated=field(newest(Annotation.c.created), "when that was", "date", admin=True),
        username=field(newest(user.c.username), "who that was", admin=True),
    )


def _entity_name() -> Any:
    """The field that tells what the thing is called now, whatever kind it is of."""
    names = {}
    for kind in {named.of for named in ANNOTATABLE.all()}:
        name = kind.c.name if "name" in kind.c else kind.c.address
        names[kind.kind] = sa.select(name).where(kind.c.id == Annotation.c.thing_id).scalar_subquery()
    declared = field(sa.case(names, value=Annotation.c.thing_kind), "what that thing is called", "string")
    declared.name = "entityname"
    return declared


class AnnotationView(View, of=Annotation, key="annotation", joins=[(User, User.c.id == Annotation.c.user_id)]):
    """An annotation."""

    id = field(Annotation.c.uuid, "the annotation's id")
    entitytype = field(Annotation.c.thing_type, "what kind of thing it is on")
    entityid = field(Annotation.c.thing_uuid, "the id of that thing")
    annotation = field(Annotation.c.text, "what it says")
    userid = field(User.c.uuid, "who wrote it")
    username = field(User.c.username, "the name of that user")
    adminsonly = field(Annotation.c.admins_only, "whether it is for administrators alone")
    created = field(Annotation.c.created, "when it was written")
    removed = field(Annotation.c.removed, "when it was removed", "date")


class AddAnnotation(Command, answers=AnnotationView, event="ANNOTATION.CREATE", since="4.11", authorized=UNTOLD):
    """Writes an annotation on a thing."""

    annotation: str | None = param("what it says", length=65535, optional_in_api=True)
    entity_type: str | None = param("what kind of thing, such as VM", optional_in_api=True)
    entity_id: str | None = param("the id of the thing", optional_in_api=True)
    admins_only: bool = param("whether it is for administrators alone", default=False, since="4.16.0")

    def run(self, tx: Tx, caller: Caller) -> Annotation:
        for name, given in (("annotation", self.annotation), ("entitytype", self.entity_type), ("entityid", self.entity_id)):
            if not given:
                raise ParamError(f"Parameter {name} is missing: an annotation says something about something", param=name)
        if self.admins_only and not caller.root:
            raise Denied("Only a root administrator writes for administrators alone", fix=["give adminsonly=false"])
        kind = str(self.entity_type)
        thing = ANNOTATABLE.thing(self, tx, caller, (kind, str(self.entity_id)), Use.CHANGE)
        return annotate(tx, caller, (thing, kind), str(self.annotation), self.admins_only)


def annotate(tx: Tx, caller: Caller, on: tuple[Resource, str], text: str, admins_only: bool = False) -> Annotation:
    """Write an annotation on a row of a kind, of which the caller was asked already."""
    about = ANNOTATABLE.about(tx, *on)
    return tx.insert(Annotation(text=text, user_id=caller.user_id, admins_only=admins_only, **about))


class ListAnnotations(List, answers=AnnotationView, keywords=[Annotation.c.text], since="4.11", authorized=UNTOLD):
    """Lists annotations, those of one thing, or all that the caller may see."""

    id: str | None = where(Annotation.c.uuid, "only this one", kind="uuid")
    entity_type: str | None = param("only those on things of this kind")
    entity_id: str | None = param("only those on this thing, given with entitytype")
    user: Ref[User] | None = where(Annotation.c.user_id, "only those that this user wrote", use=Use.SEE, since="4.16.0")
    annotation_filter: str = param(
        "all, or self: only those that the caller wrote", choices=FILTERS, default="all", since="4.16.0"
    )

    def narrow(self, reader: Reader, caller: Caller) -> list[tuple[str, Condition, dict[str, Any]]]:
        narrowed: list[tuple[str, Condition, dict[str, Any]]] = []
        if self.entity_type is not None:
            name = ANNOTATABLE.named(self.entity_type).name
            narrowed.append(("type", Annotation.c.thing_type == sa.bindparam("thing_type"), {"thing_type": name}))
        if self.entity_id is not None:
            if self.entity_type is None:
                raise ParamError("Parameter entityid was given without entitytype; they belong together", param="entitytype")
            ANNOTATABLE.thing(self, reader, caller, (self.entity_type, self.entity_id), Use.SEE)
            on = Annotation.c.thing_uuid == sa.bindparam("thing_uuid")
            narrowed.append(("thing", on, {"thing_uuid": self.entity_id.lower()}))
        if self.annotation_filter.lower() == "self":
            narrowed.append(("self", Annotation.c.user_id == sa.bindparam("caller_user"), {}))
        return narrowed


class RemoveAnnotation(Command, answers=AnnotationView, event="ANNOTATION.REMOVE", since="4.11", authorized=UNTOLD):
    """Removes an annotation: the caller's own, or for a root administrator any."""

    id: Ref[Annotation] = param("the annotation", use=Use.CHANGE)

    def run(self, tx: Tx, caller: Caller) -> Annotation:
        tx.remove(self.id)
        return self.id


class UpdateAnnotationVisibility(Command, answers=AnnotationView, since="4.16", authorized=UNTOLD):
    """Says whether an annotation is for administrators alone."""

    id: Ref[Annotation] = param("the annotation", use=Use.CHANGE)
    admins_only: bool = param("whether it is for administrators alone")

    def run(self, tx: Tx, caller: Caller) -> Annotation:
        if not caller.root:
            raise Denied("Only a root administrator says for whom an annotation is")
        tx.update(self.id, admins_only=self.admins_only)
        return self.id
