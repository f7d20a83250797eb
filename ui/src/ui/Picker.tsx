// Chooses among things that exist: searched on the server, narrowed by what was chosen before (its zone, for instance).
import { MultiSelect, Select, type OptionsFilter } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { useMemo, useState, type ReactNode } from "react";
import type { Kind, Param } from "../api/catalogue";
import type { Params } from "../api/client";
import { useCatalogue, useList } from "../api/use";
import { t } from "../lib/words";
import { metaOf } from "../meta";
import { nameOf } from "./values";

/** What the server found is shown as it is: it searched more than the labels. */
const everything: OptionsFilter = ({ options }) => options;

const NARROWING = ["zoneid", "podid", "clusterid", "networkid", "domainid", "projectid", "physicalnetworkid"];

export function pickerParams(kind: Kind, param: Param, given: Record<string, unknown>): Params {
  const takes = (name: string) => kind.list.params.some((one) => one.name === name);
  const params: Params = { ...metaOf(kind.list.name)?.params, page: 1, pagesize: 50 };
  for (const name of NARROWING) if (name !== param.name && takes(name) && typeof given[name] === "string") params[name] = given[name];
  if (takes("listall")) params["listall"] = true;
  return params;
}

export function Picker({ param, value, set, given, label, description, error, required, withAsterisk = required }: {
  param: Param; value: string | string[] | undefined; set: (value: unknown) => void; given: Record<string, unknown>;
  label: string; description: ReactNode; error?: string | undefined; required: boolean; withAsterisk?: boolean;
}): ReactNode {
  const catalogue = useCatalogue();
  const kind = catalogue.of(param.entity);
  const [typed, setTyped] = useState("");
  const [searched] = useDebouncedValue(typed, 200);
  const params = useMemo(() => (kind ? { ...pickerParams(kind, param, given), ...(searched && { keyword: searched }) } : {}), [kind, param, given, searched]);
  const found = useList(kind?.list.name ?? "", params, kind !== undefined);
  const shown = (found.data?.rows ?? []).filter((row) => typeof row["id"] === "string").map((row) => ({ value: String(row["id"]), label: nameOf(row) }));
  const all = /-1 for all/.test(param.description) ? [{ value: "-1", label: t("All") }] : [];
  const unique = [...new Map([...all, ...shown].map((one) => [one.value, one])).values()];
  const chosen = (Array.isArray(value) ? value : value ? [value] : []).filter((one) => !unique.some((other) => other.value === one));
  const data = [...unique, ...chosen.map((one) => ({ value: one, label: one }))];
  const shared = {
    label, description, error, required, withAsterisk, data, searchable: true, openOnFocus: false, clearable: !required, onSearchChange: setTyped,
    filter: searched ? everything : undefined,
    nothingFoundMessage: found.isLoading ? t("Searching…") : t("Nothing found"),
  };
  if (param.multiple) return <MultiSelect {...shared} value={(value as string[]) ?? []} onChange={set} />;
  return <Select {...shared} value={(value as string) ?? null} onChange={(one) => set(one ?? undefined)} />;
}
