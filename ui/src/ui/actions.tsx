// What can be done with a row: why not, what it is called, and the panel that asks.
import { Drawer } from "@mantine/core";
import { lazy, Suspense, useState, type ReactNode } from "react";
import { Catalogue, ends, naming, type Command, type Kind } from "../api/catalogue";
import type { Params, Row } from "../api/client";
import { useCatalogue } from "../api/use";
import { t, word } from "../lib/words";
import { spoken, titleOf } from "../meta/words";
import type { Values } from "./ActionForm";
import { Called } from "./Named";
import { Secrets, secretsOf } from "./Secrets";
import { nameOf } from "./values";

const ActionForm = lazy(() => import("./ActionForm").then((part) => ({ default: part.ActionForm })));

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

/** What the form of an update begins with: what the row says now. */
function beginning(command: Command, row: Row): Values {
  if (!command.name.startsWith("update")) return {};
  const known = Catalogue.fillable(command).filter((param) => ["string", "number", "boolean"].includes(typeof row[param.name]) && row[param.name] !== "" && param.name !== "id" && param.type !== "map");
  return Object.fromEntries(known.slice(0, 6).map((param) => [param.name, param.type === "list" ? String(row[param.name]).split(",") : row[param.name]]));
}

export interface Asked {
  command: Command;
  rows: Row[];
  initial?: Values;
  title?: string; // what it is called where it is offered
}

export function ActionPanel({ asked, kind, close: closed, fixed = {} }: { asked: Asked | undefined; kind: Kind; close: () => void; fixed?: Params }): ReactNode {
  const catalogue = useCatalogue();
  const [told, setTold] = useState<Row>();
  const close = () => { setTold(undefined); closed(); };
  const row = asked?.rows[0];
  const target = asked && row ? catalogue.target(asked.command, kind) : undefined;
  const own: Params = target && row ? target.multiple || target.name === "ids" ? { [target.name]: asked?.rows.map((one) => String(one["id"])) } : naming(asked.command, target, row) : {};
  return (
    <Drawer opened={asked !== undefined} onClose={close} position="right" size="lg" title={asked && <>{asked.title ?? spoken(asked.command.name)}{row && <> · <Called row={row} kind={kind} /></>}</>} closeButtonProps={{ "aria-label": t("Close") }}>
      {told && <Secrets answer={told} done={close} />}
      {asked && !told && (
        <div className="stack">
          {row && ends(asked.command, kind) && <p style={{ margin: 0 }} className="status warn">{t("This ends {name} and what is only its own.", { name: nameOf(row) })}</p>}
          <Suspense><ActionForm key={`${asked.command.name}${String(row?.["id"])}`} command={asked.command} submit={asked.title} fixed={{ ...fixed, ...own }} changes={row !== undefined} initial={row ? beginning(asked.command, row) : (asked.initial ?? {})} done={(answer) => (secretsOf(answer).length ? setTold(answer) : close())} /></Suspense>
        </div>
      )}
    </Drawer>
  );
}
