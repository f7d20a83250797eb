// What the server says in its own language: shown as given, and marked, so that a screen reader speaks it as English.
import type { ReactNode } from "react";
import { language, whole } from "../lib/words";

export function Given({ children }: { children: ReactNode }): ReactNode {
  return <span lang="en">{typeof children === "string" ? coded(children) : children}</span>;
}

/** Words between backticks are names of the API. */
function coded(text: string): ReactNode {
  return whole(text).split("`").map((part, at) => (at % 2 ? <code key={at}>{part}</code> : part));
}

/** A text of the console with an explanation by the server, shown when pointed at. */
export function Hinted({ hint, children }: { hint: string | undefined; children: ReactNode }): ReactNode {
  return hint ? <span title={hint.replaceAll("`", "")} lang="en"><span lang={language()}>{children}</span></span> : children;
}
