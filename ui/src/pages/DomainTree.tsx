// The tree of domains, each with the accounts that live in it.
import { Button, TextInput } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { useState, type ReactNode } from "react";
import type { ApiError, Params, Row } from "../api/client";
import { useCatalogue, useList } from "../api/use";
import { t } from "../lib/words";
import { ActionPanel, type Asked } from "../ui/actions";
import { Explain } from "../ui/Explain";
import { Icon } from "../ui/icons";
import { IconChevronRight } from "../ui/iconset";
import { Title } from "../ui/Title";
import { Status } from "../ui/values";
import "./tree.css";
import "./detail/detail.css";

const MOST = 500;

interface Grown { domain: Row; below: Grown[]; accounts: Row[] }

/** Domains below their parents; one whose parent may not be seen stands at the top. */
function grow(domains: Row[], accounts: Row[]): Grown[] {
  const nodes = new Map(domains.map((domain) => [String(domain["id"]), { domain, below: [], accounts: [] } as Grown]));
  for (const account of accounts) nodes.get(String(account["domainid"]))?.accounts.push(account);
  const tops: Grown[] = [];
  for (const node of nodes.values()) (nodes.get(String(node.domain["parentdomainid"] ?? ""))?.below ?? tops).push(node);
  return tops;
}

const matches = (row: Row, typed: string) => String(row["name"]).toLowerCase().includes(typed);
const holds = (node: Grown, typed: string): boolean => matches(node.domain, typed) || node.accounts.some((one) => matches(one, typed)) || node.below.some((one) => holds(one, typed));

function Branch({ node, typed, ask }: { node: Grown; typed: string; ask: (command: string, fixed: Params) => void }): ReactNode {
  const catalogue = useCatalogue();
  const [open, setOpen] = useState(true);
  const id = String(node.domain["id"]);
  const name = String(node.domain["name"]);
  const state = String(node.domain["state"] ?? "Active");
  const whole = matches(node.domain, typed);
  const parts = node.below.length + node.accounts.length > 0;
  return (
    <li>
      <div className="leaf">
        {parts ? <button type="button" className="twist" aria-expanded={open} aria-label={t("Show what is in {name}", { name })} onClick={() => setOpen(!open)}><IconChevronRight size={14} /></button> : <span className="twist" />}
        <Icon name="sitemap" size={15} /><Link to="/$slug/$id" params={{ slug: "domains", id }}><b>{name}</b></Link>
        {state !== "Active" && <Status state={state} />}
        <span className="leaf-adds">
          {catalogue.has("createDomain") && <button type="button" className="chip" aria-label={t("Add a domain below {name}", { name })} onClick={() => ask("createDomain", { parentdomainid: id })}>+ {t("Domain")}</button>}
          {catalogue.has("createAccount") && <button type="button" className="chip" aria-label={t("Add an account in {name}", { name })} onClick={() => ask("createAccount", { domainid: id })}>+ {t("Account")}</button>}
        </span>
      </div>
      {open && parts && (
        <ul>
          {node.accounts.filter((one) => !typed || whole || matches(one, typed)).map((account) => (
            <li key={String(account["id"])}><div className="leaf"><span className="twist" /><Icon name="users" size={15} /><Link to="/$slug/$id" params={{ slug: "accounts", id: String(account["id"]) }}>{String(account["name"])}</Link>{account["state"] !== "enabled" && <Status state={String(account["state"])} />}<small className="faint">{String(account["rolename"] ?? "")} · {t("{count} users", { count: (account["user"] as Row[] | undefined)?.length ?? 0 })}</small></div></li>
          ))}
          {node.below.filter((one) => !typed || whole || holds(one, typed)).map((one) => <Branch key={String(one.domain["id"])} node={one} typed={whole ? "" : typed} ask={ask} />)}
        </ul>
      )}
    </li>
  );
}

export function DomainTree(): ReactNode {
  const catalogue = useCatalogue();
  const [typed, setTyped] = useState("");
  const [asked, setAsked] = useState<Asked>();
  const [fixed, setFixed] = useState<Params>({});
  const all = { listall: true, page: 1, pagesize: MOST, details: "min" };
  const domains = useList("listDomains", all);
  const accounts = useList("listAccounts", all, catalogue.has("listAccounts"));
  const tops = grow(domains.data?.rows ?? [], accounts.data?.rows ?? []);
  const wanted = typed.trim().toLowerCase();
  const shown = tops.filter((node) => !wanted || holds(node, wanted));
  const kind = catalogue.bySlug("domains");
  const hidden = Math.max(0, (domains.data?.count ?? 0) - MOST) + Math.max(0, (accounts.data?.count ?? 0) - MOST);
  const ask = (name: string, known: Params) => {
    const command = catalogue.commands.get(name);
    if (command) { setFixed(known); setAsked({ command, rows: [] }); }
  };
  return (
    <>
      <Title title={t("Domains")} line={domains.isPending || accounts.isLoading ? " " : t("{domains} domains, {accounts} accounts", { domains: domains.data?.count ?? 0, accounts: accounts.data?.count ?? 0 })}>
        {catalogue.has("createDomain") && <Button onClick={() => ask("createDomain", {})}>{t("Create domain")}</Button>}
      </Title>
      <div className="card tree">
        <TextInput type="search" aria-label={t("Search domains and accounts")} placeholder={t("Search domains and accounts")} value={typed} onChange={(event) => setTyped(event.currentTarget.value)} maw={320} mb={8} />
        {domains.isPending && <div className="skeleton" role="status" aria-label={t("Being read")} />}
        {domains.error && <Explain error={domains.error as ApiError} title={t("The domains could not be read")} retry={() => void domains.refetch()} />}
        {wanted && !shown.length && <p className="quiet">{t("Nothing of this name.")}</p>}
        <ul>{shown.map((node) => <Branch key={String(node.domain["id"])} node={node} typed={wanted} ask={ask} />)}</ul>
        {hidden > 0 && <p className="quiet">{t("{count} more are not drawn; the lists of accounts and the search find them.", { count: hidden })}</p>}
      </div>
      {kind && <ActionPanel asked={asked} kind={kind} close={() => setAsked(undefined)} fixed={fixed} />}
    </>
  );
}
