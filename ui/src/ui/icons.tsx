// The icons that metadata names. Named imports only: the rest of the set stays out of the bundle.
import * as used from "./iconset";
import type { ReactNode } from "react";

const NAMED: Record<string, typeof used.IconServer> = {
  server: used.IconServer, photo: used.IconPhoto, disc: used.IconDisc, key: used.IconKey, "file-text": used.IconFileText, affiliate: used.IconAffiliate,
  database: used.IconDatabase, camera: used.IconCamera, network: used.IconNetwork, world: used.IconWorld, "arrows-right": used.IconArrowsRight, shield: used.IconShield,
  "users-group": used.IconUsersGroup, "list-details": used.IconListDetails, webhook: used.IconWebhook, sitemap: used.IconSitemap, users: used.IconUsers, user: used.IconUser,
  "shield-check": used.IconShieldCheck, "map-pin": used.IconMapPin, building: used.IconBuilding, "stack-2": used.IconStack2, cpu: used.IconCpu, "server-2": used.IconServer2,
  archive: used.IconArchive, router: used.IconRouter, bell: used.IconBell, "server-cog": used.IconServerCog, adjustments: used.IconAdjustments,
  "device-floppy": used.IconDeviceFloppy, "topology-star": used.IconTopologyStar, settings: used.IconSettings, "brand-debian": used.IconBrandDebian, "cpu-2": used.IconCpu2,
  plus: used.IconPlus, home: used.IconHome, gauge: used.IconGauge, map: used.IconMap, tree: used.IconBinaryTree,
};

export function Icon({ name, size = 17 }: { name: string | undefined; size?: number }): ReactNode {
  const Named = NAMED[name ?? ""] ?? used.IconPoint;
  return <Named size={size} stroke={1.7} aria-hidden />;
}
