// The panel at the side that asks for what a command needs, and says what it ends.
import { Drawer } from "@mantine/core";
import { useEffect, useState, type ReactNode } from "react";
import { Catalogue, ends, naming, type Command } from "../api/catalogue";
import type { Params, Row } from "../api/client";
import { useCatalogue } from "../api/use";
import { t } from "../lib/words";
import { spoken } from "../meta/words";
import type { PanelProps } from "./actions";
import { ActionForm, type Values } from "./ActionForm";
import { Called } from "./Named";
import { Secrets, secretsOf } from "./Secrets";
import { nameOf } from "./values";

/** What the form of an update begins with: what the row says now. */
function beginning(command: Command, row: Row): Values {
  if (!command.name.startsWith("update")) return {};
  const known = Catalogue.fillable(command).filter((param) => ["string", "number", "boolean"].includes(typeof row[param.name]) && row[param.name] !== "" && param.name !== "id" && param.type !== "map");
  return Object.fromEntries(known.slice(0, 6).map((param) => [param.name, param.type === "list" ? String(row[param.name]).split(",") : row[param.name]]));
}

export default function Panel({ asked, kind, close: closed, fixed = {} }: PanelProps): ReactNode {
  const [shown, show] = useState(false);
  useEffect(() => show(asked !== undefined), [asked]); // opened after it is there, so that it knows where the focus returns to
  const catalogue = useCatalogue();
  const [told, setTold] = useState<Row>();
  const close = () => { setTold(undefined); closed(); };
  const row = asked?.rows[0];
  const target = asked && row ? catalogue.target(asked.command, kind) : undefined;
  const own: Params = target && row ? target.multiple || target.name === "ids" ? { [target.name]: asked?.rows.map((one) => String(one["id"])) } : naming(asked.command, target, row) : {};
  return (
    <Drawer opened={shown && asked !== undefined} onClose={close} position="right" size="lg" title={asked && <>{asked.title ?? spoken(asked.command.name)}{row && <> · <Called row={row} kind={kind} /></>}</>} closeButtonProps={{ "aria-label": t("Close") }}>
      {told && <Secrets answer={told} done={close} />}
      {asked && !told && (
        <div className="stack">
          {row && ends(asked.command, kind) && <p style={{ margin: 0 }} className="status warn">{t("This ends {name} and what is only its own.", { name: nameOf(row) })}</p>}
          <ActionForm key={`${asked.command.name}${String(row?.["id"])}`} command={asked.command} submit={asked.title} fixed={{ ...fixed, ...own }} changes={row !== undefined} initial={row ? beginning(asked.command, row) : (asked.initial ?? {})} done={(answer) => (secretsOf(answer).length ? setTold(answer) : close())} />
        </div>
      )}
    </Drawer>
  );
}
