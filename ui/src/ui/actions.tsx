// What can be done with a row: why not, what it is called, and the panel that asks.
import { lazy, Suspense, useEffect, useState, type ReactNode } from "react";
import { createPortal } from "react-dom";
import type { Command, Kind } from "../api/catalogue";
import type { Params, Row } from "../api/client";
import { t, word } from "../lib/words";
import { spoken, titleOf } from "../meta/words";
import type { Values } from "./ActionForm";

/** Why a command does not apply to a row now, by what the server declares of it; undefined when it does. The server has the last word. */
export function whyNot(command: Command, row: Row): string | undefined {
  const known = [row["state"], row["resourcestate"]].filter((state): state is string => typeof state === "string" && state !== "");
  if (command.states && known.length && !known.some((state) => command.states?.includes(state))) return t("It is {state}", { state: known.map(word).join(", ") });
  if (command.has && !row[command.has]) return t("{what}: none", { what: titleOf(command.has) });
  if (command.lacks && row[command.lacks]) return t("{what}: set already", { what: titleOf(command.lacks) });
  return undefined;
}

/** A command of a row, without saying of what: English ends with the noun, German begins with it. */
export function label(command: Command, kind: Kind): string {
  const words = spoken(command.name);
  const noun = spoken(kind.noun).toLowerCase();
  if (words.toLowerCase().startsWith(`${noun} `)) return words.charAt(noun.length + 1).toUpperCase() + words.slice(noun.length + 2);
  return words.toLowerCase().endsWith(` ${noun}`) ? words.slice(0, -noun.length - 1).replace(/ (for|to|from|of)$/, "") : words;
}

export interface Asked {
  command: Command;
  rows: Row[];
  initial?: Values;
  title?: string; // what it is called where it is offered
}

export interface PanelProps {
  asked: Asked | undefined;
  kind: Kind;
  close: () => void;
  fixed?: Params;
}

const load = () => import("./ActionPanel");
const Panel = lazy(load);

/** Asks for what a command needs; loaded, closed, when a button is first pointed at or focused, as the first of an opened menu is. */
export function ActionPanel(props: PanelProps): ReactNode {
  const [near, setNear] = useState(false);
  const { asked } = props;
  const begun = near || asked !== undefined;
  useEffect(() => {
    if (begun) return setNear(true);
    const on = (event: Event) => { if ((event.target as Element).closest("button")) void load().then(() => setNear(true), () => undefined); }; // a failure is told to who asks
    for (const kind of ["pointerover", "focusin"]) document.addEventListener(kind, on);
    return () => { for (const kind of ["pointerover", "focusin"]) document.removeEventListener(kind, on); };
  }, [begun]);
  return begun && <Suspense fallback={asked && createPortal(<Waiting title={asked.title ?? spoken(asked.command.name)} />, document.body)}><Panel {...props} /></Suspense>;
}

/** Where the panel will be, until it is loaded. */
function Waiting({ title }: { title: string }): ReactNode {
  return (
    <div className="panel stack" role="status" aria-label={t("Being read")}>
      <h2>{title}</h2>
      {[0, 1, 2].map((line) => <div key={line} className="skeleton" />)}
    </div>
  );
}
