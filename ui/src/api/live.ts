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

/** How often to poll: not at all while the stream lives, fast while something visible is in transition. */
export function pollEvery(inTransition: boolean): number | false {
  if (now === "live") return false;
  return inTransition ? 3000 : 15000;
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
