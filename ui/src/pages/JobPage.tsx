// A job's story: what each step did, with times, how it ended, and what can be done about it.
import { Button } from "@mantine/core";
import type { ReactNode } from "react";
import { useQuery } from "@tanstack/react-query";
import { call, type ApiError, type Row } from "../api/client";
import { commandOf, jobFailure, tookOf, type Job } from "../api/jobs";
import { pollEvery } from "../api/live";
import { useCatalogue, useList, usePerform } from "../api/use";
import { bytes, duration, exactly, number, parseDate } from "../lib/format";
import { t, word } from "../lib/words";
import { spoken, stepOf, within } from "../meta/words";
import { Explain } from "../ui/Explain";
import { Given } from "../ui/Given";
import { Title } from "../ui/Title";
import { JobThing } from "../ui/JobThing";
import { Age, JOB_STATES, Status } from "../ui/values";
import "./detail/detail.css";

// Units that names of measures end with.
const UNITS: [RegExp, (value: number) => string][] = [
  [/_?mib$/, (value) => bytes(value * 1024 ** 2)], [/_?mhz$/, (value) => `${number(value / 1000, 1)} GHz`], [/_?bytes$/, bytes], [/_?(milliseconds|ms)$/, (value) => duration(value / 1000)], [/_?seconds$/, duration],
];

/** A measure with its unit: memory_mib 2048 is "memory 2 GiB". */
export function measured(name: string, value: unknown): string {
  const [unit, show] = UNITS.find(([ending]) => typeof value === "number" && ending.test(name)) ?? [];
  const what = (unit ? name.replace(unit, "") : name).replaceAll("_", " ");
  return `${what} ${show ? show(Number(value)) : typeof value === "object" ? JSON.stringify(value) : String(value)}`.trim();
}

function Evidence({ told }: { told: Row }): ReactNode {
  const evidence = told["evidence"] as Row | undefined;
  if (!evidence || !Object.keys(evidence).length) return null;
  return <small className="faint mono" style={{ display: "block", overflowWrap: "anywhere" }}>{Object.entries(evidence).map(([name, value]) => measured(name, value)).join(" · ")}</small>;
}

function Step({ told }: { told: Row }): ReactNode {
  const verb = String(told["verb"] ?? "did");
  const bad = /fail|refus|lost|gave/.test(verb);
  const said = String(told["said"] ?? "");
  const step = String(told["step"] ?? "");
  return (
    <li className={bad ? "bad" : ""}>
      <div className="row wrap" style={{ gap: 8 }}>
        <b>{stepOf(String(told["task"] ?? ""))}: {within(stepOf(step))}</b>
        {verb !== "did" && <span className={`status ${bad ? "bad" : "warn"}`}>{word(verb)}</span>}
        <span style={{ marginInlineStart: "auto" }} className="faint">{told["seconds"] !== undefined && duration(Number(told["seconds"]))}{told["created"] !== undefined && <> · <Age at={String(told["created"])} /></>}</span>
      </div>
      {said !== `did ${step}` && said !== `undid ${step}` && <div lang="en">{said}</div>}
      <Evidence told={told} />
    </li>
  );
}

export function JobPage({ id }: { id: string }): ReactNode {
  const catalogue = useCatalogue();
  const run = usePerform();
  const found = useQuery<Job, ApiError>({ queryKey: ["api", "queryAsyncJobResult", id], queryFn: ({ signal }) => call<Job>("queryAsyncJobResult", { jobid: id }, signal), refetchInterval: (query) => (query.state.data?.jobstatus === 0 ? pollEvery(true, query) : false) });
  const story = useList("listJobStory", { jobid: id }, catalogue.has("listJobStory"));
  const job = found.data;
  if (!job) return found.error ? <Explain error={found.error as ApiError} title={t("There is no such job that you may see.")} /> : <p className="quiet">{t("Reading…")}</p>;
  const took = tookOf(job);
  const failed = job.jobstatus === 2;
  return (
    <>
      <Title title={<span className="row wrap">{spoken(commandOf(job))} <Status state={job.state === "stuck" ? "Stuck" : job.state === "undo" ? "Undoing" : (JOB_STATES[job.jobstatus] ?? "Running")} /></span>} line={<>{t("Job")} <span className="mono">{id}</span></>}>
        {job.jobstatus === 0 && catalogue.has("cancelJob") && <Button variant="default" loading={run.isPending} onClick={() => run.mutate({ command: "cancelJob", params: { jobid: id } })}>{t("Cancel job")}</Button>}
        {job.state === "stuck" && catalogue.has("resumeJob") && <Button loading={run.isPending} onClick={() => run.mutate({ command: "resumeJob", params: { jobid: id } })}>{t("Resume job")}</Button>}
      </Title>
      {run.error && <div style={{ marginBottom: 14 }}><Explain error={run.error} /></div>}
      <div className="detail">
        <section className="card">
          <h2 className="part">{t("Job")}</h2>
          <dl className="facts">
            <dt>{t("Begun")}</dt><dd>{exactly(parseDate(job.created))}</dd>
            {took !== undefined && <><dt>{t("Took")}</dt><dd>{took < 1 ? t("less than a second") : duration(took)}</dd></>}
            {job.username && <><dt>{t("By")}</dt><dd>{job.username}</dd></>}
            {(job.account ?? job["project"]) !== undefined && <><dt>{t("Owner")}</dt><dd>{String(job.account ?? job["project"])}</dd></>}
            {job.jobinstanceid && <><dt>{t("On")}</dt><dd><JobThing job={job} /></dd></>}
            {job.waitsfor && <><dt>{t("Waits for")}</dt><dd><Given>{job.waitsfor}</Given></dd></>}
            {job.jobstatus === 0 && job.step && <><dt>{t("At step")}</dt><dd>{stepOf(job.step)}</dd></>}
            {job["managementservername"] !== undefined && <><dt>{t("Server")}</dt><dd>{String(job["managementservername"])}</dd></>}
          </dl>
        </section>
        <div className="stack">
          {failed && <Explain error={jobFailure(commandOf(job), job)} />}
          <section className="card">
            <h2>{t("Story")}</h2>
            {story.data && !story.data.rows.length && <p className="quiet">{t("It had no steps to tell of.")}</p>}
            <ol className="steps-line">{story.data?.rows.map((told, at) => <Step key={at} told={told} />)}</ol>
          </section>
        </div>
      </div>
    </>
  );
}
