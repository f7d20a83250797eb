// A list in which there is nothing: what belongs there, why one wants it, and the one action, or who can help.
import { Button } from "@mantine/core";
import type { ReactNode } from "react";
import type { Kind } from "../api/catalogue";
import type { Params } from "../api/client";
import { t } from "../lib/words";
import type { Meta } from "../meta";
import { ABOUT } from "../meta/about";
import { within } from "../meta/words";
import { IconPlus } from "../ui/iconset";

// said: where a thing's own list is empty, by the parameter that narrows it to the thing
const NONE: Record<string, string> = { managementserverid: "None is connected to this server" };

/** `create` begins to make one, as `label` says; a role that may not has none. `clear` takes away what narrows the list. */
export function Empty({ kind, meta, label, create, clear, fixed }: { kind: Kind; meta: Meta | undefined; label: string; fixed: Params; create: (() => void) | undefined; clear: (() => void) | undefined }): ReactNode {
  const what = t(meta?.title ?? kind.title);
  if (clear) return <div className="empty"><strong>{t("Nothing matches")}</strong><span>{t("There may be more of it that the search or the filters leave out.")}</span><Button variant="default" onClick={clear}>{t("Show all")}</Button></div>;
  const none = Object.keys(fixed).map((name) => NONE[name]).find((text) => text !== undefined);
  if (none) return <div className="empty"><strong>{t(none)}</strong></div>; // there may well be others
  const about = meta?.about ?? ABOUT[kind.list.name];
  return (
    <div className="empty">
      <strong>{t("No {what} yet", { what: within(what) })}</strong>
      <span>{about ? t(about) : create ? t("They stand here as soon as somebody makes one.") : t("They stand here as soon as there are some.")}</span>
      {create ? <Button onClick={create} leftSection={<IconPlus size={16} />}>{label}</Button> : meta?.create && <span className="faint">{t("Your role cannot make one; ask an administrator.")}</span>}
    </div>
  );
}
