export {
  IconActivity, IconAdjustments, IconAffiliate, IconAlertTriangle, IconApi, IconArchive, IconArrowsRight, IconBell, IconBinaryTree, IconBrandDebian, IconBuilding,
  IconArrowLeft, IconArrowRight, IconCamera, IconCheck, IconCircleCheck, IconCircleX, IconClock, IconPlayerPlay, IconChevronRight, IconColumns3, IconCopy, IconCpu, IconCpu2, IconDatabase, IconDeviceFloppy, IconDisc, IconDots, IconFileText, IconGauge, IconHelp, IconHome,
  IconKey, IconLanguage, IconListDetails, IconLogout, IconMap, IconMapPin, IconMenu2, IconMoon, IconNetwork, IconPhoto, IconPlus, IconPoint, IconRefresh, IconRouter, IconSearch,
  IconServer, IconServer2, IconServerCog, IconSettings, IconShield, IconShieldCheck, IconSitemap, IconStack2, IconSun, IconPrompt, IconTerminal2, IconTopologyStar,
  IconTrash, IconUser, IconUsers, IconUsersGroup, IconWebhook, IconWorld, IconX,
} from "@tabler/icons-react";
