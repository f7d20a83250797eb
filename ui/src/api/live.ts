// The event stream: what happens is told once, and lists that show it are read again. Without a stream, lists are polled.
import type { QueryClient } from "@tanstack/react-query";
import { useSyncExternalStore } from "react";
import { sessionKey } from "./client";

export type Live = { state: "live" | "late"; since: number };

let now: Live = { state: "late", since: Date.now() };
const listeners = new Set<() => void>();
const GATHER = 250; // ms in which events are taken together

function become(state: Live["state"]): void {
  if (now.state === state) return;
  now = { state, since: Date.now() };
  for (const listener of listeners) listener();
}

export function useLive(): Live {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => now,
  );
}

/** How often to poll: not at all while the stream lives, fast while something visible is in transition. */
export function pollEvery(inTransition: boolean): number | false {
  if (now.state === "live") return false;
  return inTransition ? 3000 : 15000;
}

export function follow(client: QueryClient): () => void {
  const source = new EventSource(`/client/events?sessionkey=${encodeURIComponent(sessionKey())}`);
  let waiting: ReturnType<typeof setTimeout> | undefined;
  const changed = () => {
    waiting ??= setTimeout(() => {
      waiting = undefined;
      void client.invalidateQueries({ queryKey: ["api"], refetchType: document.hidden ? "none" : "active" });
    }, GATHER);
  };
  source.onopen = () => become("live");
  source.onerror = () => become("late");
  for (const kind of ["event", "job", "reset"]) source.addEventListener(kind, changed);
  return () => {
    clearTimeout(waiting);
    source.close();
    become("late");
  };
}
