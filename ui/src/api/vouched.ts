// Signing in by what another vouches for: providers of OAuth and OpenID Connect, identity providers of SAML.
import { adopt, forget, send, type Me, type Row } from "./client";

export interface Way {
  key: string;
  name: string;
  go: (domain: string) => void;
}

const AWAY = "away"; // what is kept in this tab while its user is at a provider
const address = (params: Record<string, string>) => `/client/api?${new URLSearchParams({ ...params, response: "json" }).toString()}`;

function leave(params: Record<string, string>): void {
  forget();
  location.assign(address(params));
}

function oauth(row: Row): Way {
  const own = String(row["domainpath"] ?? "").replace(/^ROOT\/?/, "");
  const provider = String(row["provider"]);
  const go = (typed: string) => {
    const domain = `/${(row["domainid"] ? own : typed).replace(/^\//, "")}`;
    sessionStorage.setItem(AWAY, JSON.stringify({ provider, domain }));
    leave({ command: "oauthlogin", provider, domain });
  };
  return { key: String(row["id"]), name: String(row["description"] || provider), go };
}

const saml = (row: Row): Way => ({ key: String(row["id"]), name: String(row["orgName"] || row["id"]), go: () => leave({ command: "samlSso", idpid: String(row["id"]) }) });

/** The ways in besides a password. A server that speaks of none has none. */
export async function ways(): Promise<Way[]> {
  const asked = async (command: string, made: (row: Row) => Way) => Object.values(await send(command).catch(() => ({}))).filter(Array.isArray).flat().map((row: Row) => made(row));
  return (await Promise.all([asked("listOauthProvider", oauth), asked("listIdps", saml)])).flat();
}

/** Who comes back from a provider, signed in by what it vouched for; undefined for everybody else. Raises ApiError. */
export async function arrived(): Promise<Me | undefined> {
  const told = new URLSearchParams(location.search);
  const away = JSON.parse(sessionStorage.getItem(AWAY) ?? "null") as Record<string, string> | null;
  const [secretcode, state] = [told.get("code"), told.get("state")];
  if (away && secretcode && state) {
    sessionStorage.removeItem(AWAY);
    history.replaceState(null, "", "/client/");
    return adopt(await send<Me & { sessionkey: string }>("oauthlogin", { ...away, secretcode, state }));
  }
  const cookies = Object.fromEntries(document.cookie.split("; ").map((one) => [one.slice(0, one.indexOf("=")), decodeURIComponent(one.slice(one.indexOf("=") + 1))]));
  return cookies["sessionkey"] && cookies["userid"] ? adopt(cookies as unknown as Me & { sessionkey: string }) : undefined;
}
