// What narrows a list, besides words: chosen values are in the URL.
import { Select, Switch, TextInput } from "@mantine/core";
import type { ReactNode } from "react";
import type { Kind, Param } from "../api/catalogue";
import { useCatalogue, useList } from "../api/use";
import { t, word } from "../lib/words";
import { eventCalled, titleOf } from "../meta/words";
import { Picker } from "../ui/Picker";
import "./detail/detail.css";

/** Values of a parameter that a list of their own tells: the list, the field. */
const TOLD: Record<string, [string, string, string]> = { "listEvents.type": ["listEventTypes", "name", "name"], "listAlerts.type": ["listAlertTypes", "alerttypeid", "name"] };

function Filter({ kind, param, value, set }: { kind: Kind; param: Param; value: string | undefined; set: (value: string | undefined) => void }): ReactNode {
  const catalogue = useCatalogue();
  const told = TOLD[`${kind.list.name}.${param.name}`];
  const known = useList(told?.[0] ?? "", {}, told !== undefined && catalogue.has(told[0]));
  const label = titleOf(param.name);
  if (param.entity) return <Picker param={param} label={label} description="" required={false} given={{}} value={value} set={(one) => set(one as string | undefined)} />;
  if (param.type === "boolean") return <Switch label={label} checked={value === "true"} onChange={(event) => set(event.currentTarget.checked ? "true" : undefined)} />;
  if (param.type === "date") return <TextInput type="date" size="xs" label={label} value={value ?? ""} onChange={(event) => set(event.currentTarget.value || undefined)} />;
  if (!told && !param.enum) return <TextInput size="xs" label={label} defaultValue={value ?? ""} onBlur={(event) => set(event.currentTarget.value || undefined)} onKeyDown={(event) => { if (event.key === "Enter") set(event.currentTarget.value || undefined); }} />;
  const options = told ? [...new Map((known.data?.rows ?? []).map((row) => [String(row[told[1]]), { value: String(row[told[1]]), label: `${eventCalled(String(row[told[2]]), catalogue)} · ${String(row[told[2]])}` }])).values()] : (param.enum ?? []).map((one) => ({ value: one, label: word(one) }));
  return <Select size="xs" label={label} data={options} value={value ?? null} onChange={(one) => set(one ?? undefined)} clearable searchable limit={200} />;
}

export function Filters({ kind, names, search, change }: { kind: Kind; names: string[]; search: Record<string, unknown>; change: (values: Record<string, string | undefined>) => void }): ReactNode {
  const params = names.map((name) => kind.list.params.find((param) => param.name === name)).filter((param): param is Param => param !== undefined);
  if (!params.length) return null;
  return <div className="filters" role="group" aria-label={t("Filters")}>{params.map((param) => <Filter key={param.name} kind={kind} param={param} value={search[param.name] === undefined ? undefined : String(search[param.name])} set={(value) => change({ [param.name]: value })} />)}</div>;
}
