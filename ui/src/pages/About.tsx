import type { ReactNode } from "react";
import { call } from "../api/client";
import { useQuery } from "@tanstack/react-query";
import { t } from "../lib/words";
import { Title } from "../ui/Title";

// said: licences
const [MIT = "", MPL = "", OFL = ""] = ["MIT", "MPL-2.0, its files unchanged", "SIL Open Font Licence"];
const PARTS = [["React, TanStack Query, Router and Virtual, Mantine, Tabler icons, uqr, xterm.js", MIT], ["noVNC", MPL], ["Inter, JetBrains Mono", OFL]] as const;

export function About(): ReactNode {
  const known = useQuery({ queryKey: ["api", "listCapabilities"], queryFn: () => call<{ capability: Record<string, unknown> }>("listCapabilities") });
  return (
    <>
      <Title title="Cloudwright" line={t("Version {version}", { version: String(known.data?.capability["cloudstackversion"] ?? "") })} />
      <section className="card"><h2>{t("What this console is made with")}</h2><dl className="facts" style={{ marginTop: 12, gridTemplateColumns: "1fr 1fr" }}>{PARTS.map(([what, licence]) => <div key={what} style={{ display: "contents" }}><dt>{what}</dt><dd>{t(licence)}</dd></div>)}</dl></section>
    </>
  );
}
