// The one way to the server: signed in by its session cookie, every failure an ApiError with the server's explanation.

export type Row = Record<string, unknown>;
export type Params = Record<string, string | number | boolean | string[] | Record<string, string>[] | Record<string, string> | undefined>;

export interface Explanation {
  what?: string;
  why?: string[];
  fix?: string[];
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

const PATH = "/client/api";
const KEY = "sessionkey";
const SESSION_GONE = new Set([401, 511]); // 511: its second factor was not shown
let lost: (() => void) | undefined;
let answered = Date.now();

/** When the server last answered, in ms. */
export function heard(): number {
  return answered;
}

/** Called when the session is gone, so that a sign-in can be shown over the page. */
export function onSessionLost(listener: () => void): void {
  lost = listener;
}

export function signedIn(): boolean {
  return localStorage.getItem(KEY) !== null;
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
  return localStorage.getItem(KEY) ?? "";
}

/** What a command answers, without its envelope. Raises ApiError. */
export async function call<T = Row>(command: string, params: Params = {}, signal?: AbortSignal): Promise<T> {
  const body = encode(params);
  body.set("command", command);
  body.set("response", "json");
  if (command !== "login") body.set("sessionkey", sessionKey());
  let response: Response;
  try {
    response = await fetch(PATH, { method: "POST", body, signal, credentials: "same-origin" });
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new ApiError("The server does not answer", command, 0);
  }
  return unwrap<T>(command, response);
}

async function unwrap<T>(command: string, response: Response): Promise<T> {
  const text = await response.text();
  let answer: Row;
  try {
    answer = Object.values(JSON.parse(text) as Row)[0] as Row;
  } catch {
    throw new ApiError(`The server answered ${response.status} without saying why`, command, response.status);
  }
  answered = Date.now();
  if (response.ok) return answer as T;
  if (SESSION_GONE.has(response.status) && command !== "login" && command !== "logout") lost?.();
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
}

export async function signIn(username: string, password: string, domain: string): Promise<Me> {
  const answer = await call<Me & { sessionkey: string }>("login", { username, password, domain: domain || "/" });
  localStorage.setItem(KEY, answer.sessionkey);
  const { sessionkey: _, ...me } = answer;
  localStorage.setItem("me", JSON.stringify(me));
  return me;
}

export function me(): Me | undefined {
  const kept = localStorage.getItem("me");
  return kept ? (JSON.parse(kept) as Me) : undefined;
}

export async function signOut(): Promise<void> {
  try {
    await call("logout");
  } finally {
    localStorage.removeItem(KEY);
    localStorage.removeItem("me");
    localStorage.removeItem("catalogue");
  }
}
