// What can be done with a row, grouped by what it does; one menu serves a whole list: no overlay lives in a row.
import { useEffect, useLayoutEffect, useRef, useState, type CSSProperties, type KeyboardEvent, type ReactNode } from "react";
import { GROUPS, groupOf, type Command, type Group, type Kind } from "../api/catalogue";
import type { Row } from "../api/client";
import { t } from "../lib/words";
import { label, whyNot } from "./actions";
import { Hinted } from "./Given";
import { nameOf } from "./values";

// said: what actions do
const TITLES: Record<Group, string> = { state: "State", change: "Change", connect: "Connections", tell: "Questions", end: "Removal" };
const FEW = 5; // actions that need no headings
const AWAY = 8; // px from the sides of the window
const GAP = 4; // px from what it belongs to
const BORDERS = 2; // px
const LINE = 80; // px of a row at most; higher ones are cards

/** Where a menu of a height goes: below what it belongs to, or above where more room is; as high as the room. */
export function placed(beside: { top: number; bottom: number }, height: number, window: number): CSSProperties {
  const below = window - beside.bottom - GAP - AWAY;
  const above = beside.top - GAP - AWAY;
  if (height <= below || below >= above) return { top: beside.bottom + GAP, maxHeight: below };
  return { bottom: window - beside.top + GAP, maxHeight: above };
}

/** The same sideways: its end at the end of its button, or as near as the window lets it. */
function beside(anchor: DOMRect, width: number): CSSProperties {
  const end = document.dir === "rtl" ? anchor.left : window.innerWidth - anchor.right;
  return { insetInlineEnd: Math.max(AWAY, Math.min(end, window.innerWidth - width - AWAY)) };
}

function Entry({ command, kind, row, pick }: { command: Command; kind: Kind; row: Row; pick: (command: Command) => void }): ReactNode {
  const why = whyNot(command, row);
  return (
    <button type="button" role="menuitem" tabIndex={-1} aria-disabled={why !== undefined} title={why} className={groupOf(command, kind) === "end" ? "lost" : ""} onClick={() => !why && pick(command)}>
      <Hinted hint={why ? undefined : command.description}>{label(command, kind)}</Hinted>{why && <small className="faint"> · {why}</small>}
    </button>
  );
}

export function RowMenu({ row, anchor, kind, pick, close }: { row: Row; anchor: HTMLElement; kind: Kind; pick: (command: Command) => void; close: () => void }): ReactNode {
  const box = useRef<HTMLDivElement>(null);
  const [place, setPlace] = useState<CSSProperties>({ top: 0 });
  const closing = useRef(close);
  closing.current = close;
  useLayoutEffect(() => { // measured and moved before it is drawn
    const { scrollHeight, offsetWidth } = box.current as HTMLDivElement;
    const own = anchor.getBoundingClientRect();
    const line = anchor.closest("tr, [role=row]")?.getBoundingClientRect();
    setPlace({ ...placed(line && line.height < LINE ? line : own, scrollHeight + BORDERS, window.innerHeight), ...beside(own, offsetWidth) }); // its row stays in sight
  }, [anchor]);
  useEffect(() => {
    const before = document.activeElement as HTMLElement | null;
    box.current?.querySelector("button")?.focus();
    const outside = (event: MouseEvent) => { if (!box.current?.contains(event.target as Node)) closing.current(); };
    document.addEventListener("mousedown", outside);
    return () => { document.removeEventListener("mousedown", outside); before?.focus(); };
  }, []);
  const keys = (event: KeyboardEvent) => {
    const buttons = [...(box.current?.querySelectorAll<HTMLButtonElement>("button") ?? [])];
    const at = buttons.indexOf(document.activeElement as HTMLButtonElement);
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: -1 }[event.key];
    if (event.key === "Escape" || event.key === "Tab") close();
    else if (to !== undefined) buttons.at(to % buttons.length)?.focus();
    else return;
    event.preventDefault();
  };
  const groups = GROUPS.map((group) => [group, kind.actions.filter((command) => groupOf(command, kind) === group)] as const).filter(([, commands]) => commands.length);
  const headed = kind.actions.length > FEW && groups.length > 1;
  return (
    <div ref={box} role="menu" aria-label={t("Actions for {name}", { name: nameOf(row) })} onKeyDown={keys} className="card menu" style={place}>
      {groups.map(([group, commands]) => (
        <div key={group} role="group" aria-label={t(TITLES[group])}>
          {headed && <div className="heading" aria-hidden>{t(TITLES[group])}</div>}
          {commands.map((command) => <Entry key={command.name} command={command} kind={kind} row={row} pick={pick} />)}
        </div>
      ))}
    </div>
  );
}
