// What belongs to a domain, an account, a project, a user.
import { Button } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { me, type Row } from "../../api/client";
import { useCatalogue, useList, usePerform } from "../../api/use";
import { t } from "../../lib/words";
import { useSaml } from "../saml";
import { Explain } from "../../ui/Explain";
import { Copy } from "../../ui/values";
import { Part } from "./Part";

const id = (row: Row) => String(row["id"]);

export function DomainParts({ row }: { row: Row }): ReactNode {
  const here = { domainid: id(row) };
  return (
    <>
      <Part title={t("Domains below")} list="listDomainChildren" params={{ id: id(row), listall: true }} columns={["name", "state", "created"]} linked={false} cells={{ name: (one) => <Link to="/$slug/$id" params={{ slug: "domains", id: id(one) }}>{String(one["name"])}</Link> }} empty={t("None.")} adds={[{ command: "createDomain", label: t("Create domain"), fixed: { parentdomainid: id(row) } }]} />
      <Part title={t("Accounts")} list="listAccounts" params={{ ...here, listall: true }} columns={["name", "rolename", "state", "created"]} empty={t("No account owns anything here.")} adds={[{ command: "createAccount", label: t("Create account"), fixed: here }]} />
      <Part title={t("Projects")} list="listProjects" params={{ ...here, listall: true }} columns={["name", "state", "created"]} empty={t("None.")} adds={[{ command: "createProject", label: t("Create project"), fixed: here }]} />
    </>
  );
}

export function AccountParts({ row }: { row: Row }): ReactNode {
  const owner = { account: String(row["name"]), domainid: String(row["domainid"]) };
  return (
    <>
      <Part title={t("Users")} list="listUsers" params={{ ...owner, listall: true }} columns={["username", "firstname", "lastname", "email", "state", "is2faenabled"]} empty={t("Nobody signs in for it.")} adds={[{ command: "createUser", label: t("Create user"), fixed: owner }]} />
      <Part title={t("Instances")} list="listVirtualMachines" params={{ ...owner, listall: true }} columns={["name", "state", "ipaddress", "zonename"]} empty={t("It has none.")} />
      <Part title={t("Networks")} list="listNetworks" params={{ ...owner, listall: true }} columns={["name", "type", "state", "cidr"]} empty={t("It has none.")} />
    </>
  );
}

function Membership({ project, member }: { project: Row; member: Row }): ReactNode {
  const run = usePerform();
  const user = member["userid"] !== undefined && member["userid"] !== null;
  const who = user ? { userid: String(member["userid"]) } : { account: String(member["account"]) };
  const other = member["role"] === "Admin" ? "Regular" : "Admin";
  return (
    <div className="row wrap" style={{ gap: 6 }}>
      <Button size="compact-xs" variant="default" loading={run.isPending} onClick={() => run.mutate({ command: "updateProject", params: { id: id(project), ...who, roletype: other } })}>{other === "Admin" ? t("Make administrator") : t("Make regular")}</Button>
      <Button size="compact-xs" variant="default" loading={run.isPending} onClick={() => run.mutate({ command: user ? "deleteUserFromProject" : "deleteAccountFromProject", params: { projectid: id(project), ...who } })}>{t("Remove")}</Button>
      {run.error && <Explain error={run.error} />}
    </div>
  );
}

export function ProjectParts({ row }: { row: Row }): ReactNode {
  const within = { projectid: id(row) };
  return (
    <>
      <Part title={t("Members")} list="listProjectAccounts" params={within} columns={["account", "username", "role", "domain", "actions"]} linked={false} empty={t("Nobody.")} cells={{ actions: (member) => <Membership project={row} member={member} />, username: (member) => (member["username"] as string | undefined) ?? <span className="faint">{t("all its users")}</span> }}
        adds={[{ command: "addAccountToProject", label: t("Add account"), fixed: within, initial: { account: undefined, roletype: "Regular" } }, { command: "addUserToProject", label: t("Add user"), fixed: within, initial: { roletype: "Regular" } }]} />
      <Part title={t("Invitations")} list="listProjectInvitations" params={{ ...within, listall: true }} columns={["account", "email", "state", "domain"]} linked={false} empty={t("None. With invitations demanded by the setting project.invite.required, who is added has to accept first.")} />
      <Part title={t("Roles in the project")} list="listProjectRoles" params={within} columns={["name", "description"]} linked={false} empty={t("None of its own: administrators may do everything, regular members all but govern it.")} adds={[{ command: "createProjectRole", label: t("Create role"), fixed: within }]} />
      <Part title={t("Instances")} list="listVirtualMachines" params={{ ...within, listall: true }} columns={["name", "state", "ipaddress", "zonename"]} empty={t("It has none.")} />
    </>
  );
}

/** Keys by which programs call the API for a user. */
export function UserKeys({ user }: { user: string }): ReactNode {
  return <Part title={t("API keys")} list="listUserKeys" params={{ userid: user, ...(user !== me()?.userid && { listall: true }) }} linked={false} columns={["apikey", "name", "state", "created", "enddate"]} cells={{ apikey: (key) => <span className="row" style={{ gap: 2 }}><span className="mono">{String(key["apikey"]).slice(0, 14)}…</span><Copy text={String(key["apikey"])} /></span> }} empty={t("None. A key lets a program call the API in this user's name; its secret is shown once.")} adds={[{ command: "registerUserKeys", label: t("Create key pair"), fixed: { id: user }, initial: { name: "", description: undefined, enddate: undefined } }]} />;
}

export function UserParts({ row }: { row: Row }): ReactNode {
  const catalogue = useCatalogue();
  const saml = useList("listSamlAuthorization", { userid: id(row), page: 1, pagesize: 10 }, useSaml());
  const mine = id(row) === me()?.userid;
  return (
    <>
      {mine && <section className="card row wrap"><span className="grow">{t("This is you: second factor, password and time zone are on your profile.")}</span><Link to="/profile">{t("Profile")}</Link></section>}
      <UserKeys user={id(row)} />
      {saml.data && <section className="card"><h2 className="part">{t("Sign-in by SAML")}</h2><p className="quiet" style={{ margin: 0 }}>{saml.data.rows[0]?.["status"] === "true" || saml.data.rows[0]?.["status"] === true ? t("Allowed, by {idp}", { idp: String(saml.data.rows[0]?.["idpid"] ?? "") }) : t("Not allowed. The command authorizeSamlSso allows it.")}</p></section>}
      {catalogue.has("explainAccess") && <section className="card row wrap"><span className="grow">{t("Which commands this user may call, and by which rule")}</span><Link to="/access" search={{ userid: id(row) } as never}>{t("Ask")}</Link></section>}
    </>
  );
}
