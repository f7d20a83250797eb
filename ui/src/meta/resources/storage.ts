import type { Meta } from "..";

export default [
  {
    list: "listVolumes", slug: "volumes", title: "Volumes", one: "volume", section: "Storage", icon: "database", facets: true,
    about: "Disks of instances. A data volume outlives the instance it is attached to.",
    columns: ["state", "type", "size", "vmname", "diskofferingname", "storage", "zonename", "created"],
    create: "createVolume", needs: { createVolume: { diskofferingid: "snapshotid" } }, asks: { createVolume: ["zoneid", "diskofferingid", "size"] }, first: ["attachVolume", "detachVolume", "resizeVolume"], tabs: ["snapshots"],
    facts: { Disk: ["type", "size", "physicalsize", "diskofferingname", "serviceofferingname", "provisioningtype", "deviceid"], Place: ["zonename", "storage", "storagetype", "clustername", "hypervisor", "path"], Owner: ["account", "project", "domainpath", "created", "attached", "deleteprotection"] },
  },
  { list: "listSnapshots", slug: "snapshots", title: "Snapshots", one: "snapshot", section: "Storage", icon: "camera", about: "Volumes as they were at a moment." },
] satisfies Meta[];
