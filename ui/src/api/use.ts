// Hooks over the API. Every query's key begins with "api", so that one event refreshes what is on the page.
import { keepPreviousData, useMutation, useQuery, useQueryClient, type UseQueryResult } from "@tanstack/react-query";
import { createContext, useContext } from "react";
import { isSecret, type Catalogue } from "./catalogue";
import { list, type ApiError, type Page, type Params, type Row } from "./client";
import { begin, perform, refresh } from "./jobs";
import { pollEvery, useLive } from "./live";

export const CatalogueContext = createContext<Catalogue | undefined>(undefined);

export function useCatalogue(): Catalogue {
  const catalogue = useContext(CatalogueContext);
  if (!catalogue) throw new Error("There is no catalogue outside a session");
  return catalogue;
}

export const TRANSITION = /^(Starting|Stopping|Creating|Migrating|Implementing|Shutdown|Destroying|Expunging|Resizing|Attaching|Detaching|Installing|Allocating|Releasing|Preparing.*|Connecting)$/;

export function inTransition(rows: Row[]): boolean {
  return rows.some((row) => row["jobstatus"] === 0 || TRANSITION.test(String(row["state"] ?? "")));
}

export function useList(command: string, params: Params = {}, enabled = true): UseQueryResult<Page, ApiError> {
  useLive(); // how often to poll follows from it
  return useQuery<Page, ApiError>({
    queryKey: ["api", command, params],
    queryFn: ({ signal }) => list(command, params, signal),
    enabled,
    placeholderData: keepPreviousData,
    refetchInterval: (query) => pollEvery(inTransition(query.state.data?.rows ?? []), query),
  });
}

export function useOne(command: string, params: Params, enabled = true): UseQueryResult<Row | undefined, ApiError> {
  useLive();
  return useQuery<Row | undefined, ApiError>({
    queryKey: ["api", command, params],
    queryFn: async ({ signal }) => (await list(command, params, signal)).rows[0] ?? null as unknown as undefined,
    enabled,
    refetchInterval: (query) => pollEvery(inTransition(query.state.data ? [query.state.data] : []), query),
  });
}

/** Run a command; rows are read again when it was accepted and when its job ended. */
export function usePerform() {
  const client = useQueryClient();
  return useMutation<Row, ApiError, { command: string; params: Params }>({
    mutationFn: ({ command, params }) => {
      let known = "";
      return perform(command, params, (job) => {
        if (known !== (known = `${job.state}${job.step}`)) void refresh(client);
      });
    },
    onSettled: () => refresh(client),
  });
}

/** Run a command without waiting for the job that it starts: the row is in transition at once, and Activity tells the rest. */
export function useBegin() {
  const client = useQueryClient();
  const catalogue = useCatalogue();
  return useMutation<Row, ApiError, { command: string; params: Params }>({
    mutationFn: ({ command, params }) => begin(command, params, (name) => catalogue.commands.get(command)?.params.some((param) => param.name === name && isSecret(param)) ?? false),
    onSettled: () => refresh(client),
  });
}
