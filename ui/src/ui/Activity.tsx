// What is being done: the server's own list of jobs, so it survives reloads and shows others' work on what I see.
import { Drawer } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { lazy, Suspense, useState, type ReactNode } from "react";
import type { Command } from "../api/catalogue";
import type { ApiError, Params, Row } from "../api/client";
import { commandOf, gathered, jobFailure, onceMore, tookOf, type Job } from "../api/jobs";
import { useBegin, useCatalogue, useList, usePerform } from "../api/use";
import { duration } from "../lib/format";
import { t } from "../lib/words";
import { spoken, stepOf } from "../meta/words";
import { Explain } from "./Explain";
import { Given } from "./Given";
import { JobThing, told as nameTold } from "./JobThing";
import { useJobs } from "./running";
import { Age, JOB_STATES, Status } from "./values";

const ActionForm = lazy(() => import("./ActionForm").then((part) => ({ default: part.ActionForm })));
const MOST = 50; // of one thing
const NAMED = 3; // of what was done together

/** What happened in a step: its own sentence, or what it is called where it only was done. */
function storyOf(told: Row): ReactNode {
  const said = String(told["said"] ?? "");
  return said && !/^(un)?did \w+$/.test(said) ? <Given>{said}</Given> : stepOf(String(told["step"] ?? ""));
}

type Again = (command: Command, params: Params) => void;

/** What each step of a job did, and how long it took; read when it is opened. */
function Steps({ job }: { job: Job }): ReactNode {
  const [open, setOpen] = useState(false);
  const story = useList("listJobStory", { jobid: job.jobid }, open);
  return (
    <details onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary className="quiet">{t("Steps")}</summary>
      <ol className="job-steps">{story.data?.rows.map((told, at) => <li key={at}><span className="grow">{storyOf(told)}</span>{told["seconds"] !== undefined && <span className="faint">{duration(Number(told["seconds"]))}</span>}</li>)}</ol>
      {story.data?.rows.length === 0 && <p className="quiet">{t("It had no steps to tell of.")}</p>}
    </details>
  );
}

function JobLine({ job, again }: { job: Job; again: Again }): ReactNode {
  const catalogue = useCatalogue();
  const cancel = usePerform();
  const retry = useBegin();
  const took = tookOf(job);
  const more = job.jobstatus === 2 ? onceMore(job, catalogue) : undefined;
  const repeat = more && (() => (more.complete ? retry.mutate({ command: more.command.name, params: more.params }) : again(more.command, more.params)));
  return (
    <li style={{ display: "block" }}>
      <div className="row wrap">
        <Link to="/activity/$job" params={{ job: job.jobid }}><b>{spoken(commandOf(job))}</b></Link>
        <JobThing job={job} className="mono" />
        <span style={{ marginInlineStart: "auto" }}><Status state={job.state === "undo" ? "Undoing" : (JOB_STATES[job.jobstatus] ?? "Running")} /></span>
      </div>
      <small className="quiet">{job.username && `${job.username} · `}<Age at={job.created} /> · {took === undefined ? t("not done yet") : took < 1 ? t("less than a second") : duration(took)}</small>
      {job.jobstatus === 0 && (
        <div className="row wrap quiet">
          {job.step && stepOf(job.step)}{job.progress ? ` · ${Math.round(job.progress * 100)} %` : ""}{job.waitsfor && <> · {t("Waits for")} <Given>{job.waitsfor}</Given></>}
          {job.state === "forward" && catalogue.has("cancelJob") && <button type="button" className="chip" disabled={cancel.isPending} onClick={() => cancel.mutate({ command: "cancelJob", params: { jobid: job.jobid } })}>{t("Cancel")}</button>}
        </div>
      )}
      {cancel.error && <Explain error={cancel.error} title={t("It was not cancelled")} />}
      {job.jobstatus === 2 && <Explain error={jobFailure(commandOf(job), job)} {...(repeat && { retry: repeat })} />}
      {job.jobstatus === 3 && typeof job.jobresult?.["errortext"] === "string" && <p className="quiet" style={{ margin: "4px 0 0" }}><Given>{job.jobresult["errortext"]}</Given></p>}
      {retry.error && <Explain error={retry.error} />}
      {catalogue.has("listJobStory") && <Steps job={job} />}
    </li>
  );
}

/** What was begun together is one entry with parts. */
function Bulk({ jobs, again }: { jobs: Job[]; again: Again }): ReactNode {
  const [open, setOpen] = useState(false);
  const names = jobs.map(nameTold).filter((name) => name !== undefined);
  const many = (status: number) => jobs.filter((job) => job.jobstatus === status).length;
  return (
    <li style={{ display: "block" }}>
      <details onToggle={(event) => setOpen(event.currentTarget.open)}>
        <summary className="row wrap">
          <b>{t("{command}, {count} times", { command: spoken(commandOf(jobs[0] as Job)), count: jobs.length })}</b>
          {JOB_STATES.map((word, status) => many(status) > 0 && <Status key={word} state={word} {...(many(status) < jobs.length && { count: many(status) })} />)}
          <span style={{ marginInlineStart: "auto", whiteSpace: "nowrap" }} className="faint"><Age at={jobs[0]?.created ?? ""} /></span>
          {names.length > 0 && <small className="quiet mono" style={{ flexBasis: "100%" }}>{names.slice(0, NAMED).join(", ")}{names.length > NAMED && ` ${t("and {count} more", { count: names.length - NAMED })}`}</small>}
        </summary>
        {open && <ul className="feed">{jobs.map((job) => <JobLine key={job.jobid} job={job} again={again} />)}</ul>}
      </details>
    </li>
  );
}

function Jobs({ rows }: { rows: Job[] }): ReactNode {
  const [asked, setAsked] = useState<{ command: Command; params: Params }>();
  const again: Again = (command, params) => setAsked({ command, params });
  const groups = gathered(rows);
  if (asked) return <><h2>{spoken(asked.command.name)}</h2><Suspense fallback={<div className="skeleton" />}><ActionForm command={asked.command} initial={asked.params} done={() => setAsked(undefined)} /></Suspense><button type="button" className="chip" onClick={() => setAsked(undefined)}>{t("Back")}</button></>;
  if (!groups.length) return <div className="empty"><span>{t("Nothing was begun yet. What takes time is shown here, step by step.")}</span></div>;
  return <ul className="feed">{groups.map((group) => (group.length > 1 ? <Bulk key={group.at(-1)?.jobid} jobs={group} again={again} /> : <JobLine key={group[0]?.jobid} job={group[0] as Job} again={again} />))}</ul>;
}

/** What was done to one thing. */
export function JobsOf({ id, type }: { id: string; type: string }): ReactNode {
  const jobs = useList("listAsyncJobs", { resourceid: id, resourcetype: type, listall: true, projectid: "-1", page: 1, pagesize: MOST });
  if (jobs.error) return <Explain error={jobs.error as ApiError} title={t("The list could not be read")} retry={() => void jobs.refetch()} />;
  return jobs.data ? <Jobs rows={jobs.data.rows as Job[]} /> : <div className="skeleton" />;
}

export function Activity({ opened, close }: { opened: boolean; close: () => void }): ReactNode {
  const jobs = useJobs();
  return (
    <Drawer opened={opened} onClose={close} position="right" size="lg" title={t("Activity")} closeButtonProps={{ "aria-label": t("Close") }}>
      <Jobs rows={(jobs.data?.rows ?? []) as Job[]} />
    </Drawer>
  );
}
