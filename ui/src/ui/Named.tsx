// A thing of which only the id is told: by its name, that leads to its page unless it is bare.
import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import type { Kind } from "../api/catalogue";
import { useOne } from "../api/use";
import { metaOf } from "../meta";
import { nameOf } from "./values";

export function Named({ kind, id, bare = false }: { kind: Kind; id: string; bare?: boolean }): ReactNode {
  const takesAll = kind.list.params.some((param) => param.name === "listall");
  const found = useOne(kind.list.name, { ...metaOf(kind.list.name)?.params, id, ...(takesAll && { listall: true }) });
  if (bare) return found.data ? nameOf(found.data) : id.slice(0, 8);
  return <Link to="/$slug/$id" params={{ slug: kind.slug, id }} className={found.data ? undefined : "mono"}>{found.data ? nameOf(found.data) : id.slice(0, 8)}</Link>;
}
