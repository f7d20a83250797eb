import type { ReactNode } from "react";
import { call } from "../api/client";
import { useQuery } from "@tanstack/react-query";
import { t } from "../lib/words";
import { Title } from "../ui/Title";

const PARTS: [string, string][] = [["React, TanStack Query, Router and Virtual, Mantine, Tabler icons, uqr", "MIT"], ["noVNC", "MPL-2.0, its files unchanged"], ["Inter, JetBrains Mono", "SIL Open Font Licence"]];

export function About(): ReactNode {
  const known = useQuery({ queryKey: ["api", "listCapabilities"], queryFn: () => call<{ capability: Record<string, unknown> }>("listCapabilities") });
  return (
    <>
      <Title title="Cloudwright" line={t("Version {version}", { version: String(known.data?.capability["cloudstackversion"] ?? "") })} />
      <section className="card"><h2>{t("What this console is made with")}</h2><dl className="facts" style={{ marginTop: 12, gridTemplateColumns: "1fr 1fr" }}>{PARTS.map(([what, licence]) => <div key={what} style={{ display: "contents" }}><dt>{what}</dt><dd>{licence}</dd></div>)}</dl></section>
    </>
  );
}
