// What is made by hand for the page of a thing: what stands beside its facts, and tabs of its own.
import { lazy, type ComponentType } from "react";
import type { Row } from "../../api/client";

export interface Panel {
  beside?: ComponentType<{ row: Row }>;
  tabs?: { slug: string; title: string; needs: string; show: ComponentType<{ row: Row }> }[];
}

const part = (load: () => Promise<Record<string, unknown>>, name: string) => lazy(async () => ({ default: (await load())[name] as ComponentType<{ row: Row }> }));
const instance = () => import("./Instance");
const network = () => import("./Network");
const storage = () => import("./Storage");
const govern = () => import("./Govern");
const operate = () => import("./Operate");

export const PANELS: Record<string, Panel> = {
  instances: { beside: part(instance, "InstanceParts"), tabs: [{ slug: "volumes", title: "Volumes", needs: "listVolumes", show: part(instance, "InstanceVolumes") }, { slug: "nics", title: "NICs", needs: "listNics", show: part(instance, "InstanceNics") }, { slug: "rules", title: "Rules", needs: "listPortForwardingRules", show: part(instance, "InstanceRules") }] },
  "public-ips": { beside: part(network, "AddressRules") },
  networks: { beside: part(network, "NetworkParts") },
  images: { beside: part(storage, "ImageParts") },
  isos: { beside: part(storage, "ImageParts") },
  volumes: { beside: part(storage, "VolumeParts") },
  domains: { beside: part(govern, "DomainParts"), tabs: [{ slug: "limits", title: "Limits", needs: "listResourceLimits", show: part(() => import("../Limits"), "DomainLimits") }] },
  accounts: { beside: part(govern, "AccountParts"), tabs: [{ slug: "limits", title: "Limits", needs: "listResourceLimits", show: part(() => import("../Limits"), "AccountLimits") }] },
  projects: { beside: part(govern, "ProjectParts"), tabs: [{ slug: "limits", title: "Limits", needs: "listResourceLimits", show: part(() => import("../Limits"), "ProjectLimits") }] },
  users: { beside: part(govern, "UserParts") },
  roles: { beside: part(() => import("./Role"), "RoleRules") },
  zones: { beside: part(operate, "ZoneParts") },
  pods: { beside: part(operate, "PodParts") },
  clusters: { beside: part(operate, "ClusterParts") },
  "primary-storage": { beside: part(operate, "PoolParts") },
  hosts: { beside: part(operate, "HostParts") },
  "webhook-deliveries": { beside: part(() => import("./Delivery"), "DeliveryParts") },
  webhooks: { beside: part(operate, "WebhookParts") },
};
