// Texts of the console. English is the key's own text; other languages are files of translations, loaded when chosen.
import { useSyncExternalStore } from "react";

export const LANGUAGES = { en: "English", de: "Deutsch" } as const;
export type Language = keyof typeof LANGUAGES;

let chosen: Language = initial();
let texts: Record<string, string> = {};
const listeners = new Set<() => void>();

function initial(): Language {
  const kept = localStorage.getItem("language") ?? navigator.language.slice(0, 2);
  return kept in LANGUAGES ? (kept as Language) : "en";
}

export function language(): Language {
  return chosen;
}

/** The text in the reader's language, `{name}` filled in. */
export function t(text: string, values: Record<string, string | number> = {}): string {
  return (texts[text] ?? text).replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole));
}

export async function speak(wanted: Language = chosen): Promise<void> {
  texts = wanted === "en" ? {} : (await import(`./languages/${wanted}.ts`)).default;
  chosen = wanted;
  document.documentElement.lang = wanted;
  document.documentElement.dir = ["ar", "he", "fa"].includes(wanted) ? "rtl" : "ltr";
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
