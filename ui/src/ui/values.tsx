// One look for one kind of value: a state, an id, an address, a size, an age.
import { lazy, Suspense, useState, type ReactNode } from "react";
import type { Field } from "../api/catalogue";
import type { Row } from "../api/client";
import type { Job } from "../api/jobs";
import { TRANSITION, useCatalogue } from "../api/use";
import { ago, bytes, decoded, exactly, measured, number, parseDate, sentence } from "../lib/format";
import { t, word, worded } from "../lib/words";
import { limitCalled, limitShown } from "../meta/limits";
import { eventCalled, thingCalled } from "../meta/words";
import { Given } from "./Given";
import { IconCheck, IconCopy } from "./iconset";
import { Named } from "./Named";

const JobThing = lazy(() => import("./JobThing").then((part) => ({ default: part.JobThing })));

const GOOD = /^(running|up|enabled|active|ready|implemented|allocated|completed|done|yes|download complete|activated|online|setup|connected|allow)$/i;
const BAD = /^(error|failed|alert|down|disconnected|critical|removed|deny|stuck)$/i;
const WARN = /^(warn|maintenance|prepareformaintenance|undo|suspended|degraded|locked|unknown)$/i;

export function tone(state: string): "ok" | "bad" | "warn" | "busy" | "off" {
  if (TRANSITION.test(state) && state !== "Allocated") return "busy";
  return GOOD.test(state) ? "ok" : BAD.test(state) ? "bad" : WARN.test(state) ? "warn" : "off";
}

export function Status({ state, count }: { state: string; count?: number }): ReactNode {
  return <span className={`status ${tone(state)}`}>{worded(state)}{count !== undefined && <b>{number(count)}</b>}</span>;
}

const TINTS = 6;

/** Two letters in a tint of their own: what an instance runs is told apart before it is read. */
export function Badge({ text }: { text: string }): ReactNode {
  const tint = [...text.split(/[\s\d]/)[0] ?? ""].reduce((sum, letter) => (sum * 31 + letter.charCodeAt(0)) % 9973, 7) % TINTS;
  return <span className={`badge tint-${tint}`} aria-hidden>{text.replace(/[^\p{L}]/gu, "").slice(0, 2)}</span>;
}

export function Copy({ text }: { text: string }): ReactNode {
  const [done, setDone] = useState(false);
  const copy = async () => {
    await navigator.clipboard.writeText(text);
    setDone(true);
    setTimeout(() => setDone(false), 1500);
  };
  return (
    <button type="button" className="copy" onClick={copy} aria-label={t("Copy {text}", { text })} title={t("Copy")}>
      {done ? <IconCheck size={14} /> : <IconCopy size={14} />}
    </button>
  );
}

export function Age({ at }: { at: string }): ReactNode {
  const date = parseDate(at);
  return Number.isNaN(date.getTime()) ? at : <time dateTime={date.toISOString()} title={exactly(date)}>{ago(date)}</time>;
}

const BYTES = /^(size|physicalsize|virtualsize|disksize(total|used|allocated)|memory(total|used|allocated)|capacitybytes|.*bytes)$/;
const ADDRESS = /(ipaddress|cidr|cidraddress|cidrlist|gateway|netmask|macaddress|fingerprint|publicip|privateip|guestip|serviceip|startip|endip|dns\d|url|path|apikey)$/;
const ENUM = /^(scope|role|apikeyaccess|broadcastdomainrange|networkmode|redundantstate|usersource|managedstate)$/; // their values are words of the API
const COUNTED = /(speed|iops|limit|count|times)$/;

// Fields whose values are words of the API, not of whoever named something.
const WORDED = /(state|status|level|type|mode|scope|role|access|source|policy|planner|purpose|availability|action|permission|verb|category|implementor|resulttype|filter|limit|available|servicelist)$/i;
const NOUN = /^(jobinstancetype|entitytype|resourcetype)$/; // "VirtualMachine": kinds of things, as commands name them
const MEASURED = /(total|used|allocated|gb|ghz)$/; // amounts with their units
const SAID = /^(said|reason|output)$/; // sentences of the server

const GIB = 1024 ** 3;

/** A value of a field, shown as what it is; a limit is measured in what its row says. */
export function Value({ name, value, field, row }: { name: string; value: unknown; field?: Field | undefined; row?: Row | undefined }): ReactNode {
  const catalogue = useCatalogue();
  if (name === "jobinstancename" && row?.["jobinstancetype"]) return <Suspense><JobThing job={row as Job} seek={false} /></Suspense>;
  if (value === null || value === undefined || value === "") return <span className="faint">–</span>;
  if (name === "jobstatus") return <Status state={JOB_STATES[Number(value)] ?? String(value)} />;
  if (name === "state" || name === "status" || name === "allocationstate" || name === "resourcestate" || (name === "level" && typeof value === "string" && !/^\d/.test(value))) return <Status state={String(value)} />;
  if (name === "success" && typeof value === "boolean") return <Status state={value ? "done" : row?.["startdate"] && !row["enddate"] ? "Running" : "failed"} />;
  if (name === "userdata" && typeof value === "string") return <span className="mono pre">{decoded(value)}</span>;
  if (typeof value === "boolean") return value ? t("yes") : t("no");
  if (field?.type === "date" || /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d/.test(String(value))) return <Age at={String(value)} />;
  if (Array.isArray(value)) return value.every((one) => typeof one !== "object") ? value.map((one) => (WORDED.test(name) ? word(String(one)) : String(one))).join(", ") : value.every((one) => typeof (one as Row)["name"] === "string") ? value.map((one) => (name === "capability" ? t(sentence(String((one as Row)["name"]))) : name === "provider" ? word(String((one as Row)["name"])) : String((one as Row)["name"]))).join(", ") : number(value.length);
  if (typeof value === "object") return Object.entries(value).map(([key, one]) => `${key}=${one}`).join(", ") || <span className="faint">–</span>;
  if (typeof value === "number" && name === "max" && row?.["resourcetypename"]) return value < 0 ? t("no limit") : limitShown(String(row["resourcetypename"]), value);
  if (name === "resourcetypename") return limitCalled(String(value));
  if (name === "disksize" && typeof value === "number") return value ? bytes(value * GIB) : <span className="faint">–</span>; // 0: it has none of its own
  if (typeof value === "number") return BYTES.test(name) && field?.type === "long" ? bytes(value) : name === "memory" ? bytes(value * 1048576) : !Number.isInteger(value) ? number(value, 2) : COUNTED.test(name) ? number(value) : String(value);
  const kind = field?.entity ? catalogue.of(field.entity) : name === "resourceid" && row?.["resourcetype"] ? catalogue.called(String(row["resourcetype"])) : undefined;
  if (kind) return <Named kind={kind} id={String(value)} />;
  const text = String(value);
  if (/^(type|eventtype)$/.test(name) ? CODE.test(text) : text.startsWith("ALERT.")) return <EventType type={text} />;
  if (ADDRESS.test(name)) return <span className="mono">{text}</span>;
  if (/^\d+\.\d+%$/.test(text)) return `${number(Number.parseFloat(text))} %`;
  if (SAID.test(name)) return <Given>{text}</Given>;
  if (NOUN.test(name)) return thingCalled(text);
  if (MEASURED.test(name)) return measured(text) ?? text;
  if (UUID.test(text)) return <span className="mono">{text.slice(0, 8)}</span>;
  return ENUM.test(name) || (name === "name" && row && isService(row)) ? worded(text) : WORDED.test(name) ? word(text) : text.replace(/,(?=[a-z])/g, ", ").replace(/^vlan:\/\//, "");
}

/** A type of event or alert, by what it is called; beneath, as the API writes it. */
export function EventType({ type }: { type: string }): ReactNode {
  return <span className="typed" title={type}>{eventCalled(type, useCatalogue())} <small className="mono faint" lang="en">{type}</small></span>;
}

export const JOB_STATES = ["Running", "Done", "Failed", "Cancelled"]; // as `jobstatus` counts them

export function sizeOf(row: Row): string {
  const memory = Number(row["memory"] ?? 0);
  return row["cpunumber"] ? `${row["cpunumber"]} vCPU · ${bytes(memory * 1048576)}` : "–";
}

/** Processors and memory, the numbers before their units. */
export function Size({ row }: { row: Row }): ReactNode {
  const [amount, unit] = bytes(Number(row["memory"] ?? 0) * 1048576).split(" ");
  return <>{String(row["cpunumber"])} <span className="quiet">vCPU ·</span> {amount} <span className="quiet">{unit}</span></>;
}

const NAMES = ["displayname", "name", "description", "annotation", "username", "resourcetypename", "osdisplayname", "publicipaddress", "ipaddress", "fingerprint", "hostname", "provider", "traffictype", "rule", "key", "eventtype", "hypervisor", "hypervisortype", "value", "type", "cmd", "id"];
const CODE = /^[A-Z][A-Z0-9]*(\.[A-Z0-9_-]+)+$/; // such as ALERT.STORAGE: a kind of thing, not its name
const UUID = /^[0-9a-f]{8}-[0-9a-f-]{27}$/;

/** What a rule lets through: an address or a protocol with its ports. */
function ruleOf(row: Row): string | undefined {
  const [from, to] = [row["publicport"] ?? row["startport"], row["publicendport"] ?? row["endport"]];
  const lead = row["ipaddress"] ? `${String(row["ipaddress"])}:` : row["protocol"] && `${String(row["protocol"])} `;
  return lead && from ? `${lead}${String(from)}${to && String(to) !== String(from) ? `–${String(to)}` : ""}` : undefined;
}

const isService = (row: Row) => row["servicelist"] !== undefined || Array.isArray(row["provider"]); // of networks, or who gives them: named by words of the API
const isJob = (row: Row) => row["cmd"] !== undefined && row["jobid"] !== undefined;
const isSession = (row: Row) => row["virtualmachinename"] !== undefined && row["consoleendpointcreatoraddress"] !== undefined; // at an instance's screen

/** The field by which a row is called. */
export function nameField(row: Row): string | undefined {
  if (isJob(row)) return "cmd";
  if (isSession(row)) return "virtualmachinename";
  if (ruleOf(row)) return "rule";
  if (row["startip"] && !row["name"]) return "startip";
  const found = NAMES.find((name) => row[name] !== undefined && row[name] !== null && row[name] !== "" && !(name === "name" && row["description"] && CODE.test(String(row[name]))));
  return found === "id" ? (Object.keys(row).find((name) => /[a-z]name$/.test(name) && row[name]) ?? found) : found; // what is only of something is called by it
}

/** What a row is called; a range of addresses by its ends, a rule by its address and ports, a job by its command, a session at a screen by its instance and time. */
export function nameOf(row: Row): string {
  const field = nameField(row);
  const name = String(field === undefined ? "–" : (row[field] ?? ruleOf(row)));
  if (field === "startip") return row["endip"] && row["endip"] !== name ? `${name} – ${String(row["endip"])}` : name;
  if (field === "cmd") return t(sentence(name.split(".").at(-1)?.replace(/Cmd$/, "") ?? name));
  if (field === "virtualmachinename" && isSession(row)) return `${name}, ${exactly(parseDate(String(row["created"])))}`;
  if (field === "resourcetypename") return limitCalled(name);
  if (field === "traffictype" || field === "type" || (field === "name" && isService(row))) return worded(name);
  return field === "id" && UUID.test(name) ? name.slice(0, 8) : name;
}
