import type { ReactNode } from "react";
import { useLive } from "../api/live";
import { t } from "../lib/words";

/** A page's heading, whether it is live, and its buttons. */
export function Title({ title, line, children }: { title: ReactNode; line?: ReactNode; children?: ReactNode }): ReactNode {
  const live = useLive();
  return (
    <div className="title">
      <div className="grow">
        <h1>{title}</h1>
        {line && <p>{line}</p>}
      </div>
      <span className={live.state === "live" ? "live" : "live late"}>{live.state === "live" ? t("Live") : t("Polling")}</span>
      {children}
    </div>
  );
}
