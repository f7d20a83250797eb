// Every command the server lists: what it does, its parameters and fields, and a form that calls it.
import { useState, type ReactNode } from "react";
import { Link } from "@tanstack/react-router";
import { useCatalogue } from "../api/use";
import type { Row } from "../api/client";
import { t } from "../lib/words";
import { ActionForm } from "../ui/ActionForm";
import { Given } from "../ui/Given";
import { Title } from "../ui/Title";

export function ApiPage({ name }: { name: string | undefined }): ReactNode {
  const catalogue = useCatalogue();
  const [typed, setTyped] = useState("");
  const [answer, setAnswer] = useState<Row>();
  const command = name ? catalogue.commands.get(name) : undefined;
  if (command) return (
    <>
      <Title title={command.name} line={<Given>{command.description}</Given>}><Link to="/reference">{t("All commands")}</Link></Title>
      <div className="detail">
        <section className="card"><ActionForm key={command.name} command={command} told done={setAnswer} submit={t("Call")} />{answer && <pre className="mono" style={{ overflow: "auto", maxHeight: 500 }} tabIndex={0}>{JSON.stringify(answer, null, 2)}</pre>}</section>
        <section className="card scroll" tabIndex={0}><h2>{t("Fields of the answer")}</h2><table className="plain stacked"><tbody>{command.response.map((field) => <tr key={field.name}><td className="mono">{field.name}</td><td className="quiet">{field.type}</td><td><Given>{field.description}</Given></td></tr>)}</tbody></table></section>
      </div>
    </>
  );
  const shown = [...catalogue.commands.values()].filter((one) => `${one.name} ${one.description}`.toLowerCase().includes(typed.toLowerCase()));
  return (
    <>
      <Title title={t("API reference")} line={t("{count} commands that your role may call", { count: catalogue.commands.size })} />
      <div className="card"><label className="search" style={{ maxWidth: 320 }}><input type="search" aria-label={t("Search commands")} placeholder={t("Search commands")} value={typed} onChange={(event) => setTyped(event.currentTarget.value)} /></label>
        <table className="plain stacked" style={{ marginTop: 12 }}><tbody>{shown.map((one) => <tr key={one.name}><td><Link to="/reference/$command" params={{ command: one.name }} className="mono">{one.name}</Link></td><td className="quiet"><Given>{one.description}</Given></td></tr>)}</tbody></table></div>
    </>
  );
}
