// Create an instance: six short steps, every one with a proposal, the draft in the URL, and the server's own dry run telling whether it fits.
import { Button, Switch, TextInput } from "@mantine/core";
import { useDebouncedCallback } from "@mantine/hooks";
import { useMutation, useQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useEffect, useMemo, useState, type ReactNode } from "react";
import { ApiError, call, me, type Params, type Row } from "../../api/client";
import { useCatalogue, useList, usePerform } from "../../api/use";
import { bytes } from "../../lib/format";
import { t, word } from "../../lib/words";
import { Explain } from "../../ui/Explain";
import { IconArrowLeft, IconArrowRight, IconCheck } from "../../ui/iconset";
import { Meter } from "../../ui/Meter";
import { SameRequest } from "../../ui/SameRequest";
import { edges } from "../../ui/edges";
import { Title } from "../../ui/Title";
import { nameOf, sizeOf } from "../../ui/values";
import { Choice, Choices } from "./Choice";
import "./wizard.css";

interface Draft {
  step?: string;
  zone?: string;
  image?: string;
  size?: string;
  network?: string;
  key?: string;
  name?: string;
  nostart?: string;
}

// said: what each step decides
const ABOUT: Record<string, string> = { zone: "Where it runs", image: "Operating system", size: "CPU and memory", network: "How it is reached", access: "Who signs in", review: "Check and launch" };
const ALL = { page: 1, pagesize: 100 };
const proposedName = () => `vm-${Math.floor(Date.now() / 1000).toString(36).slice(-5)}`;

// said: what an instance takes of an account's limits
const TAKEN: [string, string, string | undefined][] = [["vm", "Instances", undefined], ["cpu", "CPUs", "cpunumber"], ["memory", "Memory", "memory"]];

/** What the account has of its limits, and what this instance adds. */
function Room({ row, size }: { row: Row; size: Row | undefined }): ReactNode {
  const limited = TAKEN.filter(([name]) => Number(row[`${name}limit`]) >= 0);
  return limited.map(([name, title, takes]) => <Meter key={name} title={t(title)} used={Number(row[`${name}total`])} allocated={Number(row[`${name}total`]) + (takes ? Number(size?.[takes] ?? 0) : 1)} total={Number(row[`${name}limit`])} {...(name === "memory" && { show: (value: number) => bytes(value * 1048576) })} />);
}

/** Why a size is not to be had: what is left of a limit is less. */
function beyond(row: Row | undefined, size: Row): string | undefined {
  const short = TAKEN.find(([name, , takes]) => takes && Number(row?.[`${name}limit`]) >= 0 && Number(size[takes] ?? 0) > Number(row?.[`${name}limit`]) - Number(row?.[`${name}total`]));
  if (!short || !row) return undefined;
  const [name, title] = short;
  const left = Math.max(0, Number(row[`${name}limit`]) - Number(row[`${name}total`]));
  return t("{what}: only {left} left of your limit", { what: t(title), left: name === "memory" ? bytes(left * 1048576) : String(left) });
}

export function CreateInstance(): ReactNode {
  const catalogue = useCatalogue();
  const navigate = useNavigate();
  const draft = useSearch({ strict: false }) as Draft;
  const set = (values: Draft) => void navigate({ to: ".", search: ((old: Draft) => ({ ...old, ...values })) as never, replace: true });
  const [name, setName] = useState(() => draft.name ?? proposedName()); // typing is faster than the URL, which follows it
  const keepName = useDebouncedCallback(() => set({ name }), 200);
  useEffect(() => keepName(), [name, keepName]);
  const zones = useList("listZones", { ...ALL, available: true });
  const zone = chosen(zones.data?.rows.filter((row) => row["allocationstate"] === "Enabled"), draft.zone);
  const images = useList("listTemplates", { ...ALL, templatefilter: "executable", zoneid: zone?.["id"] as string }, zone !== undefined);
  const sizes = useList("listServiceOfferings", { ...ALL, zoneid: zone?.["id"] as string }, zone !== undefined);
  const networks = useList("listNetworks", { ...ALL, zoneid: zone?.["id"] as string, canusefordeploy: true, listall: true }, zone !== undefined);
  const offerings = useList("listNetworkOfferings", { ...ALL, zoneid: zone?.["id"] as string, state: "Enabled", guestiptype: "Isolated" }, zone !== undefined && catalogue.has("createNetwork"));
  const keys = useList("listSSHKeyPairs", ALL, catalogue.has("listSSHKeyPairs"));
  const ready = (images.data?.rows ?? []).filter((row) => row["isready"] !== false);
  const image = chosen(ready, draft.image, ready.length === 1);
  const fixedSizes = (sizes.data?.rows ?? []).filter((row) => row["iscustomized"] !== true);
  const size = chosen(fixedSizes, draft.size);
  const network = draft.network === "new" ? undefined : chosen(networks.data?.rows, draft.network);
  const key = draft.key === "none" ? undefined : (keys.data?.rows.find((row) => row["name"] === draft.key) ?? (draft.key ? undefined : keys.data?.rows[0]));
  const isolated = offerings.data?.rows.find((row) => /SourceNat/.test(String(row["name"]))) ?? offerings.data?.rows[0];
  const fresh = !network && (draft.network === "new" || networks.data?.rows.length === 0);
  const own = useList("listAccounts", { domainid: me()?.domainid, name: me()?.account }).data?.rows[0];
  const run = usePerform();
  const command = catalogue.commands.get("deployVirtualMachine");
  const params: Params = useMemo(() => ({
    zoneid: zone?.["id"] as string, templateid: image?.["id"] as string, serviceofferingid: size?.["id"] as string, name,
    ...(network && { networkids: String(network["id"]) }), ...(key && { keypair: String(key["name"]) }), ...(draft.nostart && { startvm: false }),
  }), [zone, image, size, network, key, name, draft.nostart]);
  const complete = Boolean(zone && image && size && (network || (fresh && isolated)) && name);
  const fit = useQuery<Row, ApiError>({ queryKey: ["fit", params], queryFn: ({ signal }) => call("deployVirtualMachine", { ...params, dryrun: true }, signal), enabled: complete && network !== undefined });
  const steps: { id: string; title: string; said: string | undefined }[] = [
    { id: "zone", title: t("Zone"), said: zone && nameOf(zone) },
    { id: "image", title: t("Image"), said: image && nameOf(image) },
    { id: "size", title: t("Size"), said: size && sizeOf(size) },
    { id: "network", title: t("Network"), said: network ? nameOf(network) : fresh ? t("A new one") : undefined },
    { id: "access", title: t("Access"), said: key ? String(key["name"]) : t("No key") },
    { id: "review", title: t("Review"), said: complete ? t("Ready to create") : undefined },
  ];
  const at = Math.max(0, steps.findIndex((step) => step.id === (draft.step ?? (zones.data?.rows.length === 1 ? "image" : "zone"))));
  const current = steps[at]?.id ?? "zone";
  useEffect(() => { document.querySelector(".steps [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" }); }, [current]); // some browsers answer a promise, which is nothing to clean up by
  const create = async () => {
    let using = params;
    if (!network && isolated) {
      const made = await run.mutateAsync({ command: "createNetwork", params: { zoneid: String(zone?.["id"]), networkofferingid: String(isolated["id"]), name: `${name}-net`, displaytext: `${name}-net` } });
      using = { ...params, networkids: String((made["network"] as Row)["id"]) };
    }
    const answer = await call("deployVirtualMachine", using);
    void navigate({ to: "/$slug/$id", params: { slug: "instances", id: String(answer["id"]) } });
  };
  const deploy = useMutation<void, ApiError>({ mutationFn: create });
  return (
    <>
      <Title title={t("Create instance")} line={t("Six short steps. Everything but the image has a sensible default.")} />
      <div className="wizard">
        <ol className="steps" ref={edges}>
          {steps.map((step, i) => (
            <li key={step.id}>
              <button type="button" aria-current={i === at ? "step" : undefined} onClick={() => set({ step: step.id })}>
                <i className={step.said && i !== at ? "done" : ""}>{step.said && i !== at ? <IconCheck size={14} aria-hidden /> : i + 1}</i>
                <span><b>{step.title}</b><small>{step.said ?? t(ABOUT[step.id] ?? "")}</small></span>
              </button>
            </li>
          ))}
        </ol>
        <section className="card stack" aria-label={steps[at]?.title}>
          {current === "zone" && <Choices title={t("Where should it run?")} about={t("A zone is one data centre. Networks and images belong to a zone.")} loading={zones.isPending} empty={t("There is no zone that you may use. An administrator makes one.")}>{zones.data?.rows.map((row) => <Choice key={String(row["id"])} title={nameOf(row)} icon="map-pin" about={String(row["description"] ?? word(String(row["networktype"] ?? "")))} why={row["allocationstate"] === "Enabled" ? undefined : t("Not enabled by its administrator")} on={row === zone} pick={() => set({ zone: String(row["id"]), image: undefined, network: undefined, step: "image" })} />)}</Choices>}
          {current === "image" && <Choices title={t("What should it run?")} about={t("The image its first disk is made from.")} loading={images.isPending} empty={t("No image is ready in this zone. Register one under Images.")}>{ready.map((row) => <Choice key={String(row["id"])} title={nameOf(row)} about={[row["ostypename"], bytes(Number(row["size"] ?? 0))].filter(Boolean).join(" · ")} on={row === image} pick={() => set({ image: String(row["id"]), step: "size" })} />)}</Choices>}
          {current === "size" && <Choices title={t("How big should it be?")} about={t("Processors and memory. It can be changed later.")} loading={sizes.isPending} empty={t("There is no offering that you may use.")}>{fixedSizes.map((row) => <Choice key={String(row["id"])} title={nameOf(row)} icon="cpu" about={sizeOf(row)} why={row === size ? undefined : beyond(own, row)} on={row === size} pick={() => set({ size: String(row["id"]), step: "network" })} />)}</Choices>}
          {current === "network" && (
            <Choices title={t("How is it reached?")} about={t("An isolated network is yours alone, behind a router with a public address.")} loading={networks.isPending} empty={t("There is no network that you may use.")}>
              {networks.data?.rows.map((row) => <Choice key={String(row["id"])} title={nameOf(row)} icon="network" about={`${word(String(row["type"]))} · ${String(row["cidr"] ?? "")}`} on={row === network} pick={() => set({ network: String(row["id"]), step: "access" })} />)}
              {isolated && <Choice title={t("A new isolated network")} icon="topology-star" about={String(isolated["displaytext"] ?? nameOf(isolated))} on={fresh} pick={() => set({ network: "new", step: "access" })} />}
            </Choices>
          )}
          {current === "access" && (
            <Choices title={t("Who may sign in?")} about={t("The key is put into the instance at its first start.")} loading={keys.isPending} empty="">
              {keys.data?.rows.map((row) => <Choice key={String(row["name"])} title={String(row["name"])} icon="key" about={String(row["fingerprint"] ?? "")} on={row === key} pick={() => set({ key: String(row["name"]), step: "review" })} />)}
              <Choice title={t("No key")} icon="server" about={t("Sign in by console or password, where the image allows it")} on={!key} pick={() => set({ key: "none", step: "review" })} />
            </Choices>
          )}
          {current === "review" && (
            <>
              <h2>{t("Check and create")}</h2>
              <TextInput label={t("Name")} value={name} onChange={(event) => setName(event.currentTarget.value)} required />
              <Switch label={t("Start it at once")} checked={!draft.nostart} onChange={(event) => set({ nostart: event.currentTarget.checked ? undefined : "1" })} />
              {command && <SameRequest command={command} params={params} more={[["Terraform", terraform(name, zone, image, size, network, key)]]} opened />}
              {!complete && <p className="quiet" role="status">{t("Still to choose: {what}", { what: steps.slice(0, 5).filter((step) => !step.said).map((step) => step.title).join(", ") || t("Name") })}</p>}
              {deploy.error && <Explain error={deploy.error} title={t("{name} was not created", { name })} />}
            </>
          )}
          <div className="row ways">
            <Button variant="default" leftSection={<IconArrowLeft size={16} />} disabled={at === 0} onClick={() => set({ step: steps[at - 1]?.id })}>{t("Back")}</Button>
            <span className="grow" />
            {complete && current !== "review" && <Button variant="default" onClick={() => set({ step: "review" })}>{t("Skip to review")}</Button>}
            {current === "review" ? <Button disabled={!complete} loading={deploy.isPending} onClick={() => deploy.mutate()}>{t("Create instance")}</Button> : <Button rightSection={<IconArrowRight size={16} />} disabled={!steps[at]?.said} onClick={() => set({ step: steps[at + 1]?.id })}>{t("Continue")}</Button>}
          </div>
        </section>
        <aside className="card stack" aria-label={t("Summary")}>
          <h2>{name}</h2>
          <dl className="facts">{steps.slice(0, 5).map((step) => <div key={step.id} style={{ display: "contents" }}><dt>{step.title}</dt><dd>{step.said ?? <span className="faint">{t("not chosen")}</span>}</dd></div>)}</dl>
          {complete && fit.data && <span className="status ok" role="status">{t("It fits, within your limits")}</span>}
          {complete && fit.isFetching && <span className="status busy" role="status">{t("Asking the server whether it fits")}</span>}
          {complete && fit.error && <Explain error={fit.error} title={t("It would be refused")} />}
          {own && <Room row={own} size={size} />}
          {complete && fresh && !network && <span className="quiet">{t("A network of its own is made first.")}</span>}
        </aside>
      </div>
    </>
  );
}

function chosen(rows: Row[] | undefined, id: string | undefined, propose = true): Row | undefined {
  return rows?.find((row) => row["id"] === id) ?? (propose && !id ? rows?.[0] : undefined);
}

function terraform(name: string, ...rows: (Row | undefined)[]): string {
  const [zone, image, size, network, key] = rows;
  const lines = [["name", name], ["zone", zone && nameOf(zone)], ["template", image && nameOf(image)], ["service_offering", size && nameOf(size)], ["network_id", network?.["id"]], ["keypair", key?.["name"]], ["expunge", true]];
  return `resource "cloudstack_instance" "${name.replace(/\W/g, "_")}" {\n${lines.filter(([, value]) => value !== undefined).map(([what, value]) => `  ${String(what).padEnd(16)} = ${JSON.stringify(value)}`).join("\n")}\n}`;
}
