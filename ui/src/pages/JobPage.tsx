// A job's story: what each step did, with times, and how it ended.
import type { ReactNode } from "react";
import { useCatalogue, useList, useOne } from "../api/use";
import { commandOf, type Job } from "../api/jobs";
import { duration, sentence } from "../lib/format";
import { t } from "../lib/words";
import { JobLine } from "../ui/Activity";
import { Title } from "../ui/Title";

export function JobPage({ id }: { id: string }): ReactNode {
  const catalogue = useCatalogue();
  const found = useOne("listAsyncJobs", { jobid: id, listall: true, page: 1, pagesize: 1 });
  const story = useList("listJobStory", { jobid: id }, catalogue.has("listJobStory"));
  const job = found.data as Job | undefined;
  if (!job) return <p className="quiet">{found.isPending ? t("Reading…") : t("There is no such job that you may see.")}</p>;
  return (
    <>
      <Title title={sentence(commandOf(job))} line={<span className="mono">{id}</span>} />
      <div className="card"><ul className="feed"><JobLine job={job} /></ul></div>
      {!!story.data?.rows.length && (
        <section className="card" style={{ marginTop: 14 }}>
          <h2>{t("Story")}</h2>
          <ol className="feed">{story.data.rows.map((told, at) => <li key={at}><b>{sentence(String(told["step"] ?? ""))}</b><span>{String(told["said"] ?? told["text"] ?? told["verb"] ?? "")}</span><span className="age">{told["seconds"] !== undefined && duration(Number(told["seconds"]))}</span></li>)}</ol>
        </section>
      )}
    </>
  );
}
