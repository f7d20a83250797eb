// Pages by path. Hand-made pages are named here; every other path is a resource's list or detail page.
import { createRootRoute, createRoute, createRouter, lazyRouteComponent, Link, useParams, useSearch } from "@tanstack/react-router";
import { lazy as part, useState, type ReactNode } from "react";
import { useCatalogue } from "./api/use";
import { t } from "./lib/words";
import { Home } from "./pages/Home";
import type { ListPage } from "./pages/ListPage";
import { NEEDS } from "./ui/entries";
import { Shell } from "./ui/Shell";

// A list is fetched beside the catalogue where it is what is opened first, and is then no lazy part: React shows those 300 ms late.
let fetched: typeof ListPage | undefined;
const fetchList = () => import("./pages/ListPage").then((file) => ({ default: (fetched = file.ListPage) }));
const LazyList = part(fetchList);
if (location.pathname !== "/client/") void fetchList();

// Parts of pages that a first list does not need.
const ApiPage = part(() => import("./pages/ApiPage").then((file) => ({ default: file.ApiPage })));
const CreatePage = part(() => import("./pages/CreatePage").then((file) => ({ default: file.CreatePage })));
const DetailPage = part(() => import("./pages/detail/DetailPage").then((file) => ({ default: file.DetailPage })));
const JobPage = part(() => import("./pages/JobPage").then((file) => ({ default: file.JobPage })));

function Missing(): ReactNode {
  return <div className="empty card"><strong>{t("There is no such page, or your role does not list it")}</strong><Link to="/">{t("Overview")}</Link></div>;
}

function Listed(): ReactNode {
  const { slug } = useParams({ strict: false }) as { slug: string };
  const kind = useCatalogue().bySlug(slug);
  const [List] = useState(() => fetched ?? LazyList);
  return kind ? <List key={slug} kind={kind} /> : <Missing />;
}

function Detailed(): ReactNode {
  const { slug, id, tab = "" } = useParams({ strict: false }) as { slug: string; id: string; tab?: string };
  const catalogue = useCatalogue();
  const listed = catalogue.bySlug(slug);
  const kind = listed && catalogue.home(listed);
  return kind ? <DetailPage key={`${slug}${id}`} kind={kind} id={id} tab={tab} /> : <Missing />;
}

function Created(): ReactNode {
  const { slug } = useParams({ strict: false }) as { slug: string };
  const { command } = useSearch({ strict: false }) as { command?: string };
  const kind = useCatalogue().bySlug(slug);
  return kind?.create.length ? <CreatePage key={slug} kind={kind} command={command} /> : <Missing />;
}

const root = createRootRoute({ component: Shell, notFoundComponent: Missing });
const page = (path: string, component: () => ReactNode) => createRoute({ getParentRoute: () => root, path, component });

/** A page made by hand, loaded when it is wanted; it is there for those only whose role lists what it shows. */
function lazy(path: string, load: () => Promise<Record<string, unknown>>, name: string) {
  const Page = lazyRouteComponent(load as never, name as never) as (() => ReactNode) & { preload?: () => Promise<void> };
  const needs = NEEDS[path];
  const Allowed = () => (needs === undefined || useCatalogue().has(needs) ? <Page /> : <Missing />);
  return createRoute({ getParentRoute: () => root, path, component: Object.assign(Allowed, { preload: Page.preload }) as never });
}

const tree = root.addChildren([
  page("/", Home),
  page("/activity/$job", function Job() { return <JobPage id={(useParams({ strict: false }) as { job: string }).job} />; }),
  page("/reference", function Api() { return <ApiPage name={undefined} />; }),
  page("/reference/$command", function Api() { return <ApiPage name={(useParams({ strict: false }) as { command: string }).command} />; }),
  lazy("/new/instances", () => import("./pages/instance/CreateInstance"), "CreateInstance"),
  lazy("/map", () => import("./pages/NetworkMap"), "NetworkMap"),
  lazy("/capacity", () => import("./pages/Capacity"), "Capacity"),
  lazy("/infrastructure", () => import("./pages/Infrastructure"), "Infrastructure"),
  lazy("/settings", () => import("./pages/Settings"), "Settings"),
  lazy("/domains", () => import("./pages/DomainTree"), "DomainTree"),
  lazy("/access", () => import("./pages/Access"), "Access"),
  lazy("/limits", () => import("./pages/Limits"), "Limits"),
  lazy("/identity", () => import("./pages/Identity"), "Identity"),
  lazy("/profile", () => import("./pages/Profile"), "Profile"),
  lazy("/setup", () => import("./pages/setup/Setup"), "Setup"),
  lazy("/about", () => import("./pages/About"), "About"),
  page("/new/$slug", Created),
  page("/$slug", Listed),
  page("/$slug/$id", Detailed),
  page("/$slug/$id/$tab", Detailed),
]);

/** A page that broke: the frame around it stays. */
function Broken({ error, reset }: { error: Error; reset: () => void }): ReactNode {
  return <div className="explain" role="alert"><h3>{t("This page broke")}</h3><div>{error.message}</div><footer className="row wrap"><button type="button" className="chip" onClick={reset}>{t("Try again")}</button></footer></div>;
}

export const router = createRouter({ routeTree: tree, basepath: "/client", defaultPreload: "intent", defaultErrorComponent: Broken as never });

// Not registered for typing: most paths are data (slugs of what the server lists), so their types would say nothing.
