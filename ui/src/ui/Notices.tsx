// How jobs of mine ended: a failure raises one notification that leads to its explanation, a success is only announced to who cannot
// see the row change, and what is told once waits until it is kept.
import { Link } from "@tanstack/react-router";
import { lazy, Suspense, useEffect, useRef, useState, type ReactNode } from "react";
import { me, type Row } from "../api/client";
import { commandOf, givenTo, isAttended, jobFailure, type Job } from "../api/jobs";
import { t } from "../lib/words";
import { spoken } from "../meta/words";
import { IconX } from "./iconset";
import { useJobs } from "./running";
import { secretsOf } from "./Secrets";
import "./notices.css";

const Told = lazy(() => import("./SecretsDialog").then((part) => ({ default: part.SecretsDialog })));
const MOST = 3; // notifications at a time

export function Notices(): ReactNode {
  const jobs = useJobs();
  const known = useRef<Set<string>>(undefined); // jobs that had ended when the page was opened, or were told
  const [failed, setFailed] = useState<Job[]>([]);
  const [said, setSaid] = useState("");
  const [secret, setSecret] = useState<Row>();
  useEffect(() => {
    if (!jobs.data) return;
    const ended = (jobs.data.rows as Job[]).filter((job) => job.jobstatus !== 0);
    const before = known.current;
    known.current = new Set([...(before ?? []), ...ended.map((job) => job.jobid)]);
    if (!before) return;
    const fresh = ended.filter((job) => !before.has(job.jobid) && job.userid === me()?.userid && !isAttended(job.jobid));
    const bad = fresh.filter((job) => job.jobstatus === 2);
    if (bad.length) setFailed((old) => [...bad, ...old]);
    const good = fresh.filter((job) => job.jobstatus === 1);
    if (good[0]) setSaid(t("{command} is done", { command: spoken(commandOf(good[0])) }));
    const ceased = fresh.find((job) => job.jobstatus === 3);
    if (ceased) setSaid(t("{command} was cancelled", { command: spoken(commandOf(ceased)) }));
    const telling = good.find((job) => givenTo(job.jobid) && secretsOf(job.jobresult ?? {}).length);
    if (telling) setSecret(telling.jobresult);
  }, [jobs.data]);
  const drop = (job: Job) => setFailed((old) => old.filter((one) => one !== job));
  return (
    <>
      <div role="status" className="visually-hidden">{said}</div>
      <section className="notices" aria-label={t("Notifications")}>
        {failed.slice(0, MOST).map((job) => (
          <div key={job.jobid} role="alert" className="notice">
            <div className="grow">
              <b>{t("{command} failed", { command: spoken(commandOf(job)) })}</b>
              <p lang="en">{jobFailure(commandOf(job), job).message}</p>
              <Link to="/activity/$job" params={{ job: job.jobid }} onClick={() => drop(job)}>{t("Why, and what helps")}</Link>
            </div>
            <button type="button" className="icon-button small" aria-label={t("Dismiss")} onClick={() => drop(job)}><IconX size={15} /></button>
          </div>
        ))}
        {failed.length > MOST && <div className="notice">{t("{count} more failed; Activity tells which", { count: failed.length - MOST })}<button type="button" className="chip" onClick={() => setFailed([])}>{t("Dismiss all")}</button></div>}
      </section>
      {secret && <Suspense><Told answer={secret} done={() => setSecret(undefined)} /></Suspense>}
    </>
  );
}
