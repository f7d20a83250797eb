// The request that a form will make, as other clients write it.
import { useState, type ReactNode } from "react";
import type { Command } from "../api/catalogue";
import { encode, type Params } from "../api/client";
import { t } from "../lib/words";
import { Segments } from "./Segments";
import { Copy } from "./values";

const quoted = (value: string) => (/[\s"'*]/.test(value) ? `'${value.replaceAll("'", "'\\''")}'` : value);

/** `more` adds ways of writing it, by name; `opened` shows it at once. */
export function SameRequest({ command, params, more = [], opened = false }: { command: Command; params: Params; more?: [string, string][]; opened?: boolean }): ReactNode {
  const sent = [...encode(params)];
  const ways: [string, string][] = [
    ["API", [`command=${command.name}`, ...sent.map(([name, value]) => `${name}=${value}`)].join("\n  &")],
    ["CLI", `cw ${command.name}${sent.map(([name, value]) => ` \\\n  ${name}=${quoted(value)}`).join("")}`],
    ...more,
  ];
  const [way, setWay] = useState("API");
  const text = ways.find(([name]) => name === way)?.[1] ?? "";
  return (
    <details className="request" open={opened}>
      <summary className="quiet">{t("The same request elsewhere")}</summary>
      <div className="row" style={{ margin: "8px 0" }}><Segments label={t("The same request elsewhere")} value={way} choose={setWay} options={ways.map(([name]) => [name, name])} /><span className="grow" /><Copy text={text} /></div>
      <pre className="mono" tabIndex={0}>{text}</pre>
    </details>
  );
}
