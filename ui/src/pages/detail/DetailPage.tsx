// The page of any one thing: its facts, what can be done with it, what belongs to it, what happened to it.
import { Button } from "@mantine/core";
import { Link, useNavigate } from "@tanstack/react-router";
import { lazy, Suspense, useEffect, useMemo, useState, type ReactNode } from "react";
import { ends, plural, type Command, type Field, type Kind } from "../../api/catalogue";
import { ApiError, type Params, type Row } from "../../api/client";
import { useCatalogue } from "../../api/use";
import { openConsole } from "../../console/open";
import { t, word } from "../../lib/words";
import { metaOf } from "../../meta";
import { spoken, titled, titleOf, within } from "../../meta/words";
import { ActionPanel, label, whyNot, type Asked } from "../../ui/actions";
import { edges } from "../../ui/edges";
import { Explain } from "../../ui/Explain";
import { Hinted } from "../../ui/Given";
import { IconPrompt, IconTerminal2 } from "../../ui/iconset";
import { Called } from "../../ui/Named";
import { RowMenu } from "../../ui/RowMenu";
import { narrowing, useThing } from "../../ui/thing";
import { Title } from "../../ui/Title";
import { Copy, Status, Value } from "../../ui/values";
import { ListPage } from "../ListPage";
import { byName, Facts } from "./Facts";
import { PANELS } from "./panels";
import "./detail.css";

const ABOUT: Record<string, string> = { instances: "VirtualMachine", volumes: "Volume", networks: "Network", hosts: "Host", images: "Template", accounts: "Account", users: "User", "public-ips": "IpAddress", projects: "Project", domains: "Domain" };
const JobsOf = lazy(() => import("../../ui/Activity").then((part) => ({ default: part.JobsOf })));

/** Lists that can be narrowed to this thing: tabs. */
function related(kinds: Kind[], kind: Kind, kept: string[] | undefined): [Kind, string][] {
  const found: [Kind, string][] = [];
  for (const other of kinds) {
    if (other === kind || /Metrics|UsageHistory|^listAsyncJobs$|^listEvents$/.test(other.list.name) || (kept && !kept.includes(other.slug))) continue;
    const by = other.list.params.find((param) => param.entity === kind.resource && param.name !== "id" && param.name !== "ids" && !/^(parent|affinity)/.test(param.name));
    if (by) found.push([other, by.name]);
  }
  return kept ? found.sort((a, b) => kept.indexOf(a[0].slug) - kept.indexOf(b[0].slug)) : found;
}

/** What narrows a list to this thing; a list that tells a row once for each zone, also to its zone. */
function narrowed(row: Row, other: Kind, by: string): Params {
  const zone = metaOf(other.list.name)?.apart?.includes("zonename") ? row["zoneid"] : undefined;
  return { [by]: String(row["id"]), ...(zone !== undefined && { zoneid: String(zone) }) };
}

function Inner({ field, rows }: { field: Field; rows: Row[] }): ReactNode {
  const title = t(plural(titled(field.name)));
  const columns = byName((field.response ?? []).filter((inner) => inner.name !== "id" && rows.some((row) => row[inner.name] !== undefined)));
  const heads = columns.length ? columns : byName(Object.keys(rows[0] ?? {}).filter((name) => name !== "id").map((name) => ({ name, type: "string", description: "" })));
  return (
    <section className="card">
      <h2>{title}</h2>
      <div className="scroll" ref={edges} tabIndex={0} role="region" aria-label={title}>
        <table className="plain part">
          <thead><tr>{heads.map((head) => <th key={head.name}><Hinted hint={head.description}>{titleOf(head.name)}</Hinted></th>)}</tr></thead>
          <tbody>{rows.map((row, at) => <tr key={String(row["id"] ?? at)}>{heads.map((head) => <td key={head.name} data-label={titleOf(head.name)}><Value name={head.name} value={row[head.name]} field={head} row={row} /></td>)}</tr>)}</tbody>
        </table>
      </div>
    </section>
  );
}

// said: consoles
const CONSOLES: ["vnc" | "serial", string, typeof IconPrompt][] = [["vnc", "Console", IconTerminal2], ["serial", "Serial console", IconPrompt]];

export function DetailPage({ kind, id, tab: wanted }: { kind: Kind; id: string; tab: string }): ReactNode {
  const catalogue = useCatalogue();
  const navigate = useNavigate();
  const meta = metaOf(kind.list.name);
  const panel = PANELS[kind.slug];
  const [asked, setAsked] = useState<Asked>();
  const [menu, setMenu] = useState<HTMLElement>();
  const found = useThing(kind, id);
  useEffect(() => { document.querySelector(".tabs [aria-current]")?.scrollIntoView({ block: "nearest", inline: "nearest" }); }, [wanted, found.data === undefined]);
  const own = (panel?.tabs ?? []).filter((one) => catalogue.has(one.needs));
  const tabs = useMemo(() => related(catalogue.kinds, kind, meta?.tabs).filter(([one]) => !panel?.tabs?.some((made) => made.slug === one.slug)), [catalogue, kind, meta, panel]);
  if (found.error && !(found.error instanceof ApiError && found.error.param === narrowing(kind))) return <><h1 className="visually-hidden">{id}</h1><Explain error={found.error as ApiError} title={t("It could not be read")} retry={() => void found.refetch()} /></>;
  if (found.isPending && !found.error) return <div className="card"><div className="skeleton" /></div>;
  const row = found.data;
  if (!row) return <div className="empty card"><h1>{t("There is no {what} with this id that you may see", { what: within(meta ? t(meta.one) : spoken(kind.noun)) })}</h1><span className="mono">{id}</span><Link to="/$slug" params={{ slug: kind.slug }}>{t("All {what}", { what: t(meta?.title ?? kind.title) })}</Link></div>;
  const first = (meta?.first ?? []).map((name) => kind.actions.find((command) => command.name === name)).filter((command): command is Command => command !== undefined);
  const buttons = first.length ? first : kind.actions.filter((command) => command.name.startsWith("update")).slice(0, 1);
  const inner = kind.list.response.filter((field) => Array.isArray(row[field.name]) && (row[field.name] as unknown[]).some((one) => typeof one === "object"));
  const state = String(row["state"] ?? row["status"] ?? "");
  const about = ABOUT[kind.slug];
  // said: tabs that tell what happened
  const told: [string, string, Kind | undefined][] = about ? [["events", "Events", catalogue.kinds.find((one) => one.list.name === "listEvents")], ["activity", "Activity", catalogue.kinds.find((one) => one.list.name === "listAsyncJobs")]] : [];
  const tab = [...own, ...tabs.map(([one]) => one)].some((one) => one.slug === wanted) || told.some(([slug, , has]) => has && slug === wanted) ? wanted : "";
  const telling = told.find(([slug]) => slug === tab)?.[2];
  const other = tabs.find(([one]) => one.slug === tab);
  const made = own.find((one) => one.slug === tab);
  const Beside = panel?.beside;
  const link = (slug: string, title: string) => <Link key={slug} to="/$slug/$id/$tab" params={{ slug: kind.slug, id, tab: slug }} search={{}} aria-current={tab === slug ? "page" : undefined}>{t(title)}</Link>;
  return (
    <>
      <Title title={<span className="row wrap"><span><Called row={row} kind={kind} /></span> {state && <Status state={state} />}</span>} line={<span className="mono faint">{id} <Copy text={id} /></span>}>
        <div className="row wrap">
          {kind.slug === "instances" && CONSOLES.map(([protocol, text, Icon]) => <Button key={protocol} variant="default" data-disabled={state !== "Running" ? true : undefined} aria-disabled={state !== "Running"} title={state !== "Running" ? t("It is {state}", { state: word(state) }) : undefined} leftSection={<Icon size={16} />} onClick={() => state === "Running" && void openConsole(id, protocol)}>{t(text)}</Button>)}
          {buttons.map((command) => {
            const why = whyNot(command, row);
            return <Button key={command.name} variant="default" data-disabled={why ? true : undefined} aria-disabled={why !== undefined} title={why} onClick={() => !why && setAsked({ command, rows: [row] })}><Hinted hint={why ? undefined : command.description}>{label(command, kind)}</Hinted></Button>;
          })}
          {kind.actions.length > 0 && <Button variant="default" aria-haspopup="menu" onClick={(event) => setMenu(event.currentTarget)}>{t("More")}</Button>}
        </div>
      </Title>
      {own.length + tabs.length + told.length > 0 && <nav className="tabs" ref={edges} aria-label={t("Parts")}>
        <Link to="/$slug/$id" params={{ slug: kind.slug, id }} search={{}} activeOptions={{ exact: true }} aria-current={tab === "" ? "page" : undefined}>{t("Overview")}</Link>
        {own.map((one) => link(one.slug, one.title))}
        {tabs.map(([one]) => link(one.slug, metaOf(one.list.name)?.title ?? one.title))}
        {told.map(([slug, title, has]) => has && link(slug, title))}
      </nav>}
      {tab === "" && (
        <div className="detail">
          <Facts row={row} fields={kind.list.response} groups={meta?.facts} folds={meta?.folds} says={meta?.says} />
          <div className="stack">
            {Beside ? <Suspense fallback={<div className="card"><div className="skeleton" /></div>}><Beside row={row} /></Suspense> : inner.map((field) => <Inner key={field.name} field={field} rows={row[field.name] as Row[]} />)}
            {!Beside && !inner.length && tabs[0] && <><h2>{t(metaOf(tabs[0][0].list.name)?.title ?? tabs[0][0].title)}</h2><ListPage kind={tabs[0][0]} fixed={narrowed(row, ...tabs[0])} bare /></>}
          </div>
        </div>
      )}
      {made && <Suspense fallback={<div className="card"><div className="skeleton" /></div>}><made.show row={row} /></Suspense>}
      {other && !made && <ListPage key={other[0].slug} kind={other[0]} fixed={narrowed(row, ...other)} bare />}
      {tab === "activity" && telling && about && <section className="card"><Suspense fallback={<div className="skeleton" />}><JobsOf id={id} type={about} /></Suspense></section>}
      {tab === "events" && telling && about && <ListPage key={tab} kind={telling} fixed={{ resourceid: id, resourcetype: about }} bare />}
      {menu && <RowMenu row={row} anchor={menu} kind={kind} close={() => setMenu(undefined)} pick={(command) => { setAsked({ command, rows: [row] }); setMenu(undefined); }} />}
      <ActionPanel asked={asked} kind={kind} close={() => { if (asked && ends(asked.command, kind) && !found.data) void navigate({ to: "/$slug", params: { slug: kind.slug } }); setAsked(undefined); }} />
    </>
  );
}
