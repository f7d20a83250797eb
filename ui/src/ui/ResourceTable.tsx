// A list of any length: the server pages it, blocks are fetched by scroll position, only visible rows are in the document.
import { useQueries, useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { useVirtualizer } from "@tanstack/react-virtual";
import { memo, useEffect, useMemo, useRef, useState, type KeyboardEvent, type ReactNode } from "react";
import type { Field, Kind } from "../api/catalogue";
import { list, type ApiError, type Page, type Params, type Row } from "../api/client";
import { pollEvery, useLive } from "../api/live";
import { inTransition } from "../api/use";
import { openConsole } from "../console/open";
import { t } from "../lib/words";
import type { Meta } from "../meta";
import { titleOf } from "../meta/words";
import { Columns, columnsOf, useView } from "./Columns";
import { Explain } from "./Explain";
import { Hinted } from "./Given";
import { IconAdjustments, IconDots, IconTerminal2 } from "./iconset";
import { Badge, Copy, nameOf, Size, Value } from "./values";

const BLOCK = 100;
const COPIED = new Set(["ipaddress", "publicip"]);
const WIDTHS: Record<string, string> = { state: "126px", size: "146px", created: "112px", ipaddress: "150px", zonename: "minmax(84px, 0.6fr)", account: "minmax(90px, 0.7fr)", description: "minmax(260px, 3fr)" };
const USUAL = 110; // px of a column that has no width of its own
const least = (column: string) => Number(/(\d+)px/.exec(WIDTHS[column] ?? "")?.[1] ?? USUAL);

export interface Selection {
  chosen: Map<string, Row>;
  toggle: (row: Row) => void;
  set: (rows: Row[]) => void;
}

const Line = memo(function Line({ row, kind, meta, columns, fields, top, height, selected, at, toggle, menu }: {
  row: Row | undefined; kind: Kind; meta: Meta | undefined; columns: string[]; fields: Map<string, Field>; top: number; height: number; selected: boolean; at: boolean;
  toggle: (row: Row) => void; menu: (row: Row, anchor: HTMLElement) => void;
}): ReactNode {
  const place = { transform: `translateY(${top}px)`, height };
  if (!row) return <div className="grid-row" style={place} aria-hidden><div className="cell" /><div className="cell"><div className="skeleton" /></div></div>;
  const name = nameOf(row);
  const context = meta?.context?.(row) ?? (row["displaytext"] !== name ? (row["displaytext"] as string | undefined) : undefined);
  const badge = meta?.badge?.(row);
  return (
    <div role="row" className={at ? "grid-row at" : "grid-row"} style={place} aria-selected={selected}>
      <div role="gridcell" className="cell"><input type="checkbox" checked={selected} onChange={() => toggle(row)} aria-label={t("Select {name}", { name })} /></div>
      <div role="gridcell" className="cell name">
        {badge && <Badge text={badge} />}
        <div>
          {row["id"] ? <Link to="/$slug/$id" params={{ slug: kind.slug, id: String(row["id"]) }} search={{}} title={name}>{name}</Link> : <span>{name}</span>}
          {context && height > 44 && <small title={context}>{context}</small>}
        </div>
      </div>
      {columns.map((column) => (
        <div role="gridcell" className="cell" key={column} lang={meta?.says?.includes(column) ? "en" : undefined}>{column === "size" && row["cpunumber"] ? <Size row={row} /> : <Value name={column} value={row[column] ?? (column === "account" ? row["project"] : undefined)} field={fields.get(column)} />}{COPIED.has(column) && row[column] ? <Copy text={String(row[column])} /> : null}</div>
      ))}
      <div role="gridcell" className="cell ends">
        {meta?.console && <button type="button" className="icon-button opens" disabled={row["state"] !== "Running"} aria-label={t("Console of {name}", { name })} title={t("Console")} onClick={() => void openConsole(String(row["id"]))}><IconTerminal2 size={16} /></button>}
        <button type="button" className="icon-button" aria-label={t("Actions for {name}", { name })} aria-haspopup="menu" onClick={(event) => menu(row, event.currentTarget)}><IconDots size={16} /></button>
      </div>
    </div>
  );
});

/** The heading of a column; where the server can order by it, a button: up, down, as it was. */
function Head({ column, field, order, choose }: { column: string; field: Field | undefined; order: string | undefined; choose: ((order: string | undefined) => void) | undefined }): ReactNode {
  const text = column === "name" ? t("Name") : HEADS[column] ? t(HEADS[column]) : titleOf(column);
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
  const all = useMemo(() => view.columns ?? columnsOf(kind, meta), [view.columns, kind, meta]);
  const height = view.dense ? 40 : 54;
  const columns = useMemo(() => {
    let room = width - 44 - 150 - (meta?.console ? 88 : 52);
    return all.filter((column, i) => i === 0 || (width >= 560 && (room -= least(column)) >= least(all[0] ?? "")));
  }, [all, width, meta]);
  const pages = useQueries({
    queries: wanted.map((block) => ({
      queryKey: ["api", kind.list.name, params, "block", block],
      queryFn: ({ signal }: { signal: AbortSignal }) => list(kind.list.name, { ...params, page: block + 1, pagesize: BLOCK }, signal),
      refetchInterval: (query: { state: { data?: Page | undefined } }) => pollEvery(inTransition(query.state.data?.rows ?? []), query),
      retry: false,
    })),
  });
  const first = pages[0];
  const known = pages.find((page) => page.data)?.data;
  const counted = useRef(0); // while only blocks that are still read are in view, the list stays as long as it was
  if (known) counted.current = known.count;
  const count = known?.count ?? counted.current;
  useEffect(() => { if (first?.data) onCount?.(first.data); }, [first?.data, onCount]);
  useEffect(() => {
    const watched = scroller.current;
    if (!watched) return;
    const observer = new ResizeObserver(([entry]) => setWidth(entry?.contentRect.width ?? 1200));
    observer.observe(watched);
    return () => observer.disconnect();
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
    else if (event.key === "." && row) menu(row, scroller.current as HTMLElement);
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
  const style = { "--columns": `${width < 560 ? 40 : 44}px minmax(${width < 560 ? 110 : 150}px, 1.6fr) ${columns.map((name) => WIDTHS[name] ?? "minmax(110px, 1fr)").join(" ")} ${width < 560 ? 48 : meta?.console ? 88 : 52}px` } as React.CSSProperties;
  if (first?.error) return <div style={{ padding: 20 }}><Explain error={first.error as ApiError} title={t("The list could not be read")} retry={() => void first.refetch()} />{order && sort && <button type="button" className="chip" onClick={() => sort(undefined)}>{t("Show it in its own order")}</button>}</div>;
  return (
    <div className="grid" ref={scroller} style={style} tabIndex={0} role="grid" aria-label={t(meta?.title ?? kind.title)} aria-rowcount={count + 1} aria-busy={first?.isLoading ?? false} onKeyDown={keys}>
      <div className="grid-head" role="row">
        <div role="columnheader" className="cell"><input type="checkbox" aria-label={t("Select all that are read")} checked={read.length > 0 && read.every((row) => selection.chosen.has(String(row["id"])))} onChange={(event) => selection.set(event.currentTarget.checked ? read : [])} /></div>
        <Head column="name" field={fields.get("name")} order={order} choose={fields.get("name")?.orders ? sort : undefined} />
        {columns.map((column) => <Head key={column} column={column} field={fields.get(column)} order={order} choose={fields.get(column)?.orders ? sort : undefined} />)}
        <div role="columnheader" className="cell"><button type="button" className="icon-button" aria-label={t("Columns and density")} aria-expanded={choosing} onClick={() => setChoosing(!choosing)}><IconAdjustments size={16} /></button></div>
      </div>
      {choosing && <Columns kind={kind} columns={all} view={view} change={change} close={() => setChoosing(false)} />}
      {first && !first.isLoading && count === 0 && <div role="row"><div role="gridcell">{empty}</div></div>}
      <div style={{ height: virtual.getTotalSize(), position: "relative" }} role="rowgroup">
        {items.map((item) => {
          const row = rowAt(item.index);
          return (
            <Line key={item.key} row={row} kind={kind} meta={meta} columns={columns} fields={fields} top={item.start} height={height} at={item.index === at}
              selected={row !== undefined && selection.chosen.has(String(row["id"]))} toggle={selection.toggle} menu={menu} />
          );
        })}
      </div>
    </div>
  );
}

// said: heads of columns, shorter than the names of their fields
const HEADS: Record<string, string> = {
  templatename: "Image", ipaddress: "Address", zonename: "Zone", hostname: "Host", created: "Age", vmname: "Instance", virtualmachinename: "Instance", diskofferingname: "Offering",
  networkofferingname: "Offering", ostypename: "OS", ispublic: "Public", rolename: "Role", domainpath: "Domain", networkdomain: "DNS suffix", associatednetworkname: "Network",
  issourcenat: "Source NAT", allocationstate: "Allocation", networktype: "Type", guestcidraddress: "Guest CIDR", localstorageenabled: "Local storage", managedstate: "Managed",
  hypervisortype: "Hypervisor", podname: "Pod", clustername: "Cluster", resourcestate: "Mode", memoryallocatedpercentage: "Memory", cpuallocated: "CPU", disksizetotal: "Size",
  disksizeallocated: "Allocated", cpunumber: "CPUs", cpuspeed: "MHz", storagetype: "Storage", iscustomized: "Custom", offerha: "HA", disksize: "GiB", provisioningtype: "Provisioning",
  guestiptype: "Kind", traffictype: "Traffic", conservemode: "Shares addresses", defaultvalue: "Default", oscategoryname: "Category", isuserdefined: "Own", publicport: "Port",
  privateport: "To port", startport: "From port", endport: "To port", cidrlist: "From", firstname: "First name", lastname: "Last name", isdefault: "Built in", resourcename: "On",
  username: "By", publicip: "Public address", guestnetworkname: "Network", readonly: "Read only",
};
