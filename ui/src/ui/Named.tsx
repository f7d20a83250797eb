// What a thing is called where only its id is told, or where it has no name of its own.
import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import type { Field, Kind } from "../api/catalogue";
import type { Row } from "../api/client";
import { useCatalogue } from "../api/use";
import { whole } from "../lib/words";
import { metaOf } from "../meta";
import { eventCalled } from "../meta/words";
import { findable, useThing } from "./thing";
import { nameField, nameOf } from "./values";

/** A thing of which only the id is told: by its name and what tells it apart from others of the same name; it leads to its page unless it is bare. */
export function Named({ kind, id, bare = false }: { kind: Kind; id: string; bare?: boolean }): ReactNode {
  const { data: row } = useThing(kind, id, findable(kind));
  const apart = metaOf(kind.list.name)?.apart ?? [];
  const name = row ? <>{nameOf(row)}{kind.list.response.filter((field) => apart.includes(field.name)).map((field) => <Referred key={field.name} row={row} field={field} before=" · " />)}</> : id.slice(0, 8);
  if (row === null) return <span className="mono faint">{name}</span>; // one may not see it, or it is gone
  return bare ? name : <Link to="/$slug/$id" params={{ slug: kind.slug, id }} className={row ? undefined : "mono"}>{name}</Link>;
}

function Referred({ row, field, before = "" }: { row: Row; field: Field; before?: string }): ReactNode {
  const kind = useCatalogue().of(field.entity);
  return kind && row[field.name] ? <>{before}<Named kind={kind} id={String(row[field.name])} bare /></> : null;
}

/** What a row is called: by what it refers to where it has no name of its own. */
export function Called({ row, kind }: { row: Row; kind: Kind }): ReactNode {
  const catalogue = useCatalogue();
  const named = nameField(row);
  const other = named === undefined || named === "id" ? kind.list.response.find((field) => field.name !== "id" && row[field.name] && catalogue.of(field.entity)) : undefined;
  return other ? <Referred row={row} field={other} /> : named === "eventtype" ? eventCalled(nameOf(row), catalogue) : whole(nameOf(row));
}
