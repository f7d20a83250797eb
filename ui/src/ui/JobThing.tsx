// What a job is about: by the name that it or its answer tells, else by the one that the list of its kind knows.
import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { nounOf, singular, type Catalogue, type Kind } from "../api/catalogue";
import type { Row } from "../api/client";
import { commandOf, type Job } from "../api/jobs";
import { useCatalogue } from "../api/use";
import { thingCalled } from "../meta/words";
import { findable, useThing } from "./thing";
import { nameOf } from "./values";

/** The part of a job's answer that is the thing itself, and what the answer calls it. */
function answered(job: Job): [string, Row] | undefined {
  return Object.entries(job.jobresult ?? {}).find((part): part is [string, Row] => typeof part[1] === "object" && part[1] !== null && (part[1] as Row)["id"] === job.jobinstanceid);
}

/** The list that has what a job is about. */
export function kindOf(job: Job, catalogue: Catalogue): Kind | undefined {
  const type = job.jobinstancetype?.toLowerCase();
  if (!type || !job.jobinstanceid) return undefined;
  const by = (noun: string | undefined) => catalogue.kinds.find((kind) => kind.noun.toLowerCase() === noun);
  const own = singular(nounOf(commandOf(job))).toLowerCase();
  return (own.endsWith(type) ? by(own) : undefined) ?? by(answered(job)?.[0]) ?? catalogue.called(type) ?? catalogue.kinds.find((kind) => kind.noun.toLowerCase().endsWith(type));
}

/** What a job, or its answer, calls the thing; undefined where neither tells. */
export function told(job: Job): string | undefined {
  if (job.jobinstancename) return job.jobinstancename;
  const row = answered(job)?.[1];
  const name = row && nameOf(row);
  return name && !job.jobinstanceid?.startsWith(name) ? name : undefined;
}

/** The thing's name, that leads to its page; where nothing tells it, it is asked for, unless one is not to `seek` it. */
export function JobThing({ job, className, seek = true }: { job: Job; className?: string; seek?: boolean }): ReactNode {
  const catalogue = useCatalogue();
  const kind = kindOf(job, catalogue);
  const known = told(job);
  const found = useThing(kind, String(job.jobinstanceid), seek && known === undefined && kind !== undefined && findable(kind));
  const name = known ?? (found.data ? nameOf(found.data) : undefined);
  if (!kind) return seek ? null : <span className="faint">{known ?? thingCalled(String(job.jobinstancetype))}</span>;
  return name ? <Link className={className} to="/$slug/$id" params={{ slug: kind.slug, id: String(job.jobinstanceid) }}>{name}</Link> : <span className="faint">{thingCalled(kind.noun)}</span>;
}
