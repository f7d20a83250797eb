"""The letter that brings an invitation's token."""

from __future__ import annotations

import smtplib

from cloudwright.core.error import Unavailable
from cloudwright.core.task import Task, step
from cloudwright.core.tx import Reader, Tx
from cloudwright.drivers.error import Unreachable
from cloudwright.identity.mail import Post, Postbox
from cloudwright.identity.project.model import Project, ProjectInvitation

BOX = Postbox("project.smtp.", "project.email.sender", 465, "invitations to projects", "Project Defaults")
PATIENCE = 30.0  # seconds in which a mail server that cannot be reached is tried again


def post(reader: Reader) -> Post:
    """The mail server to use. Raises Unavailable when the settings name none."""
    return BOX.post(reader)


class MailInvitation(Task, rank=5):
    """Mail the token of an invitation; when that cannot be done the invitation is taken back."""

    invitation: int

    @step(deadline=PATIENCE)
    def send(self) -> None:
        row = self.read.get(ProjectInvitation, self.invitation)
        if row.gone or row.token is None or row.email is None:
            return  # taken back, or accepted, meanwhile
        project = self.read.get(Project, row.project_id)
        by = post(self.read)
        where = f"{by.host} port {by.port}"
        try:
            by.send(row.email, f"Invitation to project {project.name}", text(project, row.token.reveal()))
        except (smtplib.SMTPServerDisconnected, smtplib.SMTPConnectError):
            raise Unreachable(f"mail server {where} does not answer") from None
        except (smtplib.SMTPException, ValueError) as error:
            raise Unavailable(f"Mail server {where} did not take the invitation", why=[type(error).__name__]) from None
        except OSError as error:
            raise Unreachable(f"mail server {where} cannot be reached: {error.strerror or error}") from None
        self.say(f"mailed an invitation to project {project.name} through {by.host}")

    @send.undo
    def unsend(self, tx: Tx) -> None:
        row = tx.get(ProjectInvitation, self.invitation)
        if not row.gone:
            tx.remove(row)


def text(project: Project, token: str) -> str:
    """What the letter says."""
    return (
        f"You are invited to join the project {project.name} ({project.display_text}).\n\n"
        f"Sign in with an account of the project's domain and accept with the token below, or with the command\n"
        f"updateProjectInvitation projectid={project.uuid} token=...\n\n"
        f"Token: {token}\nProject: {project.uuid}\n"
    )
