// The bar for chosen rows: says what each action will really do, asks once, then tells how each row went.
import { Button } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { useState, type ReactNode } from "react";
import { destructive, naming, type Command, type Kind } from "../api/catalogue";
import { ApiError, type Row } from "../api/client";
import { perform, refresh } from "../api/jobs";
import { useCatalogue } from "../api/use";
import { t } from "../lib/words";
import { metaOf } from "../meta";
import { label, whyNot } from "./actions";
import { Explain } from "./Explain";
import { nameOf } from "./values";

const AT_ONCE = 6;

export function Bulk({ kind, chosen, clear }: { kind: Kind; chosen: Map<string, Row>; clear: () => void }): ReactNode {
  const catalogue = useCatalogue();
  const client = useQueryClient();
  const [asked, setAsked] = useState<Command>();
  const [done, setDone] = useState<number>();
  const [failed, setFailed] = useState<[Row, ApiError][]>([]);
  if (!chosen.size) return null;
  const rows = [...chosen.values()];
  const first = metaOf(kind.list.name)?.first ?? [];
  const rank = (command: Command) => (first.includes(command.name) ? first.indexOf(command.name) : destructive(command) ? 99 : 50);
  const simple = kind.actions.filter((command) => !/^(get|query)[A-Z]/.test(command.name) && command.params.every((param) => !param.required || catalogue.target(command, kind)?.name === param.name)).sort((a, b) => rank(a) - rank(b));
  const able = (command: Command) => rows.filter((row) => !whyNot(command, row));
  const run = async (command: Command) => {
    const work = able(command);
    const target = catalogue.target(command, kind);
    setFailed([]);
    setDone(0);
    const next = async (): Promise<void> => {
      const row = work.shift();
      if (!row) return;
      try {
        await perform(command.name, target ? naming(command, target, row) : { id: String(row["id"]) });
      } catch (error) {
        if (error instanceof ApiError) setFailed((old) => [...old, [row, error]]);
      }
      setDone((old) => (old ?? 0) + 1);
      return next();
    };
    const total = work.length;
    await Promise.all(Array.from({ length: Math.min(AT_ONCE, total) }, next));
    setAsked(undefined);
    setDone(undefined);
    await refresh(client);
  };
  return (
    <div className="bulk" role="region" aria-label={t("Chosen rows")}>
      <strong>{t("{count} chosen", { count: rows.length })}</strong>
      {!asked && simple.filter((command) => able(command).length).slice(0, 6).map((command) => (
        <Button key={command.name} size="xs" variant="default" color={destructive(command) ? "red" : undefined} onClick={() => setAsked(command)}>{label(command, kind)} {able(command).length}</Button>
      ))}
      {asked && done === undefined && (
        <>
          <span>{t("{action} {some} of {all}?", { action: label(asked, kind), some: able(asked).length, all: rows.length })}</span>
          <Button size="xs" color={destructive(asked) ? "red.8" : undefined} onClick={() => void run(asked)}>{label(asked, kind)} {able(asked).length}</Button>
          <Button size="xs" variant="default" onClick={() => setAsked(undefined)}>{t("Do not")}</Button>
        </>
      )}
      {done !== undefined && <span role="status">{t("{done} done", { done })}</span>}
      <button type="button" className="chip" onClick={clear}>{t("Choose none")}</button>
      {failed.map(([row, error]) => <Explain key={String(row["id"])} error={error} title={nameOf(row)} />)}
    </div>
  );
}
