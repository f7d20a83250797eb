// What owners may have so much of: how it is called, and measured in what.
import { bytes, number } from "../lib/format";
import { t, worded } from "../lib/words";

// said: what is limited
const WORDS: Record<string, string> = { user_vm: "Instances", public_ip: "Public IPs", volume: "Volumes", snapshot: "Snapshots", template: "Images", project: "Projects", network: "Networks", vpc: "VPCs", cpu: "CPUs", memory: "Memory", primary_storage: "Primary storage", secondary_storage: "Secondary storage", backup: "Backups", backup_storage: "Backup storage", bucket: "Buckets", object_storage: "Object storage", gpu: "GPUs" };
const UNIT: Record<string, [string, number]> = { memory: ["MiB", 1024 ** 2], primary_storage: ["GiB", 1024 ** 3], secondary_storage: ["GiB", 1024 ** 3], backup_storage: ["GiB", 1024 ** 3], object_storage: ["GiB", 1024 ** 3] };

/** What is limited, by the name that the API gives it. */
export const limitCalled = (name: string): string => (WORDS[name] ? t(WORDS[name]) : worded(name));

/** The unit that a limit is written in; "" for what is counted. */
export const limitUnit = (name: string): string => UNIT[name]?.[0] ?? "";

/** An amount of what is limited, with its unit. */
export const limitShown = (name: string, value: number): string => (UNIT[name] ? bytes(value * UNIT[name][1]) : number(value));
