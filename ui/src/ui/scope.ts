// Whose resources are shown: the choice is in the URL, never a hidden mode.
import type { Kind } from "../api/catalogue";
import type { Params } from "../api/client";

/** Whether a list tells things of projects, too: its rows say whose they are, or, as rules, belong to whom their address belongs. Lists that need a project want a certain one. */
export function spansProjects(kind: Kind): boolean {
  const { name, params, response } = kind.list;
  return params.some((param) => param.name === "projectid" && !param.required) && (name.endsWith("Rules") || response.some((field) => field.name === "project"));
}

/** Where all are asked for, and no owner: those of projects, too. */
export function everyOwner(kind: Kind | undefined, params: Params): Params {
  const open = params["listall"] === true && !("projectid" in params) && !("account" in params);
  return open && kind && spansProjects(kind) ? { ...params, projectid: "-1" } : params;
}

/** `scope` is "mine", "project:<id>", "domain:<id>" or nothing: all that the caller may see. */
export function scopeParams(scope: string | undefined, takes: (name: string) => boolean): Params {
  const [kind, id] = (scope ?? "all").split(":");
  if (kind === "mine") return {};
  if (kind === "project" && takes("projectid")) return { projectid: id };
  if (kind === "domain" && takes("domainid")) return { domainid: id, isrecursive: true, listall: true };
  return { listall: true, ...(takes("projectid") && { projectid: "-1" }) }; // -1: those of projects, too
}
