import type { ReactNode } from "react";
import { t } from "../../lib/words";
import { Icon } from "../../ui/icons";
import { Badge } from "../../ui/values";

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

export function Choice({ title, about, icon, on, pick, why }: { title: string; about: string; icon?: string; on: boolean; why?: string | undefined; pick: () => void }): ReactNode {
  return <button type="button" className="choice" aria-pressed={on} disabled={why !== undefined} onClick={pick}>{icon ? <Icon name={icon} size={19} /> : <Badge text={title} />}<span><b>{title}</b><small>{why ?? about}</small></span></button>;
}
