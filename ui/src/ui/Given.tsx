// What the server says in its own language: shown as given, and marked, so that a screen reader speaks it as English.
import type { ReactNode } from "react";
import { language } from "../lib/words";

export function Given({ children }: { children: ReactNode }): ReactNode {
  return <span lang="en">{children}</span>;
}

/** A text of the console with an explanation by the server, shown when pointed at. */
export function Hinted({ hint, children }: { hint: string | undefined; children: ReactNode }): ReactNode {
  return hint ? <span title={hint} lang="en"><span lang={language()}>{children}</span></span> : children;
}
