// Signing in by what another vouches for: providers of OAuth and OpenID Connect, identity providers of SAML.
import { adopt, failure, forget, send, type Me, type Row } from "./client";

export interface Way {
  key: string;
  name: string;
  go: (domain: string) => void;
}

/** What is kept in this tab while its user is at a provider: where to go on, and what OAuth wants to hear again. */
interface Away {
  at: string;
  provider?: string;
  domain?: string;
}

const AWAY = "away";

function leave(params: Record<string, string>, more: Partial<Away> = {}): void {
  forget();
  sessionStorage.setItem(AWAY, JSON.stringify({ ...more, at: location.pathname + location.search } satisfies Away));
  location.assign(`/client/api?${new URLSearchParams({ ...params, response: "json" }).toString()}`);
}

function oauth(row: Row): Way {
  const own = String(row["domainpath"] ?? "").replace(/^ROOT\/?/, "");
  const provider = String(row["provider"]);
  const go = (typed: string) => {
    const domain = `/${(row["domainid"] ? own : typed).replace(/^\//, "")}`;
    leave({ command: "oauthlogin", provider, domain }, { provider, domain });
  };
  return { key: String(row["id"]), name: String(row["description"] || provider), go };
}

const saml = (row: Row): Way => ({ key: String(row["id"]), name: String(row["orgName"] || row["id"]), go: () => leave({ command: "samlSso", idpid: String(row["id"]) }) });

/** Whether the server told, with the page, that there is such a way in: `oauth`, `saml`, or a letter where a password was `forgotten`. */
export function open(way: "oauth" | "saml" | "forgotten"): boolean {
  return document.querySelector<HTMLMetaElement>("meta[name=ways-in]")?.content.split(" ").includes(way) ?? false;
}

/** The providers one may sign in through. One that cannot be asked about is none. */
export async function ways(): Promise<Way[]> {
  const asked = async (command: string, made: (row: Row) => Way) => Object.values(await send(command).catch(() => ({}))).filter(Array.isArray).flat().map((row: Row) => made(row));
  return (await Promise.all([open("oauth") ? asked("listOauthProvider", oauth) : [], open("saml") ? asked("listIdps", saml) : []])).flat();
}

/** What a cookie says; those of other programs on this host are written in their own ways. */
function plain(value: string): string {
  try {
    return decodeURIComponent(value);
  } catch {
    return value;
  }
}

/** Who comes back from a provider, signed in by what it vouched for; undefined for everybody else. Raises ApiError. */
export async function arrived(): Promise<Me | undefined> {
  const told = new URLSearchParams(location.search);
  const away = JSON.parse(sessionStorage.getItem(AWAY) ?? "null") as Away | null;
  const cookies = Object.fromEntries(document.cookie.split("; ").map((one) => [one.slice(0, one.indexOf("=")), plain(one.slice(one.indexOf("=") + 1))]));
  const [secretcode, state, refused] = [told.get("code"), told.get("state"), cookies["refused"]];
  const signed = cookies["sessionkey"] && cookies["userid"];
  const answer = away?.provider && secretcode && state ? { provider: away.provider, domain: away.domain, secretcode, state } : undefined;
  if (!refused && !signed && !answer) return undefined;
  sessionStorage.removeItem(AWAY);
  if (away) history.replaceState(null, "", away.at);
  if (refused) {
    document.cookie = "refused=;Path=/client;Max-Age=0";
    const why = JSON.parse(refused) as Row;
    throw failure(String(why["command"]), why, Number(why["errorcode"]));
  }
  return adopt(answer ? await send<Me & { sessionkey: string }>("oauthlogin", answer) : ({ ...cookies, through: "saml" } as Me & { sessionkey: string; through: "saml" }));
}
