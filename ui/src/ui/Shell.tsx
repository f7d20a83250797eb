// The frame of every page: sidebar, top bar, palette, activity.
import { Menu } from "@mantine/core";
import { Link, Outlet, useNavigate, useRouterState } from "@tanstack/react-router";
import { lazy, Suspense, useEffect, useState, type ReactNode } from "react";
import { me, signOut } from "../api/client";
import { useCatalogue } from "../api/use";
import { LANGUAGES, speak, t, useLanguage, type Language } from "../lib/words";
import { METAS, SECTIONS } from "../meta";
import { OWN, useEntries } from "./entries";
import { useRunning } from "./running";
import { Icon } from "./icons";
import { IconActivity, IconChevronRight, IconHelp, IconLanguage, IconLogout, IconMenu2, IconMoon, IconSearch, IconSun } from "./iconset";
import { useScheme } from "./scheme";
import { Notices } from "./Notices";
import { ScopeSwitch } from "./ScopeSwitch";

// Loaded when first wanted: the first page needs none of them.
const Palette = lazy(() => import("./Palette").then((part) => ({ default: part.Palette })));
const Activity = lazy(() => import("./Activity").then((part) => ({ default: part.Activity })));
const Keys = lazy(() => import("./Keys").then((part) => ({ default: part.Keys })));

/** Its content from the first time it is wanted. */
function Once({ wanted, children }: { wanted: boolean; children: ReactNode }): ReactNode {
  const [been, setBeen] = useState(wanted);
  if (wanted && !been) setBeen(true);
  return been && children;
}

// said: pages that no entry leads to
const NAMED: Record<string, string> = { activity: "Activity", profile: "Profile and keys", setup: "Set up a zone", about: "About", reference: "API reference" };

// said: pages that are reached through another one
const FOLDED_INTO: Record<string, [string, string]> = Object.fromEntries(["zones", "pods", "clusters", "hosts", "primary-storage", "secondary-storage", "physical-networks"].map((slug) => [slug, ["/infrastructure", "Infrastructure"]]));

function Crumbs(): ReactNode {
  const path = useRouterState({ select: (state) => state.location.pathname });
  const entries = useEntries();
  const parts = path.split("/").filter(Boolean);
  const slug = parts[0] === "new" ? parts[1] : parts[0];
  const entry = entries.find((one) => one.to === `/${slug}`);
  const folded = entry ? undefined : FOLDED_INTO[slug ?? ""];
  const catalogue = useCatalogue();
  const title = entry?.title ?? METAS.find((meta) => meta.slug === slug)?.title ?? catalogue.bySlug(slug ?? "")?.title ?? NAMED[slug ?? ""] ?? "";
  return (
    <nav className="crumbs grow" aria-label={t("Where you are")}>
      {(entry ?? folded) && <><span>{t(entry?.section ?? "Operate")}</span><span aria-hidden>/</span></>}
      {folded && <><Link to={folded[0]}>{t(folded[1])}</Link><span aria-hidden>/</span></>}
      {parts[0] === "new" && title ? <><Link to={`/${slug}`}>{t(title)}</Link><span aria-hidden>/</span><span aria-current="page">{t("Create")}</span></> : parts.length > 1 && title && slug !== "activity" ? <Link to={`/${slug}`} activeOptions={{ exact: true }}>{t(title)}</Link> : <span aria-current="page">{title ? t(title) : path === "/" ? t("Overview") : ""}</span>}
    </nav>
  );
}

export function Shell(): ReactNode {
  const navigate = useNavigate();
  const language = useLanguage();
  const entries = useEntries();
  const [scheme, setScheme] = useScheme();
  const [open, setOpen] = useState(false);
  const [palette, setPalette] = useState(false);
  const [activity, setActivity] = useState(false);
  const [help, setHelp] = useState(false);
  const path = useRouterState({ select: (state) => state.location.pathname });
  const running = useRunning();
  const who = me();
  const initials = ([who?.firstname, who?.lastname].map((part) => part?.charAt(0) ?? "").join("") || (who?.username ?? "").slice(0, 2)).toUpperCase();
  useEffect(() => {
    setOpen(false);
    document.querySelector("aside nav [aria-current=page]")?.scrollIntoView({ block: "nearest" });
  }, [path]);
  useEffect(() => {
    let g = 0;
    const keys = (event: KeyboardEvent) => {
      if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") { event.preventDefault(); return setPalette(true); }
      if ((event.target as HTMLElement).matches("input, textarea, select, [contenteditable]") || event.ctrlKey || event.metaKey || event.altKey) return;
      if (event.key === "?") setHelp(true);
      else if (event.key === "a") setActivity((old) => !old);
      else if (event.key === "g") g = event.timeStamp;
      else if (event.timeStamp - g < 1200) {
        const to = { h: "/", i: "/instances", n: "/networks", v: "/volumes", p: "/public-ips", m: "/map", e: "/event-log" }[event.key];
        g = 0;
        if (to) void navigate({ to });
      }
    };
    document.addEventListener("keydown", keys);
    return () => document.removeEventListener("keydown", keys);
  }, [navigate]);
  const filled = /^\/[^/]+$/.test(path) && !OWN.has(path);
  return (
    <div className="shell" key={language}>
      <a className="skip" href="#main">{t("To the content")}</a>
      <button type="button" className={open ? "side-shade open" : "side-shade"} aria-label={t("Close the menu")} onClick={() => setOpen(false)} tabIndex={open ? 0 : -1} />
      <aside className={open ? "side open" : "side"} aria-label={t("Sections")}>
        <ScopeSwitch />
        <button type="button" className="jump" onClick={() => setPalette(true)}><IconSearch size={15} aria-hidden />{t("Search or jump to")}<kbd>{t("Ctrl K")}</kbd></button>
        <nav aria-label={t("Main")}>
          <Link to="/" className="entry" aria-current={path === "/" ? "page" : undefined}><Icon name="home" />{t("Overview")}</Link>
          {SECTIONS.filter((section) => entries.some((entry) => entry.section === section)).map((section) => (
            <div key={section}>
              <h2>{t(section)}</h2>
              {entries.filter((entry) => entry.section === section).map((entry) => (
                <Link key={entry.to} to={entry.to} className="entry" aria-current={path === entry.to || path.startsWith(`${entry.to}/`) ? "page" : undefined}><Icon name={entry.icon} />{t(entry.title)}</Link>
              ))}
            </div>
          ))}
        </nav>
        <div className="foot">
          <Menu position="top-start" width={220}>
            <Menu.Target>
              <button type="button" className="whose" style={{ padding: 4 }}><span className="face" aria-hidden>{initials}</span><span className="grow"><b>{[who?.firstname, who?.lastname].filter(Boolean).join(" ") || who?.username}</b><br /><small className="quiet">{who?.account}</small></span><IconChevronRight size={14} aria-hidden /></button>
            </Menu.Target>
            <Menu.Dropdown>
              <Menu.Item onClick={() => void navigate({ to: "/profile" })}>{t("Profile and keys")}</Menu.Item>
              <Menu.Item onClick={() => void navigate({ to: "/reference" })}>{t("API reference")}</Menu.Item>
              <Menu.Item onClick={() => void navigate({ to: "/about" })}>{t("About")}</Menu.Item>
              <Menu.Divider />
              {Object.entries(LANGUAGES).map(([code, name]) => <Menu.Item key={code} leftSection={<IconLanguage size={15} />} onClick={() => void speak(code as Language)}>{name}{code === language ? " ✓" : ""}</Menu.Item>)}
              <Menu.Divider />
              <Menu.Item leftSection={<IconLogout size={15} />} onClick={() => void signOut()}>{t("Sign out")}</Menu.Item>
            </Menu.Dropdown>
          </Menu>
        </div>
      </aside>
      <header className="top">
        <button type="button" className="icon-button menu-button" aria-label={t("Menu")} onClick={() => setOpen(true)}><IconMenu2 size={18} /></button>
        <Crumbs />
        <button type="button" className="icon-button" aria-label={running ? t("Activity, {count} running", { count: running }) : t("Activity")} title={t("Activity (a)")} onClick={() => setActivity(true)}><IconActivity size={18} />{running > 0 && <span className="badge-count">{running}</span>}</button>
        <button type="button" className="icon-button" aria-label={t("Keys and help")} title={t("Keys (?)")} onClick={() => setHelp(true)}><IconHelp size={18} /></button>
        <button type="button" className="icon-button" aria-label={scheme === "dark" ? t("Light scheme") : t("Dark scheme")} onClick={() => setScheme(scheme === "dark" ? "light" : "dark")}>{scheme === "dark" ? <IconSun size={18} /> : <IconMoon size={18} />}</button>
      </header>
      <main id="main" className={filled ? "page filled" : "page"} tabIndex={-1}><Suspense><Outlet /></Suspense></main>
      <Notices />
      <Suspense>
        <Once wanted={palette}><Palette opened={palette} close={() => setPalette(false)} entries={entries} /></Once>
        <Once wanted={activity}><Activity opened={activity} close={() => setActivity(false)} /></Once>
        <Once wanted={help}><Keys opened={help} close={() => setHelp(false)} /></Once>
      </Suspense>
    </div>
  );
}
