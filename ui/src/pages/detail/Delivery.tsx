// What a webhook was told: of what, what it answered, and the words that were sent.
import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import type { Row } from "../../api/client";
import { useCatalogue } from "../../api/use";
import { exactly, parseDate, sentence } from "../../lib/format";
import { t } from "../../lib/words";
import { Given } from "../../ui/Given";
import { Status } from "../../ui/values";
import { indented } from "./Facts";

/** An event's fields, as its payload tells them; nothing of a test, whose payload is anyone's. */
function toldIn(payload: unknown): Row {
  try {
    const told: unknown = JSON.parse(String(payload));
    return typeof told === "object" && told !== null ? (told as Row) : {};
  } catch {
    return {};
  }
}

/** The thing that an event is about. */
function Subject({ told }: { told: Row }): ReactNode {
  const type = String(told["entity"]);
  const name = String(told["entityname"] || t(sentence(type)));
  const kind = useCatalogue().kinds.find((one) => one.noun.toLowerCase() === type.toLowerCase());
  return kind && told["entityuuid"] ? <Link to="/$slug/$id" params={{ slug: kind.slug, id: String(told["entityuuid"]) }}>{name}</Link> : name;
}

const when = (at: unknown) => exactly(parseDate(String(at)));

export function DeliveryParts({ row }: { row: Row }): ReactNode {
  const told = toldIn(row["payload"]);
  const ended = row["enddate"] !== undefined;
  return (
    <>
      <section className="card">
        <h2 className="part">{t("What it tells")}</h2>
        <dl className="facts">
          <dt>{t("Event type")}</dt><dd className="mono">{String(row["eventtype"] || "–")}</dd>
          {told["description"] !== undefined && <><dt>{t("Event")}</dt><dd><Given>{String(told["description"])}</Given></dd></>}
          {told["entity"] !== undefined && <><dt>{t("On")}</dt><dd><Subject told={told} /></dd></>}
          {told["username"] !== undefined && <><dt>{t("By")}</dt><dd>{String(told["username"])}</dd></>}
          {told["eventDateTime"] !== undefined && <><dt>{t("Happened")}</dt><dd>{when(told["eventDateTime"])}</dd></>}
        </dl>
      </section>
      <section className="card">
        <h2 className="part">{t("Answer")}</h2>
        <dl className="facts">
          <dt>{t("State")}</dt><dd><Status state={!ended ? "Running" : row["success"] === true ? "done" : "failed"} /></dd>
          {Boolean(row["response"]) && <><dt>{t("Answer")}</dt><dd><Given>{String(row["response"])}</Given></dd></>}
          <dt>{t("Sent")}</dt><dd>{when(row["startdate"])}</dd>
          {ended && <><dt>{t("Answered")}</dt><dd>{when(row["enddate"])}</dd></>}
        </dl>
      </section>
      {(["payload", "headers"] as const).map((name) => Boolean(row[name]) && (
        <section className="card" key={name}>
          <h2 className="part">{name === "payload" ? t("Payload") : t("Headers")}</h2>
          <pre className="mono coded" dir="ltr" tabIndex={0} aria-label={name === "payload" ? t("Payload") : t("Headers")} role="region">{indented(String(row[name]))}</pre>
        </section>
      ))}
    </>
  );
}
