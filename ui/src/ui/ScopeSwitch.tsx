// Whose resources the lists show. The choice is part of the URL.
import { Menu } from "@mantine/core";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useState, type ReactNode } from "react";
import { me } from "../api/client";
import { useCatalogue, useList } from "../api/use";
import { t } from "../lib/words";
import { IconChevronRight } from "./iconset";
import { nameOf } from "./values";

export function ScopeSwitch(): ReactNode {
  const catalogue = useCatalogue();
  const navigate = useNavigate();
  const { scope } = useSearch({ strict: false }) as { scope?: string };
  const [opened, setOpened] = useState(false);
  const projects = useList("listProjects", { listall: true, page: 1, pagesize: 50 }, catalogue.has("listProjects") && (opened || scope?.startsWith("project:") === true));
  const domains = useList("listDomains", { listall: true, page: 1, pagesize: 50 }, catalogue.has("listDomains") && (opened || scope?.startsWith("domain:") === true));
  const who = me();
  const choose = (next: string | undefined) => void navigate({ to: ".", search: ((old: Record<string, string>) => ({ ...old, scope: next }))  });
  const id = scope?.split(":")[1];
  const named = [...(projects.data?.rows ?? []), ...(domains.data?.rows ?? [])].find((row) => row["id"] === id);
  const title = scope === "mine" ? t("Mine") : named ? nameOf(named) : t("Everything");
  return (
    <Menu opened={opened} onChange={setOpened} position="bottom-start" width={230}>
      <Menu.Target>
        <button type="button" className="whose">
          <img src="/client/mark.svg" width={28} height={28} alt="" />
          <span className="grow"><span className="visually-hidden">{t("Whose resources are shown:")} </span><b>{title}</b><br /><small className="quiet">{who?.account}</small></span><IconChevronRight size={15} aria-hidden />
        </button>
      </Menu.Target>
      <Menu.Dropdown mah={420} style={{ overflowY: "auto" }}>
        <Menu.Item onClick={() => choose(undefined)}>{t("Everything I may see")}</Menu.Item>
        <Menu.Item onClick={() => choose("mine")}>{t("Only my account's")}</Menu.Item>
        {!!projects.data?.rows.length && <Menu.Label>{t("Projects")}</Menu.Label>}
        {projects.data?.rows.map((row) => <Menu.Item key={String(row["id"])} onClick={() => choose(`project:${String(row["id"])}`)}>{nameOf(row)}</Menu.Item>)}
        {!!domains.data?.rows.length && <Menu.Label>{t("Domains")}</Menu.Label>}
        {domains.data?.rows.map((row) => <Menu.Item key={String(row["id"])} onClick={() => choose(`domain:${String(row["id"])}`)}>{String(row["path"] ?? nameOf(row))}</Menu.Item>)}
      </Menu.Dropdown>
    </Menu>
  );
}
