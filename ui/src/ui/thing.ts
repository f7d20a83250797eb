// One thing by its id, whatever its list takes: most take an id, of the others the whole list is looked through.
import { useQuery, type UseQueryResult } from "@tanstack/react-query";
import type { Kind } from "../api/catalogue";
import { list, type ApiError, type Params, type Row } from "../api/client";
import { pollEvery, useLive } from "../api/live";
import { inTransition } from "../api/use";
import { metaOf } from "../meta";

const MOST = 500; // rows that are looked through
const IDS = /^(id|nicid|jobid)$/;

/** The parameter by which a list is narrowed to one thing. */
export function narrowing(kind: Kind): string | undefined {
  return kind.list.params.find((param) => IDS.test(param.name))?.name;
}

/** Whether a list asks for nothing else before it tells of a thing. */
export function findable(kind: Kind): boolean {
  return kind.list.params.every((param) => !param.required || metaOf(kind.list.name)?.params?.[param.name] !== undefined);
}

export function useThing(kind: Kind | undefined, id: string, enabled = true): UseQueryResult<Row | null, ApiError> {
  useLive(); // how often to poll follows from it
  const command = kind?.list.name ?? "";
  const by = kind && narrowing(kind);
  const all = kind?.list.params.some((param) => param.name === "listall");
  const params: Params = { ...metaOf(command)?.params, ...(by ? { [by]: id } : { page: 1, pagesize: MOST }), ...(all && { listall: true }) };
  return useQuery<Row[], ApiError, Row | null>({
    queryKey: ["api", command, params, "one"],
    queryFn: async ({ signal }) => (await list(command, params, signal)).rows,
    select: (rows) => (by ? rows[0] : rows.find((row) => row["id"] === id)) ?? null,
    enabled: enabled && kind !== undefined,
    refetchInterval: (query) => pollEvery(inTransition(query.state.data ?? []), query),
  });
}
