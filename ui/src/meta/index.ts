// What makes the important resources pleasant: words, icons, columns, first actions. A resource without an entry works, too.
import type { Row } from "../api/client";

export interface Meta {
  list: string;
  slug: string;
  title: string;
  one: string;
  section?: Section;
  icon?: string;
  about?: string; // what belongs here and why one wants it, for an empty list
  columns?: string[];
  narrow?: string; // the one column shown where there is no room for more; without it the first
  context?: (row: Row) => string | undefined; // the line below the name
  apart?: string[]; // what tells rows of one name apart, told below it where it is no column
  needs?: Record<string, Record<string, string>>; // by command: a parameter that must be given unless the other is
  badge?: (row: Row) => string | undefined; // what is before the name, as two letters
  console?: boolean; // its rows have a console to open
  create?: string; // the command behind the page's button; "" for a page of its own
  first?: string[]; // actions shown as buttons
  params?: Record<string, string>; // always sent with the list command
  facets?: boolean;
  asks?: Record<string, string[]>; // optional parameters that a command's form asks at once, not under "More"
  filters?: string[]; // parameters of the list offered beside its search
  also?: string[]; // commands on many rows at once, offered on the page
  folds?: RegExp; // fields that its page shows elsewhere
  facts?: Record<string, string[]>; // groups of fields on its page
  tabs?: string[]; // slugs of the lists beside it, in order; without it every list that can be narrowed to it
  says?: string[]; // fields that hold sentences of the server
  admin?: boolean; // listed under Operate only
}

export type Section = "Compute" | "Storage" | "Network" | "Project" | "Govern" | "Operate" | "Catalogue" | "Settings";
export const SECTIONS: Section[] = ["Compute", "Storage", "Network", "Project", "Govern", "Operate", "Catalogue", "Settings"];

const files = import.meta.glob<{ default: Meta | Meta[] }>("./resources/*.ts", { eager: true });

export const METAS: Meta[] = Object.values(files).flatMap((file) => file.default);
export const SLUGS: Record<string, string> = Object.fromEntries(METAS.map((meta) => [meta.list, meta.slug]));

export function metaOf(listCommand: string): Meta | undefined {
  return METAS.find((meta) => meta.list === listCommand);
}
