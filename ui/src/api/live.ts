// The event stream: what happens is told once, and lists that show it are read again. Without a stream, lists are polled.
import type { QueryClient } from "@tanstack/react-query";
import { useEffect, useState, useSyncExternalStore } from "react";
import { heard, sessionKey } from "./client";

export type Live = "live" | "late";

let now: Live = "late";
const listeners = new Set<() => void>();
const GATHER = 250; // ms in which events are taken together
const AGAIN = 5000; // ms until a stream that the server refused is asked for again

function become(state: Live): void {
  if (now === state) return;
  now = state;
  for (const listener of listeners) listener();
}

export function useLive(): Live {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => now,
    () => now,
  );
}

/** Seconds since the server was last heard, told anew every few seconds while there is no stream. */
export function useLateness(): number {
  const live = useLive();
  const [seconds, setSeconds] = useState(0);
  useEffect(() => {
    const tell = () => setSeconds(Math.round((Date.now() - heard()) / 1000));
    tell();
    const ticking = live === "late" ? setInterval(tell, 2000) : undefined;
    return () => clearInterval(ticking);
  }, [live]);
  return seconds;
}

const QUICK = 3000; // ms between two polls while something visible is in transition
const SLOW = 15_000;
const PATIENCE = 30_000; // ms of quick polls: what takes longer is not worth them
const moving = new WeakMap<object, number>(); // since when what a query shows is in transition

/** How often to poll, in ms: not at all while the stream lives, quickly while something visible is in transition. */
export function pollEvery(inTransition: boolean, query: object): number | false {
  if (now === "live") return false;
  if (!inTransition) moving.delete(query);
  else if (!moving.has(query)) moving.set(query, Date.now());
  return inTransition && Date.now() - (moving.get(query) ?? 0) < PATIENCE ? QUICK : SLOW;
}

export function follow(client: QueryClient): () => void {
  let source: EventSource | undefined;
  let gathering: ReturnType<typeof setTimeout> | undefined;
  let again: ReturnType<typeof setTimeout> | undefined;
  let cut = false; // something may have gone unheard
  const changed = () => {
    gathering ??= setTimeout(() => {
      gathering = undefined;
      void client.invalidateQueries({ queryKey: ["api"], refetchType: document.hidden ? "none" : "active" });
    }, GATHER);
  };
  const open = () => {
    source = new EventSource(`/client/events?sessionkey=${encodeURIComponent(sessionKey())}`);
    source.onopen = () => {
      if (cut) changed();
      cut = false;
      become("live");
    };
    source.onerror = () => {
      cut = true;
      become("late");
      if (source?.readyState === EventSource.CLOSED) again = setTimeout(open, AGAIN);
    };
    for (const kind of ["event", "job", "reset"]) source.addEventListener(kind, changed);
  };
  open();
  return () => {
    clearTimeout(gathering);
    clearTimeout(again);
    source?.close();
    become("late");
  };
}
