// Jump: pages, commands and things by name, found as one types.
import { Modal } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { useQueries } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useEffect, useMemo, useState, type KeyboardEvent, type ReactNode } from "react";
import type { Kind } from "../api/catalogue";
import { list, type Params } from "../api/client";
import { useCatalogue } from "../api/use";
import { t, word } from "../lib/words";
import { spoken } from "../meta/words";
import { metaOf } from "../meta";
import type { Entry } from "./entries";
import { Icon } from "./icons";
import { spansProjects } from "./scope";
import { nameOf } from "./values";

const SEARCHED = ["listVirtualMachines", "listVolumes", "listNetworks", "listTemplates", "listPublicIpAddresses", "listHosts", "listAccounts", "listZones"];

interface Hit {
  key: string;
  what: string;
  text: string;
  icon: string | undefined;
  go: () => void;
}

const spokenSection = (kind: Kind) => { const section = metaOf(kind.list.name)?.section; return section ? t(section) : t("Create"); };

/** The text with what was typed marked in it. */
function marked(text: string, typed: string): ReactNode {
  const at = typed.trim() ? text.toLowerCase().indexOf(typed.trim().toLowerCase()) : -1;
  const end = at + typed.trim().length;
  return at < 0 ? text : <>{text.slice(0, at)}<mark>{text.slice(at, end)}</mark>{text.slice(end)}</>;
}

export function Palette({ opened, close, entries }: { opened: boolean; close: () => void; entries: Entry[] }): ReactNode {
  const catalogue = useCatalogue();
  const navigate = useNavigate();
  const [typed, setTyped] = useState("");
  const [at, setAt] = useState(0);
  const [wanted] = useDebouncedValue(typed.trim(), 160);
  useEffect(() => { if (opened) { setTyped(""); setAt(0); } }, [opened]);
  const kinds = catalogue.kinds.filter((kind) => SEARCHED.includes(kind.list.name)).sort((a, b) => SEARCHED.indexOf(a.list.name) - SEARCHED.indexOf(b.list.name));
  const found = useQueries({
    queries: kinds.map((kind) => {
      const all: Params = kind.list.params.some((param) => param.name === "listall") ? { listall: true, ...(spansProjects(kind) && { projectid: "-1" }) } : {};
      return {
        queryKey: ["jump", kind.list.name, wanted],
        queryFn: ({ signal }: { signal: AbortSignal }) => list(kind.list.name, { ...metaOf(kind.list.name)?.params, ...all, keyword: wanted, page: 1, pagesize: 5 }, signal),
        enabled: opened && wanted.length > 1,
      };
    }),
  });
  const hits = useMemo(() => {
    const words = typed.toLowerCase().split(/\s+/).filter(Boolean);
    const fits = (text: string) => words.every((word) => text.toLowerCase().includes(word));
    const pages: Hit[] = entries.filter((entry) => fits(t(entry.title))).map((entry) => ({ key: entry.to, what: t(entry.section), icon: entry.icon, text: t(entry.title), go: () => void navigate({ to: entry.to }) }));
    const things: Hit[] = found.flatMap((query, i) => (query.data?.rows ?? []).map((row) => ({ key: String(row["id"]), what: [t(metaOf(kinds[i]?.list.name ?? "")?.one ?? ""), row["state"] && word(String(row["state"])), row["zonename"], row["ipaddress"] === nameOf(row) ? undefined : row["ipaddress"]].filter(Boolean).join(" · "), icon: metaOf(kinds[i]?.list.name ?? "")?.icon, text: nameOf(row), go: () => void navigate({ to: "/$slug/$id", params: { slug: kinds[i]?.slug ?? "", id: String(row["id"]) } }) })));
    const creates: Hit[] = words.length ? catalogue.kinds.flatMap((kind) => kind.create.map((command) => ({ kind, command }))).filter(({ command }) => fits(spoken(command.name))).slice(0, 6).map(({ kind, command }) => ({ key: command.name, what: spokenSection(kind), icon: "plus", text: spoken(command.name), go: () => void navigate({ to: "/new/$slug", params: { slug: kind.slug }, search: { command: command.name }  }) })) : [];
    return [...things, ...pages, ...creates].slice(0, 30);
  }, [typed, entries, found, kinds, catalogue, navigate]);
  const choose = (hit: Hit | undefined) => { if (hit) { close(); hit.go(); } };
  const keys = (event: KeyboardEvent) => {
    if (event.key === "ArrowDown") setAt((at + 1) % Math.max(hits.length, 1));
    else if (event.key === "ArrowUp") setAt((at - 1 + hits.length) % Math.max(hits.length, 1));
    else if (event.key === "Enter") choose(hits[at]);
    else return;
    event.preventDefault();
  };
  return (
    <Modal opened={opened} onClose={close} withCloseButton={false} padding={0} size="lg" title={t("Jump")} styles={{ header: { display: "none" } }} yOffset="12vh">
      <div onKeyDown={keys}>
        <input data-autofocus className="palette-input" role="combobox" aria-expanded aria-controls="hits" aria-activedescendant={hits[at] ? `hit-${at}` : undefined} aria-label={t("Search or jump to")} placeholder={t("Search or jump to")} value={typed} onChange={(event) => { setTyped(event.currentTarget.value); setAt(0); }} />
        <div id="hits" role="listbox" aria-label={t("Found")} className="hits">
          {hits.map((hit, i) => <div key={`${hit.what}${hit.key}`} id={`hit-${i}`} role="option" tabIndex={-1} aria-selected={i === at} onMouseMove={() => setAt(i)} onClick={() => choose(hit)}><Icon name={hit.icon} size={18} /><span><b>{marked(hit.text, typed)}</b><small>{hit.what}</small></span></div>)}
          {!hits.length && <p className="quiet" style={{ padding: 12 }}>{t("Nothing found")}</p>}
        </div>
      </div>
    </Modal>
  );
}
