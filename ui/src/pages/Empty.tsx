// A list in which there is nothing: what belongs there, why one wants it, and the one action, or who can help.
import { Button } from "@mantine/core";
import type { ReactNode } from "react";
import type { Kind } from "../api/catalogue";
import { t } from "../lib/words";
import type { Meta } from "../meta";
import { ABOUT } from "../meta/about";
import { within } from "../meta/words";
import { IconPlus } from "../ui/iconset";

/** `create` begins to make one, as `label` says; a role that may not has none. `clear` takes away what narrows the list. */
export function Empty({ kind, meta, label, create, clear }: { kind: Kind; meta: Meta | undefined; label: string; create: (() => void) | undefined; clear: (() => void) | undefined }): ReactNode {
  const what = t(meta?.title ?? kind.title);
  if (clear) return <div className="empty"><strong>{t("Nothing matches")}</strong><span>{t("There may be more of it that the search or the filters leave out.")}</span><Button variant="default" onClick={clear}>{t("Show all")}</Button></div>;
  const about = meta?.about ?? ABOUT[kind.list.name];
  return (
    <div className="empty">
      <strong>{t("No {what} yet", { what: within(what) })}</strong>
      <span>{about ? t(about) : create ? t("They stand here as soon as somebody makes one.") : t("They stand here as soon as there are some.")}</span>
      {create ? <Button onClick={create} leftSection={<IconPlus size={16} />}>{label}</Button> : meta?.create && <span className="faint">{t("Your role cannot make one; ask an administrator.")}</span>}
    </div>
  );
}
