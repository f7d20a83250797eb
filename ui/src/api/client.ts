// The one way to the server: signed in by its session cookie, every failure an ApiError with the server's explanation.

import { t } from "../lib/words";

export type Row = Record<string, unknown>;
export type Params = Record<string, string | number | boolean | string[] | Record<string, string>[] | Record<string, string> | undefined>;

export interface Explanation {
  what?: string;
  why?: string[];
  fix?: string[];
  needs?: string; // the setting or the command that switches it on: nothing failed
}

export class ApiError extends Error {
  constructor(
    message: string,
    readonly command: string,
    readonly status: number,
    readonly code: number = status,
    readonly explain: Explanation | undefined = undefined,
    readonly param: string | undefined = undefined,
    readonly job: string | undefined = undefined,
  ) {
    super(message);
  }
}

/** What the console itself says of an answer that it cannot read, or did not get. */
export class Unanswered extends ApiError {}

const PATH = "/client/api";
const KEY = "sessionkey";
const SESSION_GONE = new Set([401, 511]); // 511: its second factor was not shown
const SIGNING = new Set(["login", "logout", "validateUserTwoFactorAuthenticationCode"]); // their refusals are no lost session
let lost: (() => void) | undefined;
let back: { promise: Promise<void>; resolve: () => void } | undefined; // somebody is asked to sign in again
let pending: (Me & { sessionkey: string }) | undefined; // signed in by password, and not yet let in
let answered = Date.now();

/** When the server last answered, in ms. */
export function heard(): number {
  return answered;
}

/** Called when the session is gone, so that a sign-in can be shown over the page. What was refused is sent again after it. */
export function onSessionLost(listener: (() => void) | undefined): void {
  lost = listener;
}

export function signedIn(): boolean {
  return localStorage.getItem(KEY) !== null;
}

/** Whether the link of a letter led here, which sets a new password, whoever is signed in. */
export function byLetter(): boolean {
  return location.pathname.endsWith("/user/resetPassword");
}

/** Parameters as the API writes them: lists by comma, maps as name[0].key. */
export function encode(params: Params): URLSearchParams {
  const body = new URLSearchParams();
  for (const [name, value] of Object.entries(params)) {
    if (value === undefined || value === "") continue;
    if (!Array.isArray(value)) {
      if (typeof value === "object") for (const [key, one] of Object.entries(value)) body.set(`${name}[0].${key}`, one);
      else body.set(name, String(value));
    } else if (value.every((one) => typeof one === "string")) {
      if (value.length) body.set(name, value.join(","));
    } else {
      for (const [index, map] of value.entries()) for (const [key, one] of Object.entries(map)) body.set(`${name}[${index}].${key}`, one);
    }
  }
  return body;
}

export function sessionKey(): string {
  return pending?.sessionkey ?? localStorage.getItem(KEY) ?? "";
}

/** What a command answers, without its envelope. Where the session ended, it waits for the next one. Raises ApiError. */
export async function call<T = Row>(command: string, params: Params = {}, signal?: AbortSignal): Promise<T> {
  for (;;) {
    if (back) await back.promise;
    const key = sessionKey();
    try {
      return await send<T>(command, params, signal);
    } catch (error) {
      if (!lost || !(error instanceof ApiError) || !SESSION_GONE.has(error.status) || SIGNING.has(command)) throw error;
      if (key !== sessionKey()) continue; // there is another session by now
      back ??= waiting();
      lost();
    }
  }
}

function waiting(): NonNullable<typeof back> {
  let resolve = () => {};
  return { promise: new Promise<void>((done) => { resolve = done; }), resolve: () => resolve() };
}

/** The same without waiting for anybody: what signing in itself calls. */
export async function send<T = Row>(command: string, params: Params = {}, signal?: AbortSignal): Promise<T> {
  const body = encode(params);
  body.set("command", command);
  body.set("response", "json");
  if (command !== "login") body.set("sessionkey", sessionKey());
  let response: Response;
  try {
    response = await fetch(PATH, { method: "POST", body, signal, credentials: "same-origin" });
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new Unanswered(t("The server does not answer"), command, 0);
  }
  return unwrap<T>(command, response);
}

async function unwrap<T>(command: string, response: Response): Promise<T> {
  const text = await response.text();
  let answer: Row;
  try {
    answer = Object.values(JSON.parse(text) as Row)[0] as Row;
  } catch {
    throw new Unanswered(t("The server answered {status} without saying why", { status: String(response.status) }), command, response.status);
  }
  answered = Date.now();
  if (response.ok) return answer as T;
  throw failure(command, answer, response.status);
}

export function failure(command: string, answer: Row, status: number, job?: string): ApiError {
  const text = String(answer["errortext"] ?? "");
  return new ApiError(text, command, status, Number(answer["errorcode"] ?? status), answer["explain"] as Explanation, answer["param"] as string, job);
}

export interface Page {
  rows: Row[];
  count: number;
  facets?: Record<string, Record<string, number>>;
}

/** A list command's rows and how many there are in all. */
export async function list(command: string, params: Params = {}, signal?: AbortSignal): Promise<Page> {
  const answer = await call(command, params, signal);
  const rows = Object.entries(answer).find(([name, value]) => name !== "facets" && Array.isArray(value))?.[1] as Row[] | undefined;
  return { rows: rows ?? [], count: Number(answer["count"] ?? rows?.length ?? 0), facets: answer["facets"] as Page["facets"] };
}

export interface Me {
  username: string;
  userid: string;
  account: string;
  domainid: string;
  firstname: string;
  lastname: string;
  type: string;
  is2faenabled: string;
  is2faverified: string;
  providerfor2fa?: string; // absent where it has none yet
  passwordchangerequired?: boolean;
  through?: "saml"; // an identity provider, where one signs out, too
}

/** Show the password. What else is due is in the answer; `enter` ends it. `domain` is a path such as eng/dev; whose session ended is in its domain still. */
export async function signIn(username: string, password: string, domain: string): Promise<Me> {
  const before = me();
  const same = back !== undefined && !domain && before?.username === username;
  pending = undefined;
  pending = await send<Me & { sessionkey: string }>("login", { username, password, ...(same ? { domainid: before?.domainid } : { domain: domain || "/" }) });
  return pending;
}

/** The same for a session that the server opened by what another vouched for. */
export function adopt(told: Me & { sessionkey: string }): Me {
  pending = told;
  return told;
}

/** All that was due was shown: the session is kept, and what waited for it goes on. Answers whether the user is who it was. */
export function enter(): boolean {
  if (!pending) throw new Error("Nobody showed a password");
  const { sessionkey, ...now } = pending;
  const before = me();
  localStorage.setItem(KEY, sessionkey);
  localStorage.setItem("me", JSON.stringify(now));
  pending = undefined;
  const same = before === undefined || before.userid === now.userid;
  if (same) {
    back?.resolve();
    back = undefined;
  }
  return same;
}

export function me(): Me | undefined {
  const kept = localStorage.getItem("me");
  return kept ? (JSON.parse(kept) as Me) : undefined;
}

/** End the session, and leave the page. Who came through an identity provider signs out there, too, and is sent back by it. */
export async function signOut(): Promise<void> {
  const there = me()?.through === "saml";
  try {
    if (!there) await send("logout");
  } finally {
    forget();
    location.assign(there ? `${PATH}?command=samlSlo&response=json` : "/client/");
  }
}

/** Nobody is signed in any more in this browser. */
export function forget(): void {
  for (const kept of [KEY, "me", "catalogue"]) localStorage.removeItem(kept);
}
