// What is switched off or was never set up: nothing failed, so it is said calmly, with what switches it on.
import { Button } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { useState, type ReactNode } from "react";
import type { ApiError } from "../api/client";
import { useCatalogue } from "../api/use";
import { t } from "../lib/words";
import { spoken } from "../meta/words";
import { ActionPanel, type Asked } from "./actions";

export function Unset({ error, needs }: { error: ApiError; needs: string }): ReactNode {
  const catalogue = useCatalogue();
  const [asked, setAsked] = useState<Asked>();
  const command = catalogue.commands.get(needs);
  const kind = command && catalogue.kinds.find((one) => one.create.includes(command));
  const setting = needs.includes(".") && catalogue.has("updateConfiguration");
  return (
    <div className="empty" data-unread>
      <strong>{needs.includes(".") ? t("This is switched off") : t("This is not set up yet")}</strong>
      <span lang="en">{error.message}</span>
      {command && <Button onClick={() => setAsked({ command, rows: [] })}>{spoken(needs)}</Button>}
      {setting && <Link to="/settings" search={{ keyword: needs } as never}><Button component="span" variant="default">{t("Open the setting")}</Button></Link>}
      {!command && !setting && <span className="faint">{t("Your role cannot change that; ask an administrator.")}</span>}
      {kind && <ActionPanel asked={asked} kind={kind} close={() => setAsked(undefined)} />}
    </div>
  );
}
