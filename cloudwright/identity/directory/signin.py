"""Signing in by a directory: it says whether that is the password, and who becomes a user by it."""

from __future__ import annotations

import msgspec

from cloudwright.core.db import Database
from cloudwright.core.error import CloudError
from cloudwright.core.event import emit
from cloudwright.core.secret import Secret
from cloudwright.core.tx import Reader, Tx
from cloudwright.identity import session as sessions
from cloudwright.identity import source
from cloudwright.identity.directory.asking import Part, Person, Session, Unclear, directory
from cloudwright.identity.directory.enrol import LDAP, account_for, enrol, user_called
from cloudwright.identity.directory.link import links_of, part_of
from cloudwright.identity.directory.model import LdapLink
from cloudwright.identity.model import Account, Domain, Role, User
from cloudwright.identity.source import NO, YES, Judgement, Source, Verdict

GONE = "the directory does not have it, or not in the group or organisational unit that it is to be in"


def part_for(reader: Reader, domain_id: int, account_id: int) -> Part | None:
    """The part of the directory that the users of an account are to be in: what the account, else the domain is linked to."""
    links = {link.account_id: part_of(link) for link in links_of(reader, domain_id)}
    return links.get(account_id) or links.get(0)


def cannot_tell(error: CloudError) -> Judgement:
    """The answer of a directory that could not be asked."""
    return Judgement(Verdict.CANNOT_TELL, error.text)


class DirectorySource(Source):
    """Passwords kept in a directory."""

    def judge(self, db: Database, user: User, given: str) -> Judgement:
        """By binding as the user, once it is found, in its part and not barred."""
        reader = db.read()
        part = part_for(reader, user.domain_id, user.account_id)
        try:
            person, refused = directory(reader, user.domain_id).ask(lambda session: _proved(session, user.username, part, given))
        except Unclear as error:
            return cannot_tell(error)
        barred = GONE if person is None else person.barred
        if bool(barred) != user.away and (barred or refused is None):
            db.write(lambda tx: put_away(tx, [user], barred))
        return Judgement(Verdict.NO, barred, counts=False) if barred else _judged(refused)


def _proved(session: Session, username: str, part: Part | None, given: str) -> tuple[Person | None, str | None]:
    """(who that is, what `Session.prove` says)."""
    person = session.person(username, part)
    return person, "" if person is None or person.barred else session.prove(person, Secret(given))


def _judged(refused: str | None) -> Judgement:
    if refused is None:
        return YES
    return Judgement(Verdict.NO, f"the directory refuses it: {refused}", counts=False) if refused else NO


def put_away(tx: Tx, users: list[User], why: str) -> None:
    """Note that users are away, and end their sessions; or, with no reason, that they are back."""
    changed = [row for user in users if (row := tx.get(User, user.id)).away != bool(why) and not row.gone]
    for row in changed:
        tx.update(row, away=bool(why))
        text = f"User {row.username} may not call any more: {why}" if why else f"User {row.username} is in the directory again"
        emit(tx, "USER.DISABLE" if why else "USER.ENABLE", text, about=row, level="WARN" if why else "INFO")
    if why:
        sessions.cut(tx, changed)


def newcomer(db: Database, domain: Domain, username: str, given: str) -> Judgement | None:
    """Make a user of somebody who is in a part of the directory that the domain, or one of its accounts, is linked to."""
    reader = db.read()
    links = links_of(reader, domain.id)
    if not links:
        return None
    try:
        found = directory(reader, domain.id).ask(lambda session: _found(session, username, links, given))
    except Unclear as error:
        return cannot_tell(error)
    if found is None:
        return NO
    person, link, refused = found
    there = user_called(reader, domain.id, person.username)  # typed in another way: the directory is not so exact
    if there is not None and there.source == LDAP:
        return msgspec.structs.replace(source.source_of(there).judge(db, there, given), user=there)
    if there is not None:
        return NO
    return _joined(db, domain, person, link) if refused is None else _judged(refused)


def _found(
    session: Session, username: str, links: list[LdapLink], given: str
) -> tuple[Person, LdapLink, str | None] | None:  # fmt: skip
    """(who, by which link, what `Session.prove` says); the links of accounts go before the domain's."""
    found = [(link, person) for link in links if (person := session.person(username, part_of(link))) and not person.barred]
    of_accounts = [(link, person) for link, person in found if link.account_id]
    if len(of_accounts) > 1:
        raise Unclear(f"User {username} is in the groups of {len(of_accounts)} accounts: it cannot be told to which it belongs")
    for link, person in of_accounts or found:
        return person, link, session.prove(person, Secret(given))
    return None


def _joined(db: Database, domain: Domain, person: Person, link: LdapLink) -> Judgement:
    try:
        return Judgement(Verdict.YES, user=db.write(lambda tx: _join(tx, domain, person, link)))
    except CloudError as error:
        return Judgement(Verdict.NO, f"no user could be made of {person.principal}: {error.text}", counts=False)


def _join(tx: Tx, domain: Domain, person: Person, link: LdapLink) -> User:
    there = user_called(tx, domain.id, person.username)
    if there is not None:  # it signed in twice at the same moment
        return there
    if link.account_id:
        return enrol(tx, person, tx.get(Account, link.account_id), None)
    return enrol(tx, person, account_for(tx, person.username, domain, tx.get(Role, link.role_id), None), None)


source.register(DirectorySource(LDAP, by_password=True, kept="its directory (LDAP)"))
source.register_newcomers(newcomer)
