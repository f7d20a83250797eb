// The page of any one thing: its facts, what can be done with it, what belongs to it, what happened to it.
import { Button } from "@mantine/core";
import { Link, useNavigate } from "@tanstack/react-router";
import { useMemo, useState, type ReactNode } from "react";
import type { Command, Field, Kind } from "../api/catalogue";
import { ApiError, type Params, type Row } from "../api/client";
import { useCatalogue, useOne } from "../api/use";
import { sentence } from "../lib/format";
import { t } from "../lib/words";
import { metaOf } from "../meta";
import { ActionPanel, RowMenu, destructive, label, whyNot, type Asked } from "../ui/actions";
import { Explain } from "../ui/Explain";
import { IconTerminal2 } from "../ui/iconset";
import { Copy, nameOf, Status, Value } from "../ui/values";
import { openConsole } from "../console/open";
import { ListPage } from "./ListPage";

const HIDDEN = /^(jobid|jobstatus|hasannotations|id|name|displayname)$/;
const ABOUT: Record<string, string> = { instances: "VirtualMachine", volumes: "Volume", networks: "Network", hosts: "Host", images: "Template", accounts: "Account", users: "User" };

/** Lists that can be narrowed to this thing: tabs. */
function related(kinds: Kind[], kind: Kind): [Kind, string][] {
  const found: [Kind, string][] = [];
  for (const other of kinds) {
    if (other === kind || /Metrics|UsageHistory/.test(other.list.name)) continue;
    const by = other.list.params.find((param) => param.entity === kind.resource && param.name !== "id" && param.name !== "ids" && !/^(parent|affinity)/.test(param.name));
    if (by) found.push([other, by.name]);
  }
  return found;
}

export function Facts({ row, fields }: { row: Row; fields: Field[] }): ReactNode {
  const shown = fields.filter((field) => !HIDDEN.test(field.name) && row[field.name] !== undefined && !Array.isArray(row[field.name]));
  const names = new Set(shown.map((field) => field.name));
  const plain = shown.filter((field) => !(field.name.endsWith("id") && names.has(field.name.replace(/id$/, "name"))));
  return (
    <dl className="facts">
      {plain.map((field) => {
        const partner = fields.find((other) => other.name === field.name.replace(/name$/, "id") && other.entity);
        return (
          <div key={field.name} style={{ display: "contents" }}>
            <dt title={field.description}>{sentence(field.name.replace(/name$/, "") || "name")}</dt>
            <dd>{partner && row[partner.name] ? <Reference field={partner} id={String(row[partner.name])} text={String(row[field.name])} /> : <Value name={field.name} value={row[field.name]} field={field} />}</dd>
          </div>
        );
      })}
    </dl>
  );
}

function Reference({ field, id, text }: { field: Field; id: string; text: string }): ReactNode {
  const kind = useCatalogue().of(field.entity);
  return kind ? <Link to="/$slug/$id" params={{ slug: kind.slug, id }}>{text}</Link> : text;
}

function Parts({ field, rows }: { field: Field; rows: Row[] }): ReactNode {
  const columns = (field.response ?? []).filter((inner) => rows.some((row) => row[inner.name] !== undefined));
  const heads = columns.length ? columns : Object.keys(rows[0] ?? {}).map((name) => ({ name, type: "string", description: "" }));
  return (
    <section className="card">
      <h2>{sentence(field.name)}</h2>
      <div className="scroll" tabIndex={0} role="region" aria-label={sentence(field.name)}>
        <table className="plain">
          <thead><tr>{heads.map((head) => <th key={head.name} title={head.description}>{sentence(head.name)}</th>)}</tr></thead>
          <tbody>{rows.map((row, at) => <tr key={String(row["id"] ?? at)}>{heads.map((head) => <td key={head.name}><Value name={head.name} value={row[head.name]} field={head} /></td>)}</tr>)}</tbody>
        </table>
      </div>
    </section>
  );
}

export function DetailPage({ kind, id, tab }: { kind: Kind; id: string; tab: string }): ReactNode {
  const catalogue = useCatalogue();
  const navigate = useNavigate();
  const meta = metaOf(kind.list.name);
  const [asked, setAsked] = useState<Asked>();
  const [menu, setMenu] = useState<DOMRect>();
  const takesAll = kind.list.params.some((param) => param.name === "listall");
  const found = useOne(kind.list.name, { ...meta?.params, id, ...(takesAll && { listall: true }) });
  const tabs = useMemo(() => related(catalogue.kinds, kind), [catalogue, kind]);
  if (found.error) return <Explain error={found.error as ApiError} title={t("It could not be read")} retry={() => void found.refetch()} />;
  if (found.isPending) return <div className="card"><div className="skeleton" /></div>;
  const row = found.data;
  if (!row) return <div className="empty card"><strong>{t("There is no {what} with this id that you may see", { what: meta?.one ?? sentence(kind.noun).toLowerCase() })}</strong><span className="mono">{id}</span><Link to="/$slug" params={{ slug: kind.slug }}>{t("All {what}", { what: meta?.title ?? kind.title })}</Link></div>;
  const first = (meta?.first ?? []).map((name) => kind.actions.find((command) => command.name === name)).filter((command): command is Command => command !== undefined);
  const deletion = kind.actions.find((command) => destructive(command));
  const buttons = first.length ? first : kind.actions.filter((command) => command.name.startsWith("update")).slice(0, 1);
  const parts = kind.list.response.filter((field) => Array.isArray(row[field.name]) && (row[field.name] as unknown[]).some((one) => typeof one === "object"));
  const other = tabs.find(([one]) => one.slug === tab);
  const state = String(row["state"] ?? row["status"] ?? "");
  const about = ABOUT[kind.slug];
  const events = catalogue.kinds.find((one) => one.list.name === "listEvents");
  const params: Params = other ? { [other[1]]: id } : {};
  return (
    <>
      <div className="title">
        <div className="grow">
          <h1 className="row wrap">{nameOf(row)} {state && <Status state={state} />}</h1>
          <p className="mono faint">{id} <Copy text={id} /></p>
        </div>
        <div className="row wrap">
          {kind.slug === "instances" && <Button variant="default" disabled={state !== "Running"} title={state !== "Running" ? t("It is {state}", { state }) : undefined} leftSection={<IconTerminal2 size={16} />} onClick={() => void openConsole(id)}>{t("Console")}</Button>}
          {buttons.map((command) => {
            const why = whyNot(command, row);
            return <Button key={command.name} variant="default" data-disabled={why ? true : undefined} aria-disabled={why !== undefined} title={why ?? command.description} onClick={() => !why && setAsked({ command, rows: [row] })}>{label(command, kind)}</Button>;
          })}
          {deletion && !buttons.includes(deletion) && kind.actions.length <= 2 && <Button variant="default" onClick={() => setAsked({ command: deletion, rows: [row] })}>{label(deletion, kind)}</Button>}
          {kind.actions.length > 0 && <Button variant="default" aria-haspopup="menu" onClick={(event) => setMenu(event.currentTarget.getBoundingClientRect())}>{t("More")}</Button>}
        </div>
      </div>
      <nav className="tabs" aria-label={t("Parts")}>
        <Link to="/$slug/$id" params={{ slug: kind.slug, id }} search={{}} aria-current={tab === "" ? "page" : undefined}>{t("Overview")}</Link>
        {tabs.map(([one]) => <Link key={one.slug} to="/$slug/$id/$tab" params={{ slug: kind.slug, id, tab: one.slug }} search={{}} aria-current={tab === one.slug ? "page" : undefined}>{metaOf(one.list.name)?.title ?? one.title}</Link>)}
        {events && about && <Link to="/$slug/$id/$tab" params={{ slug: kind.slug, id, tab: "happened" }} aria-current={tab === "happened" ? "page" : undefined}>{t("Events")}</Link>}
      </nav>
      {tab === "" && (
        <div className="detail">
          <section className="card"><h2 style={{ marginBottom: 12 }}>{t("Facts")}</h2><Facts row={row} fields={kind.list.response} /></section>
          <div className="stack">{parts.map((field) => <Parts key={field.name} field={field} rows={row[field.name] as Row[]} />)}{!parts.length && tabs[0] && <ListPage kind={tabs[0][0]} fixed={{ [tabs[0][1]]: id }} bare />}</div>
        </div>
      )}
      {other && <ListPage key={other[0].slug} kind={other[0]} fixed={params} bare />}
      {tab === "happened" && events && <ListPage kind={events} fixed={{ resourceid: id, resourcetype: about }} bare />}
      {menu && <RowMenu row={row} anchor={menu} kind={kind} close={() => setMenu(undefined)} pick={(command) => { setAsked({ command, rows: [row] }); setMenu(undefined); }} />}
      <ActionPanel asked={asked} kind={kind} close={() => { if (asked && destructive(asked.command) && !found.data) void navigate({ to: "/$slug", params: { slug: kind.slug } }); setAsked(undefined); }} />
    </>
  );
}
