// Whose resources the lists show. The choice is part of the URL.
import { Menu } from "@mantine/core";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useState, type ReactNode } from "react";
import { me } from "../api/client";
import { useCatalogue, useList } from "../api/use";
import { t } from "../lib/words";
import { IconCheck, IconChevronRight } from "./iconset";
import { nameOf } from "./values";

/** What the chosen scope is called, what there is to choose from, and choosing; the choices are read once they are wanted. */
function useScope(wanted: boolean) {
  const catalogue = useCatalogue();
  const navigate = useNavigate();
  const { scope } = useSearch({ strict: false }) as { scope?: string };
  const projects = useList("listProjects", { listall: true, page: 1, pagesize: 50 }, catalogue.has("listProjects") && (wanted || scope?.startsWith("project:") === true));
  const domains = useList("listDomains", { listall: true, page: 1, pagesize: 50 }, catalogue.has("listDomains") && (wanted || scope?.startsWith("domain:") === true));
  const choose = (next: string | undefined) => void navigate({ to: ".", search: ((old: Record<string, string>) => ({ ...old, scope: next }))  });
  const id = scope?.split(":")[1];
  const named = [...(projects.data?.rows ?? []), ...(domains.data?.rows ?? [])].find((row) => row["id"] === id);
  return { scope, projects, domains, choose, title: scope === "mine" ? t("Mine") : named ? nameOf(named) : scope ? "…" : t("Everything") };
}

/** Beside a page's heading, where the sidebar is closed: what it is limited to, and the way out. */
export function ScopeMark(): ReactNode {
  const { scope, title, choose } = useScope(false);
  return scope && <button type="button" className="chip scope-mark" aria-pressed onClick={() => choose(undefined)} aria-label={t("Only {what}; show everything", { what: title })}>{title} ✕</button>;
}

export function ScopeSwitch(): ReactNode {
  const [opened, setOpened] = useState(false);
  const { scope, projects, domains, choose, title } = useScope(opened);
  const who = me();
  const mark = (one: string | undefined) => (one === scope ? { "aria-current": true, rightSection: <IconCheck size={14} aria-hidden /> } as const : {});
  return (
    <Menu opened={opened} onChange={setOpened} position="bottom-start" width={230}>
      <Menu.Target>
        <button type="button" className="whose">
          <img src="/client/mark.svg" width={28} height={28} alt="" />
          <span className="grow"><span className="visually-hidden">{t("Whose resources are shown:")} </span><b>{title}</b><br /><small className="quiet">{who?.account}</small></span><IconChevronRight size={15} aria-hidden />
        </button>
      </Menu.Target>
      <Menu.Dropdown mah={420} style={{ overflowY: "auto" }}>
        <Menu.Item {...mark(undefined)} onClick={() => choose(undefined)}>{t("Everything I may see")}</Menu.Item>
        <Menu.Item {...mark("mine")} onClick={() => choose("mine")}>{t("Only my account's")}</Menu.Item>
        {!!projects.data?.rows.length && <Menu.Label>{t("Projects")}</Menu.Label>}
        {projects.data?.rows.map((row) => <Menu.Item key={String(row["id"])} {...mark(`project:${String(row["id"])}`)} onClick={() => choose(`project:${String(row["id"])}`)}>{nameOf(row)}</Menu.Item>)}
        {!!domains.data?.rows.length && <Menu.Label>{t("Domains")}</Menu.Label>}
        {domains.data?.rows.map((row) => <Menu.Item key={String(row["id"])} {...mark(`domain:${String(row["id"])}`)} onClick={() => choose(`domain:${String(row["id"])}`)}>{String(row["path"] ?? nameOf(row))}</Menu.Item>)}
      </Menu.Dropdown>
    </Menu>
  );
}
