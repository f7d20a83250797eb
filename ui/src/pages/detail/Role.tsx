// A role's rules: the first that matches a command decides, so their order is part of what they say.
import { Button, NativeSelect, TextInput } from "@mantine/core";
import { useState, type FormEvent, type ReactNode } from "react";
import type { ApiError, Row } from "../../api/client";
import { useCatalogue, useList, usePerform } from "../../api/use";
import { number } from "../../lib/format";
import { t } from "../../lib/words";
import { Explain } from "../../ui/Explain";
import { Status } from "../../ui/values";

const SHOWN = 60;

function NewRule({ role }: { role: string }): ReactNode {
  const catalogue = useCatalogue();
  const run = usePerform();
  const [rule, setRule] = useState("");
  const [permission, setPermission] = useState("allow");
  const pattern = new RegExp(`^${rule.replace(/[.+?^${}()|[\]\\]/g, "\\$&").replaceAll("*", ".*")}$`, "i");
  const matched = rule ? [...catalogue.commands.keys()].filter((name) => pattern.test(name)) : [];
  const go = (event: FormEvent) => { event.preventDefault(); run.mutate({ command: "createRolePermission", params: { roleid: role, rule, permission } }, { onSuccess: () => setRule("") }); };
  return (
    <form className="stack" onSubmit={go} aria-label={t("A new rule")}>
      <div className="inline-form">
        <TextInput label={t("Command, or a pattern with *")} value={rule} required classNames={{ input: "mono" }} onChange={(event) => setRule(event.currentTarget.value)} placeholder="list*" list="role-commands" />
        <datalist id="role-commands">{[...catalogue.commands.keys()].map((name) => <option key={name} value={name} />)}</datalist>
        <NativeSelect label={t("Permission")} value={permission} onChange={(event) => setPermission(event.currentTarget.value)} data={[{ value: "allow", label: t("Allow") }, { value: "deny", label: t("Deny") }]} />
        <Button type="submit" loading={run.isPending}>{t("Add rule")}</Button>
      </div>
      {rule && <small className="quiet">{matched.length ? t("Matches {count} of the commands you may call: {some}", { count: number(matched.length), some: matched.slice(0, 4).join(", ") }) : t("Matches none of the commands you may call")}</small>}
      {run.error && <Explain error={run.error} title={t("The rule was not added")} />}
    </form>
  );
}

export function RoleRules({ row }: { row: Row }): ReactNode {
  const catalogue = useCatalogue();
  const run = usePerform();
  const [typed, setTyped] = useState("");
  const [more, setMore] = useState(false);
  const role = String(row["id"]);
  const found = useList("listRolePermissions", { roleid: role });
  const rules = found.data?.rows ?? [];
  const fixed = row["isdefault"] === true;
  const edits = !fixed && catalogue.has("updateRolePermission");
  const hit = rules.filter((rule) => String(rule["rule"]).toLowerCase().includes(typed.toLowerCase()));
  const shown = more || typed ? hit : hit.slice(0, SHOWN);
  const move = (at: number, by: number) => {
    const order = rules.map((rule) => String(rule["id"]));
    const [taken] = order.splice(at, 1);
    order.splice(at + by, 0, taken ?? "");
    run.mutate({ command: "updateRolePermission", params: { roleid: role, ruleorder: order } });
  };
  return (
    <section className="card stack">
      <div className="row wrap"><h2 className="grow">{t("Rules, the first match decides")} <span className="faint">{number(rules.length)}</span></h2><TextInput size="xs" type="search" aria-label={t("Search rules")} placeholder={t("Search rules")} value={typed} onChange={(event) => setTyped(event.currentTarget.value)} /></div>
      {fixed && <p className="quiet" style={{ margin: 0 }}>{t("A built-in role is not changed. Create a role from it to make your own.")}</p>}
      {found.error && <Explain error={found.error as ApiError} title={t("The rules could not be read")} />}
      {run.error && <Explain error={run.error} title={t("The rules were not changed")} />}
      {edits && <NewRule role={role} />}
      {!rules.length && found.data && <p className="quiet" style={{ margin: 0 }}>{t("No rule: this role allows nothing.")}</p>}
      {shown.length > 0 && (
        <div className="scroll" tabIndex={0} role="region" aria-label={t("Rules")}>
          <table className="plain">
            <thead><tr><th>#</th><th>{t("Rule")}</th><th>{t("Permission")}</th><th>{t("Description")}</th>{edits && <th><span className="visually-hidden">{t("Change")}</span></th>}</tr></thead>
            <tbody>{shown.map((rule) => {
              const at = rules.indexOf(rule);
              const denies = rule["permission"] === "deny";
              const name = String(rule["rule"]);
              return (
                <tr key={String(rule["id"])}>
                  <td className="faint">{at + 1}</td><td className="mono">{name}</td>
                  <td>{edits ? <button type="button" className="chip" aria-label={denies ? t("deny {rule}; make it allow", { rule: name }) : t("allow {rule}; make it deny", { rule: name })} disabled={run.isPending} onClick={() => run.mutate({ command: "updateRolePermission", params: { roleid: role, ruleid: String(rule["id"]), permission: denies ? "allow" : "deny" } })}><span className={`status ${denies ? "bad" : "ok"}`}>{denies ? t("deny") : t("allow")}</span></button> : <Status state={String(rule["permission"])} />}</td>
                  <td className="quiet">{String(rule["description"] ?? "")}</td>
                  {edits && <td style={{ textAlign: "end", whiteSpace: "nowrap" }}>
                    <button type="button" className="icon-button small" aria-label={t("Move {rule} up", { rule: name })} disabled={at === 0 || run.isPending} onClick={() => move(at, -1)}>↑</button>
                    <button type="button" className="icon-button small" aria-label={t("Move {rule} down", { rule: name })} disabled={at === rules.length - 1 || run.isPending} onClick={() => move(at, 1)}>↓</button>
                    <button type="button" className="icon-button small" aria-label={t("Remove {rule}", { rule: name })} disabled={run.isPending} onClick={() => run.mutate({ command: "deleteRolePermission", params: { id: String(rule["id"]) } })}>✕</button>
                  </td>}
                </tr>
              );
            })}</tbody>
          </table>
        </div>
      )}
      {shown.length < hit.length && <button type="button" className="chip" style={{ alignSelf: "start" }} onClick={() => setMore(true)}>{t("Show all {count}", { count: number(hit.length) })}</button>}
    </section>
  );
}
