// Every refusal: what did not happen, why, what can be done.
import { lazy, Suspense, type ReactNode } from "react";
import { Unanswered, type ApiError } from "../api/client";
import { t } from "../lib/words";
import { spoken, titleOf } from "../meta/words";

const Unset = lazy(() => import("./Unset").then((part) => ({ default: part.Unset })));
const READING = /^(list|get|query)[A-Z]/;

/** A sentence of the server with parameters called as forms call them. */
export function said(message: string): string {
  return message.replace(/^Parameter ([a-z]\w*)(?=:)/, (_, name: string) => titleOf(name)).replace(/ parameter ([a-z]\w*)(?=:)/, (_, name: string) => ` ${titleOf(name).toLowerCase()}`);
}

/** The same below the field that it is about, which says what it is called. */
export function reasonOf(message: string): string {
  const reason = message.replace(/^Parameter [a-z]\w*(: | (?=is missing))/, "");
  return reason.charAt(0).toUpperCase() + reason.slice(1);
}

const FEW = 5; // reasons told at once

export function Explain({ error, title, retry, brief = false }: { error: ApiError; title?: string; retry?: () => void; brief?: boolean }): ReactNode {
  const { explain } = error;
  if (explain?.needs && READING.test(error.command)) return <Suspense><Unset error={error} needs={explain.needs} /></Suspense>;
  const why = (explain?.why ?? []).filter((one) => !error.message.endsWith(one));
  return (
    <div className="explain" role="alert" data-unread={READING.test(error.command) || undefined}>
      <h3>{title ?? t("{command} was refused", { command: spoken(error.command) })}</h3>
      {brief ? null : error.message ? <div lang={error instanceof Unanswered ? undefined : "en"}>{said(error.message)}</div> : <div>{t("The server gave no reason.")}</div>}
      {!!why.length && <ul lang="en">{why.slice(0, FEW).map((one) => <li key={one}>{one}</li>)}</ul>}
      {why.length > FEW && <details><summary>{t("{count} more", { count: why.length - FEW })}</summary><ul lang="en">{why.slice(FEW).map((one) => <li key={one}>{one}</li>)}</ul></details>}
      {!!explain?.fix?.length && (
        <div className="fix">
          <strong>{t("What helps")}</strong>
          <ul lang="en">{explain.fix.map((fix) => <li key={fix}>{fix}</li>)}</ul>
        </div>
      )}
      <footer className="row wrap">
        <span className="mono">{error.command} · {error.code || t("no answer")}{error.job ? ` · ${t("job")} ${error.job}` : ""}</span>
        {retry && <button type="button" className="chip" onClick={retry}>{t("Try again")}</button>}
      </footer>
    </div>
  );
}
