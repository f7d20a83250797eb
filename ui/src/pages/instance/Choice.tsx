import type { ReactNode } from "react";
import { t } from "../../lib/words";

/** A question with cards to choose from. */
export function Choices({ title, about, loading, empty, children }: { title: string; about: string; loading: boolean; empty: string; children: ReactNode }): ReactNode {
  const some = Array.isArray(children) ? children.flat().some(Boolean) : Boolean(children);
  return (
    <fieldset className="choices">
      <legend><h2>{title}</h2></legend>
      <p className="quiet">{about}</p>
      {loading ? <p className="quiet" role="status">{t("Reading…")}</p> : some ? <div className="cards">{children}</div> : <p>{empty}</p>}
    </fieldset>
  );
}

export function Choice({ title, about, on, pick }: { title: string; about: string; on: boolean; pick: () => void }): ReactNode {
  return <button type="button" className="choice" aria-pressed={on} onClick={pick}><b>{title}</b><small>{about}</small></button>;
}
