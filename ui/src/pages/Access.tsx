// May this user call this command, on this thing, and which rule says so.
import { Autocomplete, Button, TextInput } from "@mantine/core";
import { useSearch } from "@tanstack/react-router";
import { useState, type FormEvent, type ReactNode } from "react";
import { Link } from "@tanstack/react-router";
import type { Row } from "../api/client";
import { useCatalogue, usePerform } from "../api/use";
import { t, word } from "../lib/words";
import { Explain } from "../ui/Explain";
import { Picker } from "../ui/Picker";
import { Title } from "../ui/Title";
import "./detail/detail.css";

function Answer({ told }: { told: Row }): ReactNode {
  const allowed = told["allowed"] === true;
  return (
    <div className={allowed ? "explain allowed" : "explain"} role="status">
      <h3>{allowed ? t("{user} may call {command}", { user: String(told["username"] ?? told["account"]), command: String(told["apiname"]) }) : t("{user} may not call {command}", { user: String(told["username"] ?? told["account"]), command: String(told["apiname"]) })}</h3>
      {(Array.isArray(told["reason"]) ? (told["reason"] as string[]) : [String(told["reason"] ?? "")]).map((line) => <div key={line} lang="en">{line}</div>)}
      <dl className="facts" style={{ marginTop: 10 }}>
        <dt>{t("Role")}</dt><dd>{told["roleid"] ? <Link to="/$slug/$id" params={{ slug: "roles", id: String(told["roleid"]) }}>{String(told["rolename"])}</Link> : "–"}</dd>
        {told["rule"] !== undefined && <><dt>{t("Rule that decided")}</dt><dd className="mono">{told["ruleposition"] !== undefined && `${Number(told["ruleposition"]) + 1}. `}{word(String(told["permission"]))} {String(told["rule"])}</dd></>}
        {told["ownerrule"] !== undefined && <><dt>{t("Ownership")}</dt><dd lang="en">{String(told["ownerrule"])}</dd></>}
        {told["projectrolename"] !== undefined && <><dt>{t("Role in the project")}</dt><dd>{String(told["projectrolename"])}</dd></>}
      </dl>
    </div>
  );
}

export function Access(): ReactNode {
  const catalogue = useCatalogue();
  const search = useSearch({ strict: false }) as { userid?: string };
  const run = usePerform();
  const [user, setUser] = useState<string | undefined>(search.userid);
  const [command, setCommand] = useState("");
  const [thing, setThing] = useState("");
  const resources = [...new Set([...catalogue.kinds].map((kind) => kind.resource).filter((name): name is string => name !== undefined))];
  const [sort, setSort] = useState("");
  const go = (event: FormEvent) => { event.preventDefault(); run.mutate({ command: "explainAccess", params: { apiname: command, userid: user, ...(thing && { resourceid: thing, ...(sort && { resourcetype: sort }) }) } }); };
  const told = run.data && ((Object.values(run.data).find((value) => typeof value === "object" && value !== null && "allowed" in value) as Row | undefined) ?? run.data);
  return (
    <>
      <Title title={t("Who may do what")} line={t("Ask whether a user may call a command, and which rule decides")} />
      <div className="two">
        <form className="card stack" onSubmit={go}>
          <Picker param={{ name: "userid", description: "", type: "uuid", required: true, length: 40, entity: "user_" }} label={t("User")} description="" required given={{}} value={user} set={(one) => setUser(one as string | undefined)} />
          <Autocomplete label={t("Command")} required data={[...catalogue.commands.keys()].sort()} value={command} onChange={setCommand} limit={30} classNames={{ input: "mono" }} placeholder="startVirtualMachine" />
          <TextInput label={t("On (its ID)")} description={t("Left empty, the role alone is asked")} value={thing} onChange={(event) => setThing(event.currentTarget.value.trim())} classNames={{ input: "mono" }} />
          {thing && <Autocomplete label={t("What it is")} data={resources} value={sort} onChange={setSort} limit={30} description={t("Only where the command alone does not say it")} />}
          <div><Button type="submit" disabled={!user || !command} loading={run.isPending}>{t("Ask")}</Button></div>
        </form>
        <div className="stack">
          {run.error && <Explain error={run.error} title={t("It could not be said")} />}
          {told ? <Answer told={told} /> : !run.error && <div className="card quiet">{t("The answer names the role, the rule with its place, and what ownership adds.")}</div>}
        </div>
      </div>
    </>
  );
}
