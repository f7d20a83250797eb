// Jobs: started by commands, known by the server. The console keeps none: Activity is the server's own list.
import type { QueryClient } from "@tanstack/react-query";
import { call, failure, type ApiError, type Params, type Row } from "./client";

export interface Job extends Row {
  jobid: string;
  cmd: string;
  jobstatus: 0 | 1 | 2 | 3;
  jobinstancetype?: string;
  jobinstanceid?: string;
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

/** Run a command; where it starts a job, wait for its end. Raises ApiError, also for a job that failed. */
export async function perform(command: string, params: Params, changed?: (job: Job) => void): Promise<Row> {
  const answer = await call(command, params);
  const id = answer["jobid"];
  if (typeof id !== "string") return answer;
  return waitFor(command, id, changed);
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

/** Read again what a change may have touched. */
export function refresh(client: QueryClient): Promise<void> {
  return client.invalidateQueries({ queryKey: ["api"] });
}
