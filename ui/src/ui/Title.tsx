import type { ReactNode } from "react";
import { useLateness, useLive } from "../api/live";
import { duration } from "../lib/format";
import { t } from "../lib/words";

/** A page's heading, whether it is live, and its buttons. */
export function Title({ title, line, children }: { title: ReactNode; line?: ReactNode; children?: ReactNode }): ReactNode {
  const live = useLive() === "live";
  const late = useLateness();
  return (
    <div className="title">
      <div className="grow">
        <h1>{title}</h1>
        {line && <p>{line}</p>}
      </div>
      <span className={live ? "live" : "live late"} title={live ? t("What happens is shown at once") : t("The stream of events is cut; the page asks again every few seconds")}>{live ? t("Live") : t("{age} old", { age: duration(late) })}</span>
      {children}
    </div>
  );
}
