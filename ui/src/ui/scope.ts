// Whose resources are shown: the choice is in the URL, never a hidden mode.
import type { Params } from "../api/client";

/** `scope` is "mine", "project:<id>", "domain:<id>" or nothing: all that the caller may see. */
export function scopeParams(scope: string | undefined, takes: (name: string) => boolean): Params {
  const [kind, id] = (scope ?? "all").split(":");
  if (kind === "mine") return {};
  if (kind === "project" && takes("projectid")) return { projectid: id };
  if (kind === "domain" && takes("domainid")) return { domainid: id, isrecursive: true, listall: true };
  return { listall: true, ...(takes("projectid") && { projectid: "-1" }) }; // -1: those of projects, too
}
