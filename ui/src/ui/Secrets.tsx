// What a command tells once and never again: shown with a way to copy it, until the reader says it is kept.
import { Button } from "@mantine/core";
import type { ReactNode } from "react";
import type { Row } from "../api/client";
import { t } from "../lib/words";
import { titleOf } from "../meta/words";
import { Copy } from "./values";

const ONCE = /^(password|secretkey|privatekey|secretcode|apikey|enrolcommand)$/;
const HAS_SECRET = /^(password|secretkey|privatekey|secretcode|enrolcommand)$/;

/** The secrets an answer carries, by field name; empty when it carries none. An API key alone is no secret. */
export function secretsOf(answer: Row): [string, string][] {
  const rows = [answer, ...Object.values(answer).flatMap((value) => (Array.isArray(value) ? value : [value]))].filter((value): value is Row => typeof value === "object" && value !== null);
  const found = rows.flatMap((row) => Object.entries(row)).filter((entry): entry is [string, string] => ONCE.test(entry[0]) && typeof entry[1] === "string" && entry[1] !== "");
  return found.some(([name]) => HAS_SECRET.test(name)) ? [...new Map(found)] : [];
}

export function Secrets({ answer, done }: { answer: Row; done: () => void }): ReactNode {
  return (
    <div className="stack" role="group" aria-label={t("Shown once")}>
      <p className="status warn" style={{ margin: 0, whiteSpace: "normal" }}>{t("This is shown once. Keep it before you close this.")}</p>
      {secretsOf(answer).map(([name, text]) => (
        <div key={name}>
          <div className="row"><b className="grow">{titleOf(name)}</b><Copy text={text} /></div>
          <pre className="mono" tabIndex={0} style={{ whiteSpace: "pre-wrap", overflowWrap: "anywhere", margin: "4px 0 0", maxHeight: 320, overflow: "auto" }}>{text}</pre>
        </div>
      ))}
      <div><Button onClick={done}>{t("I have kept it")}</Button></div>
    </div>
  );
}
