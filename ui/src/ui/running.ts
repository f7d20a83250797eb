// The latest jobs that the caller may see, as the server lists them.
import { useCatalogue, useList } from "../api/use";

const LATEST = { page: 1, pagesize: 60, listall: true, orderby: "created:desc" };

export function useJobs() {
  const catalogue = useCatalogue();
  return useList("listAsyncJobs", LATEST, catalogue.has("listAsyncJobs"));
}

export function useRunning(): number {
  return (useJobs().data?.rows ?? []).filter((job) => job["jobstatus"] === 0).length;
}
