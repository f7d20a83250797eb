// Who vouches for users besides this cloud: directories (LDAP), SAML identity providers, OAuth providers.
import { Button, TextInput } from "@mantine/core";
import { useState, type FormEvent, type ReactNode } from "react";
import { list, type ApiError, type Row } from "../api/client";
import { useMutation } from "@tanstack/react-query";
import { useCatalogue, useList } from "../api/use";
import { t } from "../lib/words";
import { Explain } from "../ui/Explain";
import { Title } from "../ui/Title";
import { Link } from "@tanstack/react-router";
import { useSaml } from "./saml";
import { Status } from "../ui/values";
import { Part } from "./detail/Part";
import "./detail/detail.css";

function TestSearch(): ReactNode {
  const [query, setQuery] = useState("");
  const run = useMutation<Row[], ApiError>({ mutationFn: async () => (await list("searchLdap", { query })).rows });
  const go = (event: FormEvent) => { event.preventDefault(); run.mutate(); };
  return (
    <section className="card stack">
      <h2>{t("Try a search")}</h2>
      <form className="inline-form" onSubmit={go}><TextInput label={t("Part of a name")} required value={query} onChange={(event) => setQuery(event.currentTarget.value)} /><Button type="submit" variant="default" loading={run.isPending}>{t("Search the directory")}</Button></form>
      {run.error && <Explain error={run.error} title={t("The directory was not searched")} />}
      {run.data && !run.data.length && <p className="quiet" style={{ margin: 0 }}>{t("It answers, and knows nobody of this name below its search base.")}</p>}
      {!!run.data?.length && <div className="scroll" tabIndex={0} role="region" aria-label={t("Found")}><table className="plain"><thead><tr><th>{t("User")}</th><th>{t("Name")}</th><th>{t("Email")}</th><th>{t("Known as")}</th></tr></thead><tbody>{run.data.map((one) => <tr key={String(one["principal"])}><td>{String(one["username"])}</td><td>{[one["firstname"], one["lastname"]].filter(Boolean).join(" ")}</td><td>{[one["email"]].flat().join(", ")}</td><td className="quiet">{String(one["conflictingusersource"] ?? t("not yet a user"))}</td></tr>)}</tbody></table></div>}
    </section>
  );
}

function Providers(): ReactNode {
  const catalogue = useCatalogue();
  const on = useSaml();
  const found = useList("listIdps", {}, on);
  if (!catalogue.has("listIdps")) return null;
  return (
    <section className="card">
      <h2 className="part">{t("SAML identity providers")}</h2>
      {found.error && <Explain error={found.error as ApiError} title={t("The providers could not be read")} />}
      {!found.data?.rows.length && <p className="quiet" style={{ margin: 0 }}>{on ? t("None. The settings saml2.* name the provider's metadata.") : t("Nobody signs in through SAML: saml2.enabled is false.")}<br /><Link to="/settings" search={{ keyword: "saml2" } as never} style={{ textDecoration: "underline" }}>{t("Settings of SAML")}</Link></p>}
      {!!found.data?.rows.length && <table className="plain"><thead><tr><th>{t("Provider")}</th><th>{t("Name")}</th><th>{t("Address")}</th></tr></thead><tbody>{found.data.rows.map((one) => <tr key={String(one["id"])}><td className="mono">{String(one["id"])}</td><td>{String(one["orgName"] ?? "")}</td><td>{String(one["orgUrl"] ?? "")}</td></tr>)}</tbody></table>}
    </section>
  );
}

export function Identity(): ReactNode {
  const catalogue = useCatalogue();
  return (
    <>
      <Title title={t("Identity")} line={t("Who vouches for users besides this cloud")} />
      <div className="halves">
        <div className="stack">
          <Part title={t("Directories (LDAP)")} list="listLdapConfigurations" params={{ listall: true }} linked={false} columns={["hostname", "port", "domainid"]} empty={t("None. With a directory, people sign in by the password they already have.")} adds={[{ command: "addLdapConfiguration", label: t("Add server"), initial: { port: 389 } }, { command: "linkDomainToLdap", label: t("Link a domain") }, { command: "importLdapUsers", label: t("Import users") }]} />
          {catalogue.has("searchLdap") && <TestSearch />}
        </div>
        <div className="stack">
          <Part title={t("OAuth providers")} list="listOauthProvider" params={{}} linked={false} columns={["provider", "description", "clientid", "domain", "enabled"]} empty={t("None. A provider's button then stands on the sign-in page.")} cells={{ enabled: (one) => <Status state={one["enabled"] === true ? "enabled" : "off"} /> }} adds={[{ command: "registerOauthProvider", label: t("Add provider") }]} />
          <Providers />
        </div>
      </div>
    </>
  );
}
