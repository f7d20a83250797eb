// An image where it is stored and what was made from it; a volume and what it is attached to.
import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import type { Row } from "../../api/client";
import { bytes } from "../../lib/format";
import { t } from "../../lib/words";
import { Meter } from "../../ui/Meter";
import { Status } from "../../ui/values";
import { Part } from "./Part";

/** The percentage in "45% Downloaded"; 100 when it is ready. */
function percentOf(row: Row): number | undefined {
  if (row["isready"] === true) return 100;
  const told = /(\d+(?:\.\d+)?)\s*%/.exec(String(row["status"] ?? ""));
  return told ? Number(told[1]) : undefined;
}

export function ImageParts({ row }: { row: Row }): ReactNode {
  const percent = percentOf(row);
  const stores = (row["downloaddetails"] as Row[] | undefined) ?? [];
  const failed = row["isready"] !== true && percent === undefined && row["status"] !== undefined;
  return (
    <>
      <section className="card stack">
        <h2>{t("Registration")}</h2>
        {row["isready"] === true ? <p style={{ margin: 0 }}><Status state="Ready" /> {t("{size}, ready in {zone}", { size: bytes(Number(row["size"] ?? 0)), zone: row["crossZones"] === true ? t("all zones") : String(row["zonename"] ?? t("its zone")) })}</p>
          : percent !== undefined ? <Meter title={t("Being fetched")} used={percent} total={100} show={(value) => `${Math.round(value)} %`} />
          : <div className={failed ? "explain" : ""}><h3>{failed ? t("It is not ready") : t("Waiting for a store to fetch it")}</h3><div>{String(row["status"] ?? "")}</div></div>}
        {row["url"] !== undefined && <p className="quiet mono" style={{ margin: 0, overflowWrap: "anywhere" }}>{String(row["url"])}</p>}
        {stores.length > 0 && <table className="plain"><thead><tr><th>{t("Store")}</th><th>{t("Fetched")}</th><th>{t("State")}</th></tr></thead><tbody>{stores.map((store, at) => <tr key={at}><td>{String(store["datastore"] ?? store["datastoreId"] ?? "")}</td><td>{String(store["downloadPercent"] ?? "–")} %</td><td><Status state={String(store["downloadState"] ?? "")} /></td></tr>)}</tbody></table>}
      </section>
      <Part title={t("Instances made from it")} list="listVirtualMachines" params={{ templateid: String(row["id"]), listall: true }} columns={["name", "state", "ipaddress", "zonename", "created"]} empty={t("None yet.")} />
    </>
  );
}

export function VolumeParts({ row }: { row: Row }): ReactNode {
  const machine = row["virtualmachineid"] as string | undefined;
  return (
    <>
      <section className="card stack">
        <h2>{t("Attached to")}</h2>
        {machine ? <p className="row wrap" style={{ margin: 0 }}><Link to="/$slug/$id" params={{ slug: "instances", id: machine }}>{String(row["vmname"] ?? row["vmdisplayname"])}</Link>{row["vmstate"] !== undefined && <Status state={String(row["vmstate"])} />}<span className="quiet">{t("slot {slot}", { slot: String(row["deviceid"] ?? "–") })}</span></p> : <p className="quiet" style={{ margin: 0 }}>{t("Nothing. Attach it to an instance that runs or is stopped; its data stays with it.")}</p>}
        {typeof row["physicalsize"] === "number" && <Meter title={t("Taken on storage")} used={Number(row["physicalsize"])} total={Number(row["size"])} show={bytes} />}
      </section>
      <Part title={t("Snapshots")} list="listSnapshots" params={{ volumeid: String(row["id"]), listall: true }} columns={["name", "state", "created"]} empty={t("None was taken.")} adds={[{ command: "createSnapshot", label: t("Take snapshot"), fixed: { volumeid: String(row["id"]) } }]} />
    </>
  );
}
