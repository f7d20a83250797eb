// A form for any command, made from its parameters: what is required first, the rest under "More".
import { Button, NumberInput, PasswordInput, Select, Switch, TagsInput, Textarea, TextInput } from "@mantine/core";
import { useMemo, useState, type FormEvent, type ReactNode } from "react";
import { Catalogue, destructive, isSecret, type Command, type Kind, type Param } from "../api/catalogue";
import { type ApiError, type Params, type Row } from "../api/client";
import { useBegin, useCatalogue } from "../api/use";
import { decoded, encoded } from "../lib/format";
import { t, word } from "../lib/words";
import { metaOf } from "../meta";
import { spoken, titleOf } from "../meta/words";
import { Explain, reasonOf } from "./Explain";
import { Given } from "./Given";
import { MapInput } from "./MapInput";
import { Picker } from "./Picker";
import { SameRequest } from "./SameRequest";

export type Values = Record<string, unknown>;
const CODE = new Set(["userdata", "publickey", "certificate", "privatekey", "certificatechain"]);
const BEGINS = ["name", "displaytext"]; // asked before all others
const rank = (param: Param) => (BEGINS.includes(param.name) ? BEGINS.indexOf(param.name) : BEGINS.length + Number(!param.required));
const UNITS: Record<string, string> = { memory: "MiB", cpuspeed: "MHz", size: "GiB", disksize: "GiB" };

const packed = (param: Param | undefined) => param?.name === "userdata" && param.type === "string"; // sent as base64, written as text

/** What the server says of a parameter, if it says more than the label. */
function about(param: Param, label: string): ReactNode {
  if (packed(param)) return t("As text: it is sent as base64");
  return param.description.replace(/^(its|the|an?) /i, "").toLowerCase() === label.toLowerCase() ? "" : <Given>{param.description.replace(/, or -1 for all$/, "")}</Given>;
}

/** Whether it may be of many lines. */
export const long = (param: Param): boolean => CODE.has(param.name) || (param.length > 1024 && !/url$|^displaytext$/.test(param.name));

/** What a parameter is called; "id" is called by what it is the id of. */
function calledOf(param: Param, kind: Kind | undefined): string {
  const meta = kind && metaOf(kind.list.name);
  const one = kind && param.name === "id" ? (meta ? t(meta.one) : spoken(kind.noun)) : titleOf(param.name);
  return one.charAt(0).toUpperCase() + one.slice(1);
}

export function Input({ param, value, set, error, given, needed = param.required }: {
  param: Param; value: unknown; set: (value: unknown) => void; error?: string | undefined; given: Values; needed?: boolean;
}): ReactNode {
  const kind = useCatalogue().of(param.entity); // a role may have to name what it may not list
  const label = calledOf(param, kind);
  const description = about(param, label);
  const shared = { label, description, error, required: param.required, withAsterisk: needed } as const;
  if (kind) return <Picker param={param} value={value as string | string[] | undefined} set={set} given={given} {...shared} />;
  if (param.enum) return <Select {...shared} data={param.enum.map((one) => ({ value: one, label: word(one) }))} value={(value as string) ?? null} onChange={(one) => set(one ?? undefined)} clearable={!param.required} searchable openOnFocus={false} />;
  if (param.type === "boolean") return <Switch label={label} description={description} checked={Boolean(value ?? param.default)} onChange={(event) => set(event.currentTarget.checked)} error={error} />;
  if (param.type === "integer" || param.type === "long" || param.type === "short" || param.type === "double")
    return <NumberInput {...shared} value={(value as number) ?? ""} onChange={(one) => set(one === "" ? undefined : one)} min={param.min} max={param.max} suffix={UNITS[param.name] ? ` ${UNITS[param.name]}` : undefined} placeholder={param.default === undefined ? undefined : String(param.default)} />;
  if (param.type === "map") return <MapInput {...shared} keys={param.keys} value={value as Record<string, string>[] | undefined} set={set} />;
  if (param.type === "list") return <TagsInput {...shared} value={(value as string[]) ?? []} onChange={set} />;
  if (param.type === "date") return <TextInput {...shared} type="datetime-local" step={1} value={(value as string) ?? ""} onChange={(event) => set(event.currentTarget.value || undefined)} />;
  if (isSecret(param)) return <PasswordInput {...shared} autoComplete="new-password" value={(value as string) ?? ""} onChange={(event) => set(event.currentTarget.value)} />;
  if (long(param)) return <Textarea {...shared} autosize minRows={3} maxRows={14} classNames={{ input: "mono" }} value={(value as string) ?? ""} onChange={(event) => set(event.currentTarget.value)} />;
  return <TextInput {...shared} value={(value as string) ?? ""} onChange={(event) => set(event.currentTarget.value)} placeholder={param.default === undefined ? undefined : String(param.default)} />;
}

/** What is sent: empty values left out, dates as the API writes them. */
export function request(command: Command, values: Values): Params {
  const params: Params = {};
  for (const [name, value] of Object.entries(values)) {
    if (value === undefined || value === "" || (Array.isArray(value) && !value.length)) continue;
    const param = command.params.find((one) => one.name === name);
    params[name] = (param?.type === "date" && typeof value === "string" ? `${value.replace("T", " ")}` : packed(param) ? encoded(String(value)) : value) as Params[string];
  }
  return params;
}

export function ActionForm({ command, fixed = {}, initial = {}, changes = false, done, submit, opened = false, told = false }: {
  command: Command; fixed?: Params; initial?: Values; done: (answer: Row) => void; submit?: string | undefined; opened?: boolean;
  told?: boolean; // what the command does stands beside the form
  changes?: boolean; // `initial` is what there is: of it only what was changed is sent
}): ReactNode {
  const [begun] = useState(() => (typeof initial["userdata"] === "string" ? { ...initial, userdata: decoded(initial["userdata"]) } : initial));
  const [values, setValues] = useState<Values>(begun);
  const [more, setMore] = useState(opened);
  const run = useBegin();
  const fields = useMemo(() => Catalogue.fillable(command).filter((param) => !(param.name in fixed)), [command, fixed]);
  const first = fields.filter((param) => param.required || param.name in initial || BEGINS.includes(param.name)).sort((one, two) => rank(one) - rank(two));
  const rest = fields.filter((param) => !first.includes(param));
  const failed: ApiError | null = run.error;
  const atField = fields.some((param) => param.name === failed?.param); // where it is told already
  const home = useCatalogue().of(command.resource);
  const needs = (home && metaOf(home.list.name)?.needs?.[command.name]) ?? {};
  const needed = (name: string) => command.params.some((param) => param.name === name && param.required);
  const params = { ...fixed, ...request(command, changes ? Object.fromEntries(Object.entries(values).filter(([name, value]) => value !== begun[name] || needed(name))) : values) };
  const go = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = event.currentTarget;
    const point = ({ param }: ApiError) => {
      if (rest.some((one) => one.name === param)) setMore(true);
      requestAnimationFrame(() => form.querySelector<HTMLElement>(`[data-param="${CSS.escape(param ?? "")}"] :is(input, textarea)`)?.focus());
    };
    run.mutate({ command: command.name, params }, { onSuccess: done, onError: point });
  };
  const render = (param: Param) => (
    <div key={param.name} data-param={param.name}><Input param={param} value={values[param.name]} given={{ ...fixed, ...values }} error={failed?.param === param.name ? reasonOf(failed.message) : undefined} needed={param.required || (needs[param.name] !== undefined && !values[needs[param.name] ?? ""])} set={(value) => setValues((old) => ({ ...old, [param.name]: value }))} /></div>
  );
  return (
    <form onSubmit={go} className="stack" noValidate={false} aria-label={spoken(command.name)}>
      {!told && <p className="quiet" style={{ margin: 0 }}><Given>{command.description}</Given></p>}
      {first.map(render)}
      {rest.length > 0 && (
        <button type="button" className="chip" style={{ alignSelf: "start" }} aria-expanded={more} onClick={() => setMore(!more)}>
          {more ? t("Less") : t("More ({count})", { count: rest.length })}
        </button>
      )}
      {more && rest.map(render)}
      {failed && !(atField && !failed.explain?.why?.length && !failed.explain?.fix?.length) && <Explain error={failed} brief={atField} />}
      <div className="row">
        <Button type="submit" className={destructive(command) ? "ends" : undefined} loading={run.isPending}>{submit ?? spoken(command.name)}</Button>
      </div>
      <SameRequest command={command} params={params} />
    </form>
  );
}
