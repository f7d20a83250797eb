// What needs me, what I have, what happened. One call a tile; the events are read back until there are enough worth telling.
import { Button } from "@mantine/core";
import { useQuery, type UseQueryResult } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import type { ReactNode } from "react";
import type { Catalogue } from "../api/catalogue";
import { list, me, type ApiError, type Row } from "../api/client";
import { pollEvery, useLive } from "../api/live";
import { useCatalogue, useList } from "../api/use";
import { bytes, number } from "../lib/format";
import { t, word, whole } from "../lib/words";
import { Icon } from "../ui/icons";
import { IconAlertTriangle, IconCircleCheck, IconCircleX, IconClock, IconPlus } from "../ui/iconset";
import { Meter } from "../ui/Meter";
import { Title } from "../ui/Title";
import { Age, nameOf, Status, tone } from "../ui/values";
import { CapacityTiles } from "./CapacityTiles";

const GIB = 1024 ** 3;
// said: what an owner may have
const LIMITS: [string, string, number?][] = [["vm", "Instances"], ["cpu", "CPUs"], ["memory", "Memory", 1024 ** 2], ["volume", "Volumes"], ["primarystorage", "Primary storage", GIB], ["ip", "Public IPs"], ["network", "Networks"], ["template", "Images"]];

function Limits(): ReactNode {
  const own = useList("listAccounts", { domainid: me()?.domainid, name: me()?.account });
  const row = own.data?.rows[0];
  const known = row ? LIMITS.filter(([name]) => row[`${name}total`] !== undefined) : [];
  if (!row || !known.length) return null;
  return (
    <section className="card">
      <h2><Link className="plain" to="/limits">{t("Limits and usage")}</Link></h2>
      <p className="quiet" style={{ margin: 0 }}>{t("Of {name}", { name: String(row["name"]) })}</p>
      <div className="stack" style={{ marginTop: 14 }}>
        {known.map(([name, title, unit]) => {
          const limit = Number(row[`${name}limit`]);
          return <Meter key={name} title={t(title)} used={Number(row[`${name}total`])} total={Number.isFinite(limit) && limit >= 0 ? limit : undefined} show={(value) => (unit ? bytes(value * unit) : number(value))} />;
        })}
      </div>
    </section>
  );
}

const MARKS: [RegExp, typeof IconClock, string][] = [[/^ERROR$/, IconCircleX, "bad"], [/^WARN$/, IconAlertTriangle, "warn"], [/^(Started|Scheduled|Created)$/, IconClock, "busy"]];

const BLOCK = 100;
const BLOCKS = 3; // of events read for the few that are told, at most
const worth = (row: Row) => row["level"] !== "INFO" || (row["state"] === "Completed" && !String(row["type"]).startsWith("USER.LOG"));

/** The latest events worth a line: what ended, and what went wrong; who came and went only where there is nothing else. */
export function useLatest(count: number, enabled: boolean): UseQueryResult<Row[], ApiError> {
  useLive(); // how often to poll follows from it
  return useQuery<Row[], ApiError>({
    queryKey: ["api", "listEvents", "latest", count],
    queryFn: async ({ signal }) => {
      const read: Row[] = [];
      for (let page = 1; page <= BLOCKS && read.length === (page - 1) * BLOCK && read.filter(worth).length < count; page += 1) read.push(...(await list("listEvents", { listall: true, page, pagesize: BLOCK }, signal)).rows);
      const told = read.filter(worth);
      return (told.length ? told : read).slice(0, count);
    },
    enabled,
    refetchInterval: (query) => pollEvery(false, query),
  });
}

export function EventFeed({ rows, to }: { rows: Row[]; to: string }): ReactNode {
  return (
    <ul className="feed">
      {rows.map((row) => {
        const [, Mark, colour] = MARKS.find(([words]) => words.test(String(row["level"])) || words.test(String(row["state"]))) ?? [/./, IconCircleCheck, "ok"];
        return (
          <li key={String(row["id"])}>
            <Mark size={17} color={`var(--${colour})`} aria-hidden />
            <span className="grow"><span className="visually-hidden">{word(String(row["level"] ?? ""))} </span><Link className="plain" lang="en" to="/$slug/$id" params={{ slug: to, id: String(row["id"]) }}>{whole(String(row["description"]))}</Link>{row["username"] !== undefined && <small>{String(row["username"])}</small>}</span>
            <Age at={String(row["created"])} />
          </li>
        );
      })}
    </ul>
  );
}

function States({ states, count }: { states: Record<string, number>; count: number }): ReactNode {
  const sorted = Object.entries(states).sort(([, one], [, two]) => two - one);
  return (
    <section className="card figure">
      <h2><Icon name="server" /><Link className="plain" to="/$slug" params={{ slug: "instances" }}>{t("Instances")}</Link></h2>
      <p><b>{number(count)}</b></p>
      <div className="meter parts" aria-hidden>{sorted.map(([state, many]) => <i key={state} className={tone(state)} style={{ flexGrow: many }} />)}</div>
      <div className="row wrap" style={{ gap: 6 }}>{sorted.map(([state, many]) => <Link className="plain" key={state} to="/$slug" params={{ slug: "instances" }} search={{ state }}><Status state={state} count={many} /></Link>)}</div>
    </section>
  );
}

// said: what one may want to begin with
const SHORTCUTS: [string, string, string, string][] = [["createNetwork", "/new/networks", "Create network", "network"], ["createVolume", "/new/volumes", "Create volume", "database"], ["registerTemplate", "/new/images", "Register image", "photo"], ["registerSSHKeyPair", "/keys", "SSH keys", "key"], ["registerUserKeys", "/profile", "API keys", "user"], ["listApis", "/reference", "API reference", "file-text"]];

function Shortcuts({ catalogue }: { catalogue: Catalogue }): ReactNode {
  return (
    <section className="card">
      <h2>{t("Shortcuts")}</h2>
      <div className="shortcuts">{SHORTCUTS.filter(([needs]) => catalogue.has(needs)).map(([, to, title, icon]) => <Link key={to} to={to} className="entry"><Icon name={icon} />{t(title)}</Link>)}</div>
    </section>
  );
}

/** What a row says of the set-up: no zone at all, or one that was begun. */
function Begin({ zones }: { zones: Row[] }): ReactNode {
  const navigate = useNavigate();
  const unready = zones.find((row) => row["allocationstate"] !== "Enabled");
  if (!zones.length) return (
    <section className="card begin"><div className="grow"><h2>{t("There is no zone yet")}</h2><p className="quiet">{t("A zone is a data centre: its networks, hosts and storage. Five steps build the first one.")}</p></div><Button onClick={() => void navigate({ to: "/setup" })}>{t("Set up the first zone")}</Button></section>
  );
  return unready && (
    <section className="card begin"><div className="grow"><h2>{t("{name} is not enabled yet", { name: nameOf(unready) })}</h2><p className="quiet">{t("No instance runs in it before it is enabled. Its set-up goes on where it was left.")}</p></div><Button variant="default" onClick={() => void navigate({ to: "/setup", search: { zone: String(unready["id"]) } as never })}>{t("Go on with the set-up")}</Button></section>
  );
}

export function Home(): ReactNode {
  const catalogue = useCatalogue();
  const navigate = useNavigate();
  const operator = catalogue.has("listCapacity") && catalogue.has("listHosts");
  const machines = useList("listVirtualMachines", { listall: true, projectid: "-1", page: 1, pagesize: 100, facets: "state" }, catalogue.has("listVirtualMachines"));
  const events = useLatest(8, catalogue.has("listEvents"));
  const alerts = useList("listAlerts", { page: 1, pagesize: 5 }, catalogue.has("listAlerts"));
  const zones = useList("listZones", { page: 1, pagesize: 100 }, catalogue.has("createZone"));
  const states = machines.data?.facets?.["state"] ?? Object.fromEntries([...Map.groupBy(machines.data?.rows ?? [], (row) => String(row["state"]))].map(([state, rows]) => [state, rows.length]));
  const bad = (machines.data?.rows ?? []).filter((row) => tone(String(row["state"])) === "bad");
  const attention = [
    ...bad.map((row) => ({ id: String(row["id"]), text: t("{name}: {state}", { name: String(row["name"]), state: word(String(row["state"])) }), lang: undefined, to: `/instances/${String(row["id"])}`, at: String(row["created"]) })),
    ...(alerts.data?.rows ?? []).map((row) => ({ id: String(row["id"]), text: whole(String(row["description"])), lang: "en", to: `/alerts/${String(row["id"])}`, at: String(row["sent"]) })),
  ];
  return (
    <>
      <Title title={t("Overview")} line={t("Signed in as {name}", { name: me()?.username ?? "" })}>
        {catalogue.has("deployVirtualMachine") && <Button leftSection={<IconPlus size={16} />} onClick={() => void navigate({ to: "/new/$slug", params: { slug: "instances" } })}>{t("Create instance")}</Button>}
      </Title>
      {zones.data && <Begin zones={zones.data.rows} />}
      {operator && <CapacityTiles trend />}
      <div className="two">
        <div className="stack">
          <States states={states} count={machines.data?.count ?? 0} />
          <section className="card">
            <h2><Link className="plain" to="/$slug" params={{ slug: "event-log" }}>{t("Latest events")}</Link></h2>
            {events.data && (events.data.length ? <EventFeed rows={events.data} to="event-log" /> : <p className="quiet">{t("Nothing happened yet.")}</p>)}
          </section>
        </div>
        <div className="stack">
          <section className="card">
            <h2>{t("Needs attention")}</h2>
            {attention.length ? <ul className="feed">{attention.map((one) => <li key={one.id}><IconAlertTriangle size={17} color="var(--warn)" aria-hidden /><Link className="plain grow" lang={one.lang} to={one.to}>{one.text}</Link><Age at={one.at} /></li>)}</ul> : <p className="quiet">{t("Nothing does.")}</p>}
          </section>
          {!operator && <Limits />}
          <Shortcuts catalogue={catalogue} />
        </div>
      </div>
    </>
  );
}
