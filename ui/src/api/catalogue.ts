// What the server offers, from `listApis`: pages, forms, pickers and menus are derived from this and nothing else.
import { kebab, sentence } from "../lib/format";
import { list, me, type Params, type Row } from "./client";

export interface Param {
  name: string;
  description: string;
  type: string;
  required: boolean;
  length: number;
  since?: string;
  entity?: string;
  enum?: string[];
  default?: string | number | boolean;
  min?: number;
  max?: number;
  secret?: boolean;
  multiple?: boolean;
  keys?: string[];
}

/** Whether what is given is shown to nobody. */
export function isSecret(param: Param): boolean {
  return param.secret === true || /password|secretkey/.test(param.name);
}

export interface Field {
  name: string;
  type: string;
  description: string;
  entity?: string;
  orders?: boolean; // the list can be ordered by it, and tell how often each value occurs
  response?: Field[];
}

export interface Command {
  name: string;
  description: string;
  isasync: boolean;
  params: Param[];
  response: Field[];
  resource?: string;
  states?: string[]; // those of its target in which it is of use
  has?: string; // the field that its target must have for that
  lacks?: string; // the field that it must not have
  event?: string; // the type of the events that tell of it
  httprequesttype: string;
}

/** A kind of page: one list command with the commands that belong to its rows. */
export interface Kind {
  slug: string;
  list: Command;
  resource: string | undefined;
  noun: string; // "VirtualMachine", as command names say it
  title: string;
  create: Command[];
  actions: Command[];
}

const LOST = /^(delete|destroy|expunge|remove|release|disassociate|revoke|archive)[A-Z]/;

export function destructive(command: Command): boolean {
  return LOST.test(command.name);
}

/** Whether a command ends the row itself: `deleteHost` does, `releaseHostReservation` and `removeNicFromVirtualMachine` take something from it. */
export function ends(command: Command, kind: Kind): boolean {
  const object = command.name.replace(/^[a-z]+/, "").toLowerCase();
  const own = (kind.resource ?? kind.noun).replaceAll("_", "").toLowerCase();
  return destructive(command) && !/[a-z]From[A-Z]/.test(command.name) && (singular(object) === own || !object.startsWith(own));
}

const STATE = /^(start|stop|reboot|restart|reconnect|recover|enable|disable|lock|activate|suspend|declare|prepare|cancel)[A-Z]/;
const TELLS = /^(get|is|query)[A-Z]/;
export const GROUPS = ["state", "change", "connect", "tell", "end"] as const;
export type Group = (typeof GROUPS)[number];

/** What kind of thing a command does to a row: what its verb says, and whether something else takes part in it. */
export function groupOf(command: Command, kind: Kind): Group {
  if (ends(command, kind)) return "end";
  if (TELLS.test(command.name)) return "tell";
  if (STATE.test(command.name)) return "state";
  const other = command.params.some((param) => param.required && param.entity && param.entity !== kind.resource && !param.entity.endsWith("offering"));
  return other || destructive(command) || command.has || command.lacks || /[a-z](To|From)[A-Z]/.test(command.name) ? "connect" : "change";
}

/** How a command names a row: by its id, or, where it takes none, by its name and whose it is. */
export function naming(command: Command, target: Param, row: Row): Params {
  if (target.name !== "name") return { [target.name]: String(row["id"]) };
  const words = ["name", ...(row["projectid"] ? ["projectid"] : ["account", "domainid"])];
  return Object.fromEntries(words.filter((word) => row[word] !== undefined && command.params.some((param) => param.name === word)).map((word) => [word, String(row[word])]));
}

const CREATES = /^(create|deploy|register|add|associate|upload|import|acquire|generate|issue)[A-Z]/;
const FRAME = new Set(["dryrun", "clienttoken", "page", "pagesize", "keyword", "listall", "isrecursive", "response"]);
const SINGULAR: [RegExp, string][] = [[/ies$/, "y"], [/(ss|x|ch)es$/, "$1"], [/s$/, ""]];

export function singular(noun: string): string {
  for (const [pattern, ending] of SINGULAR) if (pattern.test(noun)) return noun.replace(pattern, ending);
  return noun;
}

/** "GuestOsMapping" -> "GuestOsMappings"; what is plural or cannot be counted stays. */
export function plural(noun: string): string {
  return /(s|data|children|capacity|history)$/i.test(noun) ? noun : `${noun}s`;
}

/** "createVolume" -> "Volume"; "resetPasswordForVirtualMachine" -> "VirtualMachine". */
export function nounOf(command: string): string {
  const [, , rest = command] = /^([a-z]+)([A-Z].*)$/.exec(command)?.slice(0) ?? [];
  return /(?:For|To|From|Of)([A-Z].*)$/.exec(rest)?.[1] ?? rest;
}

/** An id of which a command does not say what it refers to (it takes other words, too) refers to what it does in all other commands. */
function learn(commands: Command[]): void {
  const params = commands.flatMap((command) => command.params);
  const known = new Map<string, Set<string>>();
  for (const { name, entity } of params) if (entity) known.set(name, (known.get(name) ?? new Set()).add(entity));
  for (const param of params) {
    const told = known.get(param.name);
    if (!param.entity && param.type === "uuid" && param.name !== "id" && told?.size === 1) param.entity = [...told][0];
  }
}

/** Kinds of things that answers call otherwise than lists do. */
const ALIKE: Record<string, string> = { vm: "virtualmachine", uservm: "virtualmachine", ipaddress: "publicipaddress", domainrouter: "router", physicalnetworkserviceprovider: "networkserviceprovider" };

export class Catalogue {
  readonly commands: Map<string, Command>;
  readonly kinds: Kind[] = [];
  private readonly byResource = new Map<string, Kind[]>();

  constructor(commands: Command[], private readonly slugs: Record<string, string> = {}) {
    learn(commands);
    this.commands = new Map(commands.map((command) => [command.name, command]));
    for (const command of commands) if (this.isList(command)) this.kinds.push(this.kind(command));
    for (const kind of this.kinds) if (kind.resource) this.byResource.set(kind.resource, [...(this.byResource.get(kind.resource) ?? []), kind]);
    for (const command of commands) if (!this.isList(command)) this.place(command);
    for (const kind of this.kinds) kind.actions.sort((a, b) => a.name.localeCompare(b.name));
  }

  has(command: string): boolean {
    return this.commands.has(command);
  }

  bySlug(slug: string): Kind | undefined {
    return this.kinds.find((kind) => kind.slug === slug);
  }

  /** The kind of things that an answer calls so: "UserVm", "Volume". */
  called(type: string): Kind | undefined {
    const noun = ALIKE[type.toLowerCase()] ?? type.toLowerCase();
    return this.kinds.find((kind) => kind.noun.toLowerCase() === noun);
  }

  /** The commands of which events of a type tell. */
  telling(event: string): Command[] {
    return [...this.commands.values()].filter((command) => command.event === event);
  }

  /** The page that shows things of a kind. */
  of(resource: string | undefined): Kind | undefined {
    const found = this.byResource.get(resource ?? "");
    return found?.find((kind) => kind.list.name in this.slugs) ?? found?.[0];
  }

  /** The kind whose page shows the things of this one: lists of figures, and of children, tell of things that have a list of their own. */
  home(kind: Kind): Kind {
    return /(Metrics|Children)$/.test(kind.list.name) ? (this.of(kind.resource) ?? kind) : kind;
  }

  /** The parameters a person fills in; those of paging and planning are the console's own. */
  static fillable(command: Command): Param[] {
    return command.params.filter((param) => !FRAME.has(param.name));
  }

  private isList(command: Command): boolean {
    return /^list[A-Z]/.test(command.name) && command.params.some((param) => param.name === "page");
  }

  private kind(command: Command): Kind {
    const name = command.name.slice(4);
    const noun = singular(name);
    return { slug: this.slugs[command.name] ?? kebab(name), list: command, resource: command.resource, noun, title: sentence(plural(name)), create: [], actions: [] };
  }

  private place(command: Command): void {
    const kinds = this.homes(command);
    if (CREATES.test(command.name) && !this.target(command, kinds[0])?.required) for (const kind of kinds) kind.create.push(command);
    else if (!command.name.startsWith("list")) for (const kind of kinds) if (this.target(command, kind)) kind.actions.push(command);
  }

  private homes(command: Command): Kind[] {
    const noun = singular(nounOf(command.name)).toLowerCase();
    const exact = this.kinds.filter((kind) => kind.noun.toLowerCase() === noun);
    return exact.length ? exact : (this.byResource.get(command.resource ?? "") ?? []);
  }

  /** The parameter by which a command names the row it acts on. */
  target(command: Command, kind: Kind | undefined): Param | undefined {
    const own = (param: Param) => param.entity !== undefined && param.entity === kind?.resource;
    return (
      command.params.find((param) => (param.name === "id" || param.name === "ids") && (own(param) || param.entity === undefined)) ??
      command.params.find((param) => own(param) && param.required) ??
      command.params.find((param) => own(param) && param.name === `${kind?.noun.toLowerCase()}id`) ??
      (/^delete[A-Z]/.test(command.name) ? command.params.find((param) => param.name === "name" && param.required) : undefined)
    );
  }
}

const KEPT = "catalogue";
let last: { text: string; catalogue: Catalogue } | undefined;

function made(text: string, rows: Command[], slugs: Record<string, string>): Catalogue {
  if (last?.text !== text) last = { text, catalogue: new Catalogue(rows, slugs) };
  return last.catalogue;
}

/** Asks the server what it offers this caller, and keeps the answer, so that the next visit begins at once. */
export async function loadCatalogue(slugs: Record<string, string>): Promise<Catalogue> {
  const rows = (await list("listApis")).rows as unknown as Command[];
  const text = JSON.stringify([me()?.userid, rows]);
  try {
    localStorage.setItem(KEPT, text);
  } catch {
    localStorage.removeItem(KEPT); // larger than the browser keeps
  }
  return made(text, rows, slugs);
}

/** What was kept for this user; the server is asked all the same, since roles and servers change. */
export function keptCatalogue(slugs: Record<string, string>): Catalogue | undefined {
  try {
    const text = localStorage.getItem(KEPT) ?? "[]";
    const [user, rows] = JSON.parse(text) as [string, Command[]];
    return user !== undefined && user === me()?.userid ? made(text, rows, slugs) : undefined;
  } catch {
    return undefined;
  }
}
