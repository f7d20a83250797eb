// Rows that belong to a thing, on its page: a short table with what can be done to each and what can be added.
import { Button } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { useState, type ReactNode } from "react";
import type { Command, Kind } from "../../api/catalogue";
import type { ApiError, Params, Row } from "../../api/client";
import { useCatalogue, useList } from "../../api/use";
import { t } from "../../lib/words";
import { titleOf } from "../../meta/words";
import { ActionPanel, label, whyNot, type Asked } from "../../ui/actions";
import type { Values } from "../../ui/ActionForm";
import { edges } from "../../ui/edges";
import { Explain } from "../../ui/Explain";
import { Hinted } from "../../ui/Given";
import { RowMenu } from "../../ui/RowMenu";
import { everyOwner } from "../../ui/scope";
import { nameOf, Value } from "../../ui/values";

const MOST = 100;

export interface Adds {
  command: string;
  label: string;
  fixed?: Params;
  initial?: Values;
  why?: string | undefined; // why it cannot be done now
}

export interface PartProps {
  title: string;
  list: string;
  params?: Params;
  fixed?: Params; // what a row's commands need besides its id
  columns: string[];
  adds?: Adds[];
  empty: string;
  cells?: Record<string, (row: Row) => ReactNode>;
  sift?: (row: Row) => boolean;
  linked?: boolean; // the first column leads to the row's own page
}

const only = (command: Command | undefined, given: Params): Params => Object.fromEntries(Object.entries(given).filter(([name]) => command?.params.some((param) => param.name === name)));

export function Part({ title, list, params = {}, fixed = {}, columns: wanted, adds = [], empty, cells = {}, sift, linked = true }: PartProps): ReactNode {
  const catalogue = useCatalogue();
  const kind = catalogue.kinds.find((one) => one.list.name === list);
  const listed = catalogue.commands.get(list);
  const found = useList(list, { ...(listed?.params.some((param) => param.name === "page") && { page: 1, pagesize: MOST }), ...everyOwner(kind, params) }, listed !== undefined);
  const [asked, setAsked] = useState<Asked>();
  const [given, setGiven] = useState<Params>({});
  const [menu, setMenu] = useState<{ row: Row; anchor: HTMLElement }>();
  if (!listed) return null;
  const rows = (found.data?.rows ?? []).filter((row) => !sift || sift(row));
  const fields = new Map(listed.response.map((field) => [field.name, field]));
  const columns = wanted.filter((column) => column in cells || rows.some((row) => row[column] !== undefined && row[column] !== null && row[column] !== ""));
  const begin = (add: Adds) => {
    const command = catalogue.commands.get(add.command);
    if (!command) return;
    setGiven(add.fixed ?? {});
    setAsked({ command, rows: [], ...(add.initial && { initial: add.initial }) });
  };
  const lead = (row: Row, column: string) => (linked && kind && column === columns[0] && row["id"] ? <Link to="/$slug/$id" params={{ slug: kind.slug, id: String(row["id"]) }}>{String(row[column] || nameOf(row))}</Link> : undefined);
  const other = (row: Row, column: string) => {
    const id = fields.get(`${column.replace(/name$/, "")}id`);
    const its = id?.entity && id.name !== "id" && column.endsWith("name") && row[id.name] && row[column] ? catalogue.of(id.entity) : undefined;
    return its && id && <Link to="/$slug/$id" params={{ slug: its.slug, id: String(row[id.name]) }}>{String(row[column])}</Link>;
  };
  return (
    <section className="card">
      <div className="row wrap" style={{ marginBottom: 8 }}>
        <h2 className="grow">{title}{found.data && rows.length > 0 && <span className="faint"> {found.data.count > MOST ? `${MOST} / ${found.data.count}` : rows.length}</span>}</h2>
        {adds.filter((add) => catalogue.has(add.command)).map((add) => <Button key={add.label} size="xs" variant="default" data-disabled={add.why ? true : undefined} aria-disabled={add.why !== undefined} title={add.why} onClick={() => !add.why && begin(add)}><Hinted hint={add.why ? undefined : catalogue.commands.get(add.command)?.description}>{add.label}</Hinted></Button>)}
      </div>
      {found.error && <Explain error={found.error as ApiError} title={t("{what} could not be read", { what: title })} retry={() => void found.refetch()} />}
      {found.isPending && <div className="skeleton" />}
      {found.data && !rows.length && <p className="quiet" style={{ margin: 0 }}>{empty}</p>}
      {rows.length > 0 && (
        <div className="scroll" ref={edges} tabIndex={0} role="region" aria-label={title}>
          <table className="plain part">
            <thead><tr>{columns.map((column) => <th key={column}><Hinted hint={fields.get(column)?.description}>{titleOf(column)}</Hinted></th>)}{kind && kind.actions.length > 0 && <th><span className="visually-hidden">{t("Actions")}</span></th>}</tr></thead>
            <tbody>{rows.map((row, at) => (
              <tr key={String(row["id"] ?? at)}>
                {columns.map((column) => <td key={column} data-label={titleOf(column)}>{cells[column]?.(row) ?? lead(row, column) ?? other(row, column) ?? <Value name={column} value={row[column] ?? (column === "account" ? row["project"] : undefined)} field={fields.get(column)} row={row} />}</td>)}
                {kind && kind.actions.length > 0 && <td style={{ textAlign: "end" }}><button type="button" className="icon-button small" aria-haspopup="menu" aria-label={t("Actions for {name}", { name: nameOf(row) })} onClick={(event) => setMenu({ row, anchor: event.currentTarget })}>⋮</button></td>}
              </tr>
            ))}</tbody>
          </table>
        </div>
      )}
      {menu && kind && <RowMenu {...menu} kind={kind} close={() => setMenu(undefined)} pick={(command) => { setGiven(only(command, fixed)); setAsked({ command, rows: [menu.row] }); setMenu(undefined); }} />}
      {kind && <ActionPanel asked={asked} kind={kind} close={() => setAsked(undefined)} fixed={given} />}
    </section>
  );
}

/** Buttons for commands on the thing itself; one that cannot be done now stays, with its reason. */
export function Actions({ row, kind, names, ask }: { row: Row; kind: Kind; names: string[]; ask: (asked: Asked) => void }): ReactNode {
  const catalogue = useCatalogue();
  const commands = names.map((name) => catalogue.commands.get(name)).filter((command): command is Command => command !== undefined);
  return commands.map((command) => {
    const why = whyNot(command, row);
    return <Button key={command.name} size="xs" variant="default" data-disabled={why ? true : undefined} aria-disabled={why !== undefined} title={why} onClick={() => !why && ask({ command, rows: [row] })}><Hinted hint={why ? undefined : command.description}>{label(command, kind)}</Hinted></Button>;
  });
}
