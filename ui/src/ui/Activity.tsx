// What is being done: the server's own list of jobs, so it survives reloads and shows others' work on what I see.
import { Drawer } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import type { Row } from "../api/client";
import { commandOf, jobFailure, type Job } from "../api/jobs";
import { useCatalogue, usePerform } from "../api/use";
import { duration, parseDate, sentence } from "../lib/format";
import { t } from "../lib/words";
import { Explain } from "./Explain";
import { useJobs } from "./running";
import { Age, Status } from "./values";

const WORDS = ["Running", "Done", "Failed", "Cancelled"];

export function JobLine({ job }: { job: Job }): ReactNode {
  const catalogue = useCatalogue();
  const run = usePerform();
  const took = job.completed ? (parseDate(job.completed).getTime() - parseDate(job.created).getTime()) / 1000 : undefined;
  return (
    <li style={{ display: "block" }}>
      <div className="row wrap">
        <Link to="/activity/$job" params={{ job: job.jobid }}><b>{sentence(commandOf(job))}</b></Link>
        <Status state={WORDS[job.jobstatus] ?? "Running"} />
        <span className="quiet">{job.account}</span>
        <span style={{ marginInlineStart: "auto" }} className="faint"><Age at={job.created} />{took !== undefined && ` · ${duration(took)}`}</span>
      </div>
      {job.jobstatus === 0 && <div className="row quiet">{job.step && sentence(job.step)}{job.waitsfor && ` · ${job.waitsfor}`}{catalogue.has("cancelJob") && <button type="button" className="chip" onClick={() => run.mutate({ command: "cancelJob", params: { jobid: job.jobid } })}>{t("Cancel")}</button>}</div>}
      {job.jobstatus === 2 && <Explain error={jobFailure(commandOf(job), job)} />}
    </li>
  );
}

export function Activity({ opened, close }: { opened: boolean; close: () => void }): ReactNode {
  const jobs = useJobs();
  const rows: Row[] = [...(jobs.data?.rows ?? [])].sort((a, b) => String(b["created"]).localeCompare(String(a["created"])));
  return (
    <Drawer opened={opened} onClose={close} position="right" size="lg" title={t("Activity")} closeButtonProps={{ "aria-label": t("Close") }}>
      {rows.length ? <ul className="feed">{rows.map((job) => <JobLine key={String(job["jobid"])} job={job as Job} />)}</ul> : <div className="empty"><span>{t("Nothing was begun yet. What takes time is shown here, step by step.")}</span></div>}
    </Drawer>
  );
}
