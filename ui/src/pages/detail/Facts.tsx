// What is known of a thing, in groups; what no group names is folded away, never lost.
import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import type { Field } from "../../api/catalogue";
import type { Row } from "../../api/client";
import { useCatalogue } from "../../api/use";
import { t } from "../../lib/words";
import { spoken, titleOf } from "../../meta/words";
import { Hinted } from "../../ui/Given";
import { Named } from "../../ui/Named";
import { Copy, nameOf, Value } from "../../ui/values";

const HIDDEN = /^(jobid|jobstatus|hasannotations|id|icon|fordisplay)$/;
const CODED = /^[[{].*[\]}]$/; // what programs said to each other
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const COPIED = /(ipaddress|publicip|macaddress|fingerprint|url)$/;

/** What programs wrote, on lines that people read. */
export function indented(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

function Reference({ field, id, text }: { field: Field; id: string; text: string }): ReactNode {
  const kind = useCatalogue().of(field.entity);
  return kind ? <Link to="/$slug/$id" params={{ slug: kind.slug, id }}>{text}</Link> : text;
}

function Fact({ row, field, fields, says }: { row: Row; field: Field; fields: Field[]; says: string[] | undefined }): ReactNode {
  const catalogue = useCatalogue();
  const { kinds } = catalogue;
  const partner = fields.find((other) => other.name === `${field.name.replace(/name$/, "")}id` && other.entity);
  const value = row[field.name];
  const its = typeof value === "string" && field.name.endsWith("id") && UUID.test(value) ? (catalogue.of(field.entity) ?? kinds.find((kind) => `${kind.noun.toLowerCase()}id` === field.name)) : undefined;
  const about = field.name === "resourceid" ? kinds.find((kind) => kind.noun.toLowerCase() === String(row["resourcetype"]).toLowerCase()) : undefined;
  return (
    <div style={{ display: "contents" }}>
      <dt><Hinted hint={field.description}>{titleOf(field.name)}</Hinted></dt>
      <dd lang={says?.includes(field.name) ? "en" : undefined}>
        {about ? <Link to="/$slug/$id" params={{ slug: about.slug, id: String(value) }}>{String(row["resourcename"] || spoken(about.noun))}</Link> : partner && row[partner.name] ? <Reference field={partner} id={String(row[partner.name])} text={String(value)} /> : its ? <Named kind={its} id={String(value)} /> : typeof value === "string" && CODED.test(value) ? <pre className="mono coded" dir="ltr" tabIndex={0}>{indented(value)}</pre> : <Value name={field.name} value={value} field={field} row={row} />}
        {COPIED.test(field.name) && typeof value === "string" && <Copy text={value} />}
      </dd>
    </div>
  );
}

const known = (value: unknown) => value !== undefined && value !== null && value !== "" && !(Array.isArray(value) && (!value.length || typeof value[0] === "object")) && !(typeof value === "object" && !Array.isArray(value) && !Object.keys(value).length);

/** Without the ids of what is told by its name. */
export function byName<T extends { name: string }>(fields: T[]): T[] {
  const names = new Set(fields.map((field) => field.name));
  return fields.filter(({ name }) => !(name.endsWith("id") && (names.has(name.replace(/id$/, "name")) || names.has(name.replace(/id$/, "")))));
}

export function Facts({ row, fields, groups, folds, says }: { row: Row; fields: Field[]; groups?: Record<string, string[]> | undefined; folds?: RegExp | undefined; says?: string[] | undefined }): ReactNode {
  const title = nameOf(row); // what the heading, and the id below it, say is not said again
  const shown = fields.filter((field) => !HIDDEN.test(field.name) && row[field.name] !== title && row[field.name] !== row["id"] && !folds?.test(field.name) && known(row[field.name]));
  const plain = byName(shown).filter((field, at, all) => !all.slice(at + 1).some((other) => titleOf(other.name) === titleOf(field.name))); // a domain's path says more than its name
  if (!groups) return <section className="card"><h2 className="part">{t("Facts")}</h2><dl className="facts">{plain.map((field) => <Fact key={field.name} row={row} field={field} fields={fields} says={says} />)}</dl></section>;
  const grouped = new Set(Object.values(groups).flat());
  const rest = plain.filter((field) => !grouped.has(field.name) && field.name !== "state");
  return (
    <div className="stack">
      {Object.entries(groups).map(([title, members]) => {
        const mine = members.map((name) => shown.find((field) => field.name === name)).filter((field): field is Field => field !== undefined);
        return mine.length > 0 && <section className="card" key={title}><h2 className="part">{t(title)}</h2><dl className="facts">{mine.map((field) => <Fact key={field.name} row={row} field={field} fields={fields} says={says} />)}</dl></section>;
      })}
      {rest.length > 0 && <details className="card"><summary>{t("More facts ({count})", { count: rest.length })}</summary><dl className="facts" style={{ marginTop: 12 }}>{rest.map((field) => <Fact key={field.name} row={row} field={field} fields={fields} says={says} />)}</dl></details>}
    </div>
  );
}
