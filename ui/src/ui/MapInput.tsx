// Key-value rows, or rows of named fields.
import { Input as Labelled, TextInput } from "@mantine/core";
import { useState, type ReactNode } from "react";
import { t } from "../lib/words";
import { IconPlus, IconX } from "./iconset";

type Entries = Record<string, string>[];

export function MapInput({ label, description, error, required, keys, value, set }: {
  label: string; description: ReactNode; error?: string | undefined; required: boolean; keys?: string[] | undefined; value: Entries | undefined; set: (value: unknown) => void;
}): ReactNode {
  const [rows, setRows] = useState<string[][]>(() => (value ?? []).map((entry) => (keys ? keys.map((key) => entry[key] ?? "") : Object.entries(entry)[0] ?? ["", ""])));
  const heads = keys ?? [t("key"), t("value")];
  const change = (next: string[][]) => {
    setRows(next);
    if (keys) set(next.map((row) => Object.fromEntries(keys.map((key, i) => [key, row[i] ?? ""]).filter(([, one]) => one !== ""))));
    else set(next.some(([key]) => key) ? Object.fromEntries(next.filter(([key]) => key).map(([key, one]) => [key ?? "", one ?? ""])) : undefined);
  };
  return (
    <Labelled.Wrapper label={label} description={description} error={error} required={required}>
      {rows.map((row, at) => (
        <div className="row" key={at} style={{ marginTop: 6 }}>
          {heads.map((head, i) => (
            <TextInput key={head} className="grow" aria-label={`${label} ${at + 1} ${head}`} placeholder={head} value={row[i] ?? ""} onChange={(event) => {
              const text = event.currentTarget.value;
              change(rows.map((old, other) => (other === at ? heads.map((_, j) => (j === i ? text : (old[j] ?? ""))) : old)));
            }} />
          ))}
          <button type="button" className="icon-button" aria-label={t("Remove")} onClick={() => change(rows.filter((_, other) => other !== at))}><IconX size={15} /></button>
        </div>
      ))}
      <button type="button" className="chip" onClick={() => setRows([...rows, heads.map(() => "")])}><IconPlus size={13} /> {t("Add")}</button>
    </Labelled.Wrapper>
  );
}
