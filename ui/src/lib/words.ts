// Texts of the console. English is the key's own text; other languages are files of translations, loaded when chosen.
import { useSyncExternalStore } from "react";
import english, { values as plain } from "./languages/en";

export const LANGUAGES = { en: "English", de: "Deutsch" } as const;
export type Language = keyof typeof LANGUAGES;
/** A text, or one for each plural form of its `{count}`, as `Intl.PluralRules` names them. */
export type Texts = Record<string, string | Partial<Record<Intl.LDMLPluralRule, string>>>;
/** Words for values of the API, such as states: English shows nearly all as they are. */
export type Values = Record<string, string>;

const RIGHT_TO_LEFT = ["ar", "he", "fa", "ur"];

let chosen: Language = initial();
let texts: Texts = english;
let values: Values = plain;
const listeners = new Set<() => void>();

function initial(): Language {
  const kept = localStorage.getItem("language") ?? navigator.language.slice(0, 2);
  return kept in LANGUAGES ? (kept as Language) : "en";
}

export function language(): Language {
  return chosen;
}

/** The text in the reader's language, `{name}` filled in; the number `count` chooses the plural form. */
export function t(text: string, values: Record<string, string | number> = {}): string {
  const found = texts[text] ?? text;
  const count = values["count"];
  const form = typeof found === "string" ? found : (found[typeof count === "number" ? new Intl.PluralRules(chosen).select(count) : "other"] ?? found.other ?? text);
  return whole(form.replace(/\{(\w+)\}/g, (found, name: string) => {
    const value = values[name];
    return typeof value === "number" ? new Intl.NumberFormat(chosen).format(value) : (value ?? found);
  }));
}

/** A text in which no line breaks between an amount and its percent sign. */
export function whole(text: string): string {
  return text.replace(/(?<=\d) %/g, "\u00a0%");
}

/** A value of the API (a state, a kind, a step) in the reader's language; one that is not known is shown as it is. */
export function word(value: string): string {
  return values[value] ?? value.replace(/(?<=^\d+% )\w+$/, (rest) => values[rest] ?? rest); // "45% Downloaded"
}

const ACRONYMS = /^(VM|VLAN|VXLAN|GRE|NFS|RBD|KVM|CPU|DHCP|DNS|ISO|HA|IP|LVM|SNAT|DNAT|TCP|UDP|ICMP|HTTP|HTTPS|LDAP|SAML)$/;

/** A value of the API that stands by itself: "enabled" is "Enabled", "VIRTUAL_ROUTER" is "Virtual router". */
export function worded(value: string): string {
  const said = word(value);
  const calm = /^[A-Z]+(_[A-Z]+)*$/.test(said) && !ACRONYMS.test(said) ? said.toLowerCase() : said;
  const apart = /^[a-z]+(_[a-z]+)+$/.test(calm) ? calm.replaceAll("_", " ") : calm;
  return apart.charAt(0).toUpperCase() + apart.slice(1);
}

export async function speak(wanted: Language = chosen): Promise<void> {
  const other = wanted === "en" ? undefined : ((await import(`./languages/${wanted}.ts`)) as { default: Texts; values: Values });
  texts = other?.default ?? english;
  values = other?.values ?? plain;
  chosen = wanted;
  document.documentElement.lang = wanted;
  document.documentElement.dir = localStorage.getItem("direction") ?? (RIGHT_TO_LEFT.includes(wanted) ? "rtl" : "ltr");
  localStorage.setItem("language", wanted);
  for (const listener of listeners) listener();
}

/** Rerender when the language changes. */
export function useLanguage(): Language {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => chosen,
  );
}
