// Jobs: started by commands, known by the server. The console keeps none: Activity is the server's own list.
import type { QueryClient } from "@tanstack/react-query";
import { parseDate } from "../lib/format";
import { isSecret, type Catalogue, type Command } from "./catalogue";
import { call, failure, type ApiError, type Params, type Row } from "./client";

export interface Job extends Row {
  jobid: string;
  cmd: string;
  jobstatus: 0 | 1 | 2 | 3;
  jobinstancetype?: string;
  jobinstanceid?: string;
  jobinstancename?: string;
  userid?: string;
  username?: string; // who asked for it; `account` is whose it is
  created: string;
  completed?: string;
  progress?: number;
  waitsfor?: string;
  step?: string;
  state?: string;
  account?: string;
  jobresult?: Row;
}

const FIRST = 300;
const SLOWEST = 3000;

const attended = new Set<string>(); // jobs that somebody waits for and tells about where they were begun

/** Whether a job's end is told where it was begun, so that no notification is needed. */
export function isAttended(job: string): boolean {
  return attended.has(job);
}

/** Run a command; where it starts a job, wait for its end. Raises ApiError, also for a job that failed. */
export async function perform(command: string, params: Params, changed?: (job: Job) => void): Promise<Row> {
  const answer = await call(command, params);
  const id = answer["jobid"];
  if (typeof id !== "string") return answer;
  attended.add(id);
  return waitFor(command, id, changed);
}

const BEGUN = "begun";
const MOST = 50; // of them, for as long as the tab is open

/** Run a command and answer at once, also where it starts a job: how that ends, Activity and a notification tell. Raises ApiError. */
export async function begin(command: string, params: Params, secret: (name: string) => boolean): Promise<Row> {
  const answer = await call(command, params);
  if (typeof answer["jobid"] === "string") {
    const kept = Object.fromEntries(Object.entries(params).filter(([name]) => !secret(name)));
    sessionStorage.setItem(BEGUN, JSON.stringify([[answer["jobid"], kept], ...begun()].slice(0, MOST)));
  }
  return answer;
}

function begun(): [string, Params][] {
  return JSON.parse(sessionStorage.getItem(BEGUN) ?? "[]") as [string, Params][];
}

/** What this tab gave to the command of a job, without secrets; undefined when it was begun elsewhere. */
export function givenTo(job: string): Params | undefined {
  return begun().find(([id]) => id === job)?.[1];
}

export async function waitFor(command: string, id: string, changed?: (job: Job) => void): Promise<Row> {
  for (let pause = FIRST; ; pause = Math.min(pause * 1.4, SLOWEST)) {
    const job = (await call("queryAsyncJobResult", { jobid: id })) as Job;
    changed?.(job);
    if (job.jobstatus === 1) return job.jobresult ?? {};
    if (job.jobstatus !== 0) throw jobFailure(command, job);
    await new Promise((resolve) => setTimeout(resolve, pause));
  }
}

export function jobFailure(command: string, job: Job): ApiError {
  const told: Row = { ...job.jobresult, explain: job["explain"] ?? job.jobresult?.["explain"] };
  return failure(command, told, Number(job["jobresultcode"] ?? 530), job.jobid);
}

/** "cloudwright.compute.vm.deploy.DeployVirtualMachine" -> "deployVirtualMachine" */
export function commandOf(job: Job): string {
  const name = job.cmd.split(".").at(-1)?.replace(/Cmd$/, "") ?? job.cmd;
  return name.charAt(0).toLowerCase() + name.slice(1);
}

/** Seconds from a job's begin to its end; undefined while it runs. */
export function tookOf(job: Job): number | undefined {
  return job.completed ? (parseDate(job.completed).getTime() - parseDate(job.created).getTime()) / 1000 : undefined;
}

/** Read again what a change may have touched. */
export function refresh(client: QueryClient): Promise<void> {
  return client.invalidateQueries({ queryKey: ["api"] });
}

const TOGETHER = 15_000; // ms between two parts of one bulk action at most

/** Jobs, the newest first, those of one bulk action together. */
export function gathered(jobs: Job[]): Job[][] {
  const groups: Job[][] = [];
  for (const job of [...jobs].sort((a, b) => b.created.localeCompare(a.created))) {
    const last = groups.at(-1)?.at(-1);
    const near = last && last.cmd === job.cmd && last.userid === job.userid && parseDate(last.created).getTime() - parseDate(job.created).getTime() <= TOGETHER;
    if (near) groups.at(-1)?.push(job);
    else groups.push([job]);
  }
  return groups;
}

/** What a job's command is given once more; undefined where it is not known. */
export function onceMore(job: Job, catalogue: Catalogue): { command: Command; params: Params; complete: boolean } | undefined {
  const command = catalogue.commands.get(commandOf(job));
  if (!command) return undefined;
  const target = catalogue.target(command, catalogue.of(command.resource));
  const params = givenTo(job.jobid) ?? (target && job.jobinstanceid ? { [target.name]: job.jobinstanceid } : undefined);
  if (!params) return undefined;
  const complete = command.params.every((param) => (param.required ? param.name in params : !isSecret(param)));
  return { command, params, complete };
}
