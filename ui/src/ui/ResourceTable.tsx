// A list of any length: the server pages it, blocks are fetched by scroll position, only visible rows are in the document.
import { useQueries, useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { useVirtualizer } from "@tanstack/react-virtual";
import { memo, useEffect, useLayoutEffect, useMemo, useRef, useState, type KeyboardEvent, type ReactNode } from "react";
import type { Field, Kind } from "../api/catalogue";
import { list, type ApiError, type Page, type Params, type Row } from "../api/client";
import { pollEvery, useLive } from "../api/live";
import { inTransition, useCatalogue } from "../api/use";
import { openConsole } from "../console/open";
import { t, worded } from "../lib/words";
import type { Meta } from "../meta";
import { titleOf } from "../meta/words";
import { Columns, columnsOf, referring, useView } from "./Columns";
import { edges } from "./edges";
import { Explain } from "./Explain";
import { Hinted } from "./Given";
import { Icon } from "./icons";
import { IconAdjustments, IconDots, IconTerminal2 } from "./iconset";
import { Called, Named } from "./Named";
import { Badge, Copy, nameField, nameOf, Size, Value } from "./values";

const BLOCK = 100;
const COPIED = new Set(["ipaddress", "publicip"]);
const STANDS: Record<string, string> = { account: "project", diskofferingname: "serviceofferingname" }; // what is shown where there is none
const WIDTHS: Record<string, number> = { state: 140, status: 134, success: 120, size: 100, created: 112, ipaddress: 150, publicip: 160, hostname: 140, cidr: 140, netmask: 132, zonename: 84, account: 90, description: 260 }; // px at least
const FIXED = new Set(["state", "status", "success", "size", "created", "ipaddress", "publicip"]); // whose values are all of one length
const USUAL = 110; // px of a column that has no width of its own
const NAME = 180; // px at least of a row's name, of a range of addresses RANGE
const RANGE = 240;
const WAITING = 6; // rows drawn while the first are read
const BRIEF = 92; // of what is either yes or no
const least = (column: string, fields: Map<string, Field>) => (column === "size" && fields.has("cpunumber") ? 146 : (WIDTHS[column] ?? (fields.get(column)?.type === "boolean" ? BRIEF : USUAL)));
const SHORT = 8; // characters that any column is given room for
const LONG = 48;

/** A column's share of the room that is left: as many characters as the longest of its texts has, in steps, so that one row more seldom moves it. */
const shareOf = (texts: unknown[]) => `${Math.min(LONG, SHORT * Math.ceil(Math.max(1, ...texts.map((text) => (typeof text === "string" ? text.length : Array.isArray(text) ? text.join(", ").length : 0))) / SHORT))}fr`;

function widthOf(column: string, fields: Map<string, Field>, rows: Row[]): string {
  const field = fields.get(column);
  const plain = !field?.entity && field?.type !== "date" && field?.type !== "boolean"; // shown as it is told
  return FIXED.has(column) ? `${least(column, fields)}px` : `minmax(${least(column, fields)}px, ${shareOf(plain ? rows.map((row) => row[column] ?? row[STANDS[column] ?? ""]) : [])})`;
}

const LETTER = 7; // px of a letter in a state's badge, and of all around its letters AROUND
const AROUND = 48;

/** Beside the name alone, on a phone: states take no more than they need. */
const narrowest = (column: string, fields: Map<string, Field>, rows: Row[]) => Math.min(least(column, fields), column === "state" || column === "status" ? Math.max(72, ...rows.map((row) => AROUND + LETTER * worded(String(row[column] ?? "")).length)) : Infinity);

export interface Selection {
  chosen: Map<string, Row>;
  toggle: (row: Row) => void;
  set: (rows: Row[]) => void;
}

/** Where a row's own page is; lists that only add figures to another lead to the thing itself. */
function pageOf(row: Row, home: Kind): string | undefined {
  if (row["cmd"] && row["jobid"]) return `/activity/${String(row["jobid"])}`;
  return row["id"] === undefined ? undefined : `/${home.slug}/${String(row["id"])}`;
}

const Line = memo(function Line({ row, kind, home, meta, columns, fields, top, height, selected, at, toggle, menu, mixed, alike }: {
  row: Row | undefined; kind: Kind; home: Kind; meta: Meta | undefined; columns: string[]; fields: Map<string, Field>; top: number; height: number; selected: boolean; at: boolean;
  toggle: (row: Row) => void; menu: (row: Row, anchor: HTMLElement) => void; mixed: boolean;
  alike: string[] | undefined; // the fields that tell rows of one name apart
}): ReactNode {
  const catalogue = useCatalogue();
  const place = { transform: `translateY(${top}px)`, height };
  if (!row) return <div className="grid-row" style={place} aria-hidden><div className="cell" /><div className="cell"><div className="skeleton" /></div></div>;
  const name = nameOf(row);
  const technical = meta?.context?.(row);
  const context = technical ?? (row["displaytext"] !== name && !columns.includes("displaytext") ? (row["displaytext"] as string | undefined) : undefined);
  const beside = [...(alike ?? []).filter((field) => !columns.includes(field) && row[field]).map((field) => {
    const its = catalogue.of(fields.get(field)?.entity);
    return <span key={field}>{its ? <Named kind={its} id={String(row[field])} bare /> : String(row[field])}</span>;
  }), ...(mixed && row["project"] && !columns.includes("account") && !columns.includes("project") ? [<span key="project" title={t("Project {name}", { name: String(row["project"]) })}><Icon name="users-group" size={12} /><span className="visually-hidden">{t("Project")}</span> {String(row["project"])}</span>] : [])].flatMap((one, i) => (i ? [" · ", one] : [one]));
  const badge = meta?.badge?.(row);
  const to = pageOf(row, home);
  return (
    <div role="row" className={at ? "grid-row at" : "grid-row"} style={place} aria-selected={selected}>
      <div role="gridcell" className="cell">{kind.actions.length > 0 && <input type="checkbox" checked={selected} onChange={() => toggle(row)} aria-label={t("Select {name}", { name })} />}</div>
      <div role="gridcell" className={height > 44 ? "cell name tall" : "cell name"} lang={meta?.says?.includes(nameField(row) ?? "") ? "en" : undefined}>
        {badge && <Badge text={badge} />}
        <div>
          {to ? <Link to={to} search={{}} title={nameField(row) === "id" ? undefined : name}><Called row={row} kind={kind} /></Link> : <span>{name}</span>}
          {beside.length > 0 && <small>{beside}</small>}
          {context && height > 44 && beside.length === 0 && <small className={technical ? "mono" : undefined} title={context}>{context}</small>}
        </div>
        {row["ipaddress"] === name && <Copy text={name} />}
      </div>
      {columns.map((column) => (
        <div role="gridcell" className="cell" key={column} title={typeof row[column] === "string" && row[column].length > 12 ? row[column] : undefined} lang={meta?.says?.includes(column) ? "en" : undefined}>{column === "size" && row["cpunumber"] ? <Size row={row} /> : <Value name={column} value={row[column] ?? row[STANDS[column] ?? ""]} field={fields.get(column)} row={row} />}{COPIED.has(column) && row[column] ? <Copy text={String(row[column])} /> : null}</div>
      ))}
      <div role="gridcell" className="cell ends">
        {meta?.console && <button type="button" className="icon-button opens" disabled={row["state"] !== "Running"} aria-label={t("Console of {name}", { name })} title={t("Console")} onClick={() => void openConsole(String(row["id"]))}><IconTerminal2 size={16} /></button>}
        {kind.actions.length > 0 && <button type="button" className="icon-button" aria-label={t("Actions for {name}", { name })} aria-haspopup="menu" onClick={(event) => menu(row, event.currentTarget)}><IconDots size={16} /></button>}
      </div>
    </div>
  );
});

/** The heading of a column; where the server can order by it, a button: up, down, as it was. */
function Head({ column, called, field, order, choose }: { column: string; called?: string; field: Field | undefined; order: string | undefined; choose: ((order: string | undefined) => void) | undefined }): ReactNode {
  const text = called && /^((display)?name|id)$/.test(called) ? t("Name") : called ? titleOf(called) : column === "cidrlist" ? t("Source") : HEADS[column] ? t(HEADS[column]) : titleOf(column);
  const [by, way] = (order ?? "").split(":");
  const sorted = by !== column ? "none" : way === "desc" ? "descending" : "ascending";
  const next = { none: column, ascending: `${column}:desc`, descending: undefined }[sorted];
  return (
    <div role="columnheader" className="cell" aria-sort={sorted}>
      {choose ? <button type="button" className="sort" onClick={() => choose(next)}><Hinted hint={field?.description}>{text}</Hinted><span aria-hidden>{{ none: "", ascending: "↑", descending: "↓" }[sorted]}</span></button> : <Hinted hint={field?.description}>{text}</Hinted>}
    </div>
  );
}

export function ResourceTable({ kind, meta, params: wantedRows, selection, menu, empty, onCount, open }: {
  kind: Kind; meta: Meta | undefined; params: Params; selection: Selection; menu: (row: Row, anchor: HTMLElement) => void; empty: ReactNode;
  onCount?: (page: Page) => void; open: (row: Row) => void;
}): ReactNode {
  const scroller = useRef<HTMLDivElement>(null);
  const [at, setAt] = useState(-1);
  const [wanted, setWanted] = useState([0]);
  const [width, setWidth] = useState(1200);
  const client = useQueryClient();
  const navigate = useNavigate();
  const order = (useSearch({ strict: false }) as { orderby?: string }).orderby;
  const orders = kind.list.params.some((param) => param.name === "orderby");
  const sort = orders ? (orderby: string | undefined) => void navigate({ to: ".", search: (old: Record<string, unknown>) => ({ ...old, orderby }), replace: true }) : undefined;
  const params = useMemo(() => (orders && order ? { ...wantedRows, orderby: order } : wantedRows), [wantedRows, orders, order]);
  const [view, change] = useView(kind);
  const [choosing, setChoosing] = useState(false);
  useLive(); // how often to poll follows from it
  const fields = useMemo(() => new Map(kind.list.response.map((field) => [field.name, field])), [kind]);
  const catalogue = useCatalogue();
  const home = useMemo(() => catalogue.home(kind), [catalogue, kind]);
  const pages = useQueries({
    queries: wanted.map((block) => ({
      queryKey: ["api", kind.list.name, params, "block", block],
      queryFn: ({ signal }: { signal: AbortSignal }) => list(kind.list.name, { ...params, page: block + 1, pagesize: BLOCK }, signal),
      refetchInterval: (query: { state: { data?: Page | undefined } }) => pollEvery(inTransition(query.state.data?.rows ?? []), query),
      retry: false,
    })),
  });
  const first = pages[0];
  const begun = client.getQueryData<Page>(["api", kind.list.name, params, "block", 0])?.rows; // the columns follow from the first block, so that scrolling changes none
  const all = useMemo(() => view.columns ?? columnsOf(kind, meta, begun, home === kind ? undefined : home), [view.columns, kind, meta, begun, home]);
  const alike = useMemo(() => meta ? meta.apart : begun && new Set(begun.map(nameOf)).size < begun.length ? referring(kind) : undefined, [meta, begun, kind]);
  const lead = begun?.[0]?.["startip"] ? RANGE : NAME;
  const height = view.dense ? 40 : 54;
  const columns = useMemo(() => {
    if (view.columns) return all; // as chosen, however narrow: the list scrolls sideways
    let room = width - 44 - lead - (meta?.console ? 88 : 52);
    if (width < 560 && meta?.narrow && all.includes(meta.narrow)) return [meta.narrow];
    return all.filter((column, i) => i === 0 || (width >= 560 && (room -= least(column, fields)) >= least(all[0] ?? "", fields)));
  }, [all, view.columns, width, meta, fields, lead]);
  const known = pages.find((page) => page.data)?.data;
  const counted = useRef(0); // while only blocks that are still read are in view, the list stays as long as it was
  if (known) counted.current = known.count;
  const count = known?.count ?? counted.current;
  useEffect(() => { if (first?.data) onCount?.(first.data); }, [first?.data, onCount]);
  useLayoutEffect(() => {
    const watched = scroller.current;
    if (!watched) return;
    setWidth(watched.clientWidth || 1200); // before anything is drawn, or its edges are marked
    const observer = new ResizeObserver(([entry]) => setWidth(entry?.contentRect.width ?? 1200));
    observer.observe(watched);
    const unmark = edges(watched);
    return () => { observer.disconnect(); unmark?.(); };
  }, []);
  const rowAt = (index: number): Row | undefined => {
    const block = Math.floor(index / BLOCK);
    const page = client.getQueryData<Page>(["api", kind.list.name, params, "block", block]);
    return page?.rows[index % BLOCK];
  };
  const read = pages.flatMap((page) => page.data?.rows ?? []);
  const virtual = useVirtualizer({ count, getScrollElement: () => scroller.current, estimateSize: () => height, overscan: 8 });
  useEffect(() => virtual.measure(), [virtual, height]);
  const items = virtual.getVirtualItems();
  const from = Math.floor((items[0]?.index ?? 0) / BLOCK);
  const to = Math.floor((items.at(-1)?.index ?? 0) / BLOCK);
  useEffect(() => {
    const blocks = Array.from({ length: to - from + 1 }, (_, i) => from + i);
    setWanted((old) => (old.join() === blocks.join() ? old : blocks));
  }, [from, to]);
  const keys = (event: KeyboardEvent | globalThis.KeyboardEvent) => {
    const target = event.target as HTMLElement;
    if (event.ctrlKey || event.metaKey || event.altKey || (target.matches("input, textarea, select") && (target as HTMLInputElement).type !== "checkbox")) return;
    const step = { j: 1, ArrowDown: 1, k: -1, ArrowUp: -1, PageDown: 10, PageUp: -10 }[event.key];
    const row = at >= 0 ? rowAt(at) : undefined;
    if (step) {
      const next = Math.min(Math.max(at + step, 0), count - 1);
      setAt(next);
      virtual.scrollToIndex(next);
    } else if (event.key === "x" && row) selection.toggle(row);
    else if (event.key === "Enter" && row && (target === scroller.current || target === document.body)) open(row);
    else if (event.key === "." && row) menu(row, scroller.current?.querySelector<HTMLElement>(".grid-row.at") ?? (scroller.current as HTMLElement));
    else return;
    event.preventDefault();
  };
  const press = useRef(keys);
  press.current = keys;
  useEffect(() => {
    // Where nothing has the focus, or the page as a whole, the list takes the keys.
    const idle = (event: globalThis.KeyboardEvent) => { if ((event.target === document.body || (event.target as HTMLElement).id === "main") && /^[jkx.]$|^Enter$/.test(event.key)) press.current(event); };
    document.addEventListener("keydown", idle);
    return () => document.removeEventListener("keydown", idle);
  }, []);
  const wide = useMemo(() => [`minmax(${lead}px, ${shareOf((begun ?? []).map(nameOf))})`, ...columns.map((name) => widthOf(name, fields, begun ?? []))].join(" "), [lead, begun, columns, fields]);
  const asked = view.columns && columns.reduce((sum, name) => sum + least(name, fields), width < 560 ? 40 + 110 + 48 : 44 + lead + 88);
  const style = { ...(asked && { "--least": `${asked}px` }), "--columns": `${!kind.actions.length ? 10 : width < 560 ? 40 : 44}px ${width < 560 ? ["minmax(110px, 1fr)", ...columns.map((name) => `minmax(${view.columns ? least(name, fields) : 0}px, ${view.columns ? least(name, fields) : narrowest(name, fields, begun ?? [])}px)`)].join(" ") : wide} ${width < 560 ? 48 : meta?.console ? 88 : 52}px` } as React.CSSProperties;
  if (first?.error) return <div style={{ padding: 20 }}><Explain error={first.error as ApiError} title={t("The list could not be read")} retry={() => void first.refetch()} />{order && sort && <button type="button" className="chip" onClick={() => sort(undefined)}>{t("Show it in its own order")}</button>}</div>;
  return (
    <>
    <div className="grid" ref={scroller} style={style} tabIndex={0} role="grid" aria-label={t(meta?.title ?? kind.title)} aria-rowcount={count + 1} aria-busy={first?.isLoading ?? false} onKeyDown={keys}>
      {(count > 0 || !first || first.isLoading) && <div className="grid-head" role="row">
        <div role="columnheader" className="cell">{kind.actions.length > 0 && <input type="checkbox" aria-label={t("Select all that are read")} checked={read.length > 0 && read.every((row) => selection.chosen.has(String(row["id"])))} onChange={(event) => selection.set(event.currentTarget.checked ? read : [])} />}</div>
        <Head column="name" called={(begun?.[0] && nameField(begun[0])) ?? "name"} field={fields.get("name")} order={order} choose={fields.get("name")?.orders ? sort : undefined} />
        {columns.map((column) => <Head key={column} column={column} field={fields.get(column)} order={order} choose={fields.get(column)?.orders ? sort : undefined} />)}
        <div role="columnheader" className="cell"><button type="button" className="icon-button" aria-label={t("Columns and density")} aria-expanded={choosing} onClick={() => setChoosing(!choosing)}><IconAdjustments size={16} /></button></div>
      </div>}
      {first && !first.isLoading && count === 0 && <div role="row"><div role="gridcell">{empty}</div></div>}
      <div style={{ height: virtual.getTotalSize() || (first?.isLoading ? WAITING * height : 0), position: "relative" }} role="rowgroup">
        {!count && first?.isLoading && Array.from({ length: WAITING }, (_, at) => <Line key={at} row={undefined} kind={kind} home={home} meta={meta} columns={columns} fields={fields} top={at * height} height={height} selected={false} at={false} toggle={selection.toggle} menu={menu} mixed={false} alike={undefined} />)}
        {items.map((item) => {
          const row = rowAt(item.index);
          return (
            <Line key={item.key} row={row} kind={kind} home={home} meta={meta} columns={columns} fields={fields} top={item.start} height={height} at={item.index === at}
              selected={row !== undefined && selection.chosen.has(String(row["id"]))} toggle={selection.toggle} menu={menu} mixed={params["projectid"] === "-1"} alike={alike} />
          );
        })}
      </div>
    </div>
    {choosing && <Columns kind={kind} columns={columns} proposed={all} view={view} change={change} close={() => setChoosing(false)} />}
    </>
  );
}

// said: heads of columns, shorter than the names of their fields
const HEADS: Record<string, string> = {
  name: "Kind", haenable: "HA",   templatename: "Image", ipaddress: "Address", zonename: "Zone", hostname: "Host", created: "Age", vmname: "Instance", virtualmachinename: "Instance", diskofferingname: "Offering",
  networkofferingname: "Offering", ostypename: "OS", ispublic: "Public", rolename: "Role", domainpath: "Domain", networkdomain: "DNS suffix", associatednetworkname: "Network",
  issourcenat: "Source NAT", allocationstate: "Allocation", networktype: "Type", guestcidraddress: "Guest CIDR", localstorageenabled: "Local storage", managedstate: "Managed",
  hypervisortype: "Hypervisor", podname: "Pod", clustername: "Cluster", resourcestate: "Mode", memoryallocatedpercentage: "Memory allocated", cpuallocated: "CPU allocated", disksizetotal: "Size",
  disksizeallocated: "Allocated", cpunumber: "CPUs", cpuspeed: "MHz", storagetype: "Storage", iscustomized: "Custom", offerha: "HA", disksize: "Size", provisioningtype: "Provisioning",
  guestiptype: "Kind", traffictype: "Traffic", conservemode: "Shares addresses", defaultvalue: "Default", oscategoryname: "Category", isuserdefined: "Own", publicport: "Port",
  privateport: "To port", startport: "From port", endport: "To port", firstname: "First name", lastname: "Last name", isdefault: "Built in", resourcename: "On",
  username: "By", jobinstancename: "On", jobstatus: "State", publicip: "Public address", guestnetworkname: "Network", readonly: "Read only",
};
