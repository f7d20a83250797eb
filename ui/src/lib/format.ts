// One formatter for each kind of value. Everything is shown in the reader's language and time zone.
import { language } from "./words";

export function bytes(value: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
  let unit = 0;
  let amount = value;
  while (Math.abs(amount) >= 1024 && unit < units.length - 1) {
    amount /= 1024;
    unit += 1;
  }
  return `${number(amount, amount < 10 && unit > 0 ? 1 : 0)} ${units[unit]}`;
}

const GIB = 1024 ** 3;

/** An amount that the API writes with its unit, such as "332.80 Ghz", or "4096.00 GB (x2.0)": its GB are powers of two. */
export function measured(text: string): string | undefined {
  const [, amount, unit, times] = /^(-?\d+(?:\.\d+)?) (Ghz|GB)(?: \(x(\d+(?:\.\d+)?)\))?$/.exec(text) ?? [];
  if (amount === undefined) return undefined;
  const shown = unit === "GB" ? bytes(Number(amount) * GIB) : `${number(Number(amount), 1)} GHz`;
  return Number(times ?? 1) === 1 ? shown : `${shown} × ${number(Number(times), 1)}`;
}

export function number(value: number, digits = 0): string {
  return new Intl.NumberFormat(language(), { maximumFractionDigits: digits }).format(value);
}

/** Text as base64 of its UTF-8. */
export function encoded(text: string): string {
  return btoa(String.fromCharCode(...new TextEncoder().encode(text)));
}

/** The same back; what is no base64 of a text stays as it is. */
export function decoded(text: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(Uint8Array.from(atob(text), (one) => one.charCodeAt(0)));
  } catch {
    return text;
  }
}

export function parseDate(text: string): Date {
  return new Date(text.replace(/([+-]\d\d)(\d\d)$/, "$1:$2"));
}

export function exactly(date: Date): string {
  return new Intl.DateTimeFormat(language(), { dateStyle: "medium", timeStyle: "medium" }).format(date);
}

const STEPS: [number, Intl.RelativeTimeFormatUnit][] = [
  [60, "second"],
  [3600, "minute"],
  [86400, "hour"],
  [86400 * 60, "day"],
  [86400 * 730, "month"],
  [Infinity, "year"],
];
const SECONDS: Record<string, number> = { second: 1, minute: 60, hour: 3600, day: 86400, month: 86400 * 30.44, year: 86400 * 365.25 };

export function ago(date: Date, now = Date.now()): string {
  const seconds = (date.getTime() - now) / 1000;
  const [, unit] = STEPS.find(([limit]) => Math.abs(seconds) < limit) ?? [0, "year" as const];
  return new Intl.RelativeTimeFormat(language(), { numeric: "auto", style: "short" }).format(Math.round(seconds / (SECONDS[unit] ?? 1)), unit);
}

export function duration(seconds: number): string {
  if (seconds < 1) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 60) return `${number(seconds, 1)} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;
  return `${Math.floor(seconds / 3600)} h ${Math.round((seconds % 3600) / 60)} min`;
}

const SHORT: Record<string, string> = Object.fromEntries(["IP", "IPs", "VLAN", "VM", "VMs", "OS", "VPN", "NIC", "NICs", "API", "APIs", "URL", "ISO", "ISOs", "ACL", "VPC", "CNI", "LDAP", "SAML", "OAuth", "CPU", "CPUs", "DNS", "NAT", "ID", "IDs", "CA", "SSL", "BGP", "IOPS", "GPU", "KVM", "HA"].map((word) => [word.toLowerCase(), word]));

/** "deployVirtualMachine" -> "Deploy virtual machine"; "listSSHKeyPairs" -> "List SSH key pairs"; "listVlanIpRanges" -> "List VLAN IP ranges". */
export function sentence(name: string): string {
  const words = name.match(/[A-Z]{2,}s?(?![a-z])|[A-Z]?[a-z0-9]+/g) ?? [name];
  const text = words.map((word) => SHORT[word.toLowerCase()] ?? (/^[A-Z]{2,}/.test(word) ? word : word.toLowerCase())).join(" ");
  return text.charAt(0).toUpperCase() + text.slice(1);
}

export function kebab(name: string): string {
  return (name.match(/[A-Z]{2,}(?![a-z])|[A-Z]?[a-z0-9]+/g) ?? [name]).join("-").toLowerCase();
}
