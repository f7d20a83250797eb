// The first zone: five steps that may be left and resumed; each looks at the server to see whether it is done.
import { Button, Select, TextInput } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { useEffect, useState, type FormEvent, type ReactNode } from "react";
import type { ApiError } from "../../api/client";
import { useList } from "../../api/use";
import { t } from "../../lib/words";
import { Explain } from "../../ui/Explain";
import { edges } from "../../ui/edges";
import { IconCheck } from "../../ui/iconset";
import { Title } from "../../ui/Title";
import { Status } from "../../ui/values";
import "../instance/wizard.css";
import { STEPS, type Step } from "./steps";
import "../detail/detail.css";

function Form({ step, zone, found }: { step: Step; zone: string; found: (zone: string) => void }): ReactNode {
  const client = useQueryClient();
  const [values, setValues] = useState<Record<string, string>>(Object.fromEntries(step.asks.map((ask) => [ask.name, ask.initial ?? ""])));
  const [said, setSaid] = useState("");
  const run = useMutation<string | undefined, ApiError>({ mutationFn: () => step.run(zone, values, setSaid), onSuccess: (made) => { if (made) found(made); }, onSettled: () => client.invalidateQueries() });
  const go = (event: FormEvent) => { event.preventDefault(); run.mutate(); };
  return (
    <form className="stack" onSubmit={go}>
      <h2>{t(step.title)}</h2>
      <p className="quiet" style={{ margin: 0 }}>{t(step.about)}</p>
      <div className="asks">{step.asks.map((ask) => ask.options
        ? <Select key={ask.name} label={t(ask.label)} data={ask.options} value={values[ask.name] ?? null} onChange={(one) => setValues({ ...values, [ask.name]: one ?? "" })} allowDeselect={false} />
        : <TextInput key={ask.name} label={t(ask.label)} description={ask.hint && t(ask.hint)} value={values[ask.name] ?? ""} required onChange={(event) => setValues({ ...values, [ask.name]: event.currentTarget.value })} />)}</div>
      {said && <pre className="mono" role="status" style={{ whiteSpace: "pre-wrap", overflowWrap: "anywhere" }}>{said}</pre>}
      {run.error && <Explain error={run.error} title={t("This step was not done")} />}
      <div><Button type="submit" loading={run.isPending}>{t("Do this step")}</Button></div>
    </form>
  );
}

function Ready(): ReactNode {
  return (
    <div className="stack">
      <h2><Status state="done" /> {t("The zone is ready")}</h2>
      <p className="quiet" style={{ margin: 0 }}>{t("All five steps are done. What they made is changed on its own pages.")}</p>
      <div className="row wrap"><Link to="/new/instances"><Button component="span">{t("Create instance")}</Button></Link><Link to="/infrastructure"><Button component="span" variant="default">{t("Infrastructure")}</Button></Link></div>
    </div>
  );
}

function Done({ step, what, next }: { step: Step; what: string; next: () => void }): ReactNode {
  return (
    <div className="stack">
      <h2>{t(step.title)}</h2>
      <p style={{ margin: 0 }}><Status state="done" /> {what}</p>
      <p className="quiet" style={{ margin: 0 }}>{t("This step is done. What it made is changed on its own pages.")}</p>
      <div className="row wrap"><Button onClick={next}>{t("Go on with the set-up")}</Button><Link to="/infrastructure"><Button component="span" variant="default">{t("Infrastructure")}</Button></Link></div>
    </div>
  );
}

export function Setup(): ReactNode {
  const navigate = useNavigate();
  const { zone = "", step: wanted } = useSearch({ strict: false }) as { zone?: string; step?: string };
  const progress = useQuery({ queryKey: ["api", "setup", zone], queryFn: () => Promise.all(STEPS.map((step) => (zone ? step.done(zone) : Promise.resolve(undefined)))), refetchInterval: 3000 });
  const begun = useList("listZones", { page: 1, pagesize: 100 }, !zone);
  const open = (begun.data?.rows ?? []).filter((row) => row["allocationstate"] !== "Enabled");
  const done = progress.data ?? [];
  const next = Math.max(0, STEPS.findIndex((_, i) => !done[i]));
  const whole = done.length > 0 && done.every(Boolean);
  const at = wanted ? STEPS.findIndex((step) => step.id === wanted) : next;
  const step = STEPS[at];
  useEffect(() => { document.querySelector(".steps [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" }); }, [at]);
  return (
    <>
      <Title title={t("Set up a zone")} line={t("Five steps. Leave at any time: what is done is on the server.")} />
      {!zone && open.length > 0 && (
        <section className="card row wrap" style={{ marginBottom: 14 }}>
          <span className="grow">{t("Begun and not enabled yet")}</span>
          {open.map((row) => <Button key={String(row["id"])} variant="default" onClick={() => void navigate({ to: ".", search: { zone: String(row["id"]) } })}>{t("Go on with {name}", { name: String(row["name"]) })}</Button>)}
        </section>
      )}
      <div className={whole ? "halves" : "wizard"}>
        {!whole && (
          <ol className="steps" ref={edges}>
            {STEPS.map((one, i) => (
              <li key={one.id}>
                <button type="button" aria-current={i === at ? "step" : undefined} disabled={i > 0 && !done[i - 1]} onClick={() => void navigate({ to: ".", search: { zone, step: one.id } })}>
                  <i className={done[i] ? "done" : ""}>{done[i] ? <IconCheck size={14} aria-hidden /> : i + 1}</i><span><b>{t(one.title)}</b><small>{done[i] ? t("done") : t("not done")}</small></span>
                </button>
              </li>
            ))}
          </ol>
        )}
        <section className="card">
          {whole ? <Ready /> : step && done[at] && step.id !== "hosts" ? <Done step={step} what={done[at]} next={() => void navigate({ to: ".", search: { zone } })} />
            : step && <Form key={step.id} step={step} zone={zone} found={(made) => void navigate({ to: ".", search: { zone: made } })} />}
        </section>
        <aside className="card stack" aria-label={t("On the server now")}>
          <h2>{t("On the server now")}</h2>
          <ul className="there">{STEPS.map((one, i) => <li key={one.id}><b>{t(one.title)}</b><span>{done[i] ?? t("nothing yet")}</span></li>)}</ul>
          <small className="faint">{t("Looked at every few seconds: a step counts as done when the server has what it makes.")}</small>
        </aside>
      </div>
    </>
  );
}
