// Signed in or not; the catalogue and the live stream of a session. A session that is lost is asked for over the page: nothing is lost.
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { lazy, Suspense, useEffect, useState, type ReactNode } from "react";
import { keptCatalogue, loadCatalogue } from "./api/catalogue";
import { ApiError, byLetter, onSessionLost, signedIn } from "./api/client";
import { follow } from "./api/live";
import { CatalogueContext } from "./api/use";
import { SLUGS } from "./meta";
import { router } from "./router";
import { Explain } from "./ui/Explain";

// Who is signed in needs none of it.
const SignIn = lazy(() => import("./pages/sign-in/SignIn").then((part) => ({ default: part.SignIn })));
const SignInAgain = lazy(() => import("./pages/sign-in/SignIn").then((part) => ({ default: part.SignInAgain })));

export function App(): ReactNode {
  const client = useQueryClient();
  const [inside, setInside] = useState(signedIn() && !byLetter());
  const [lost, setLost] = useState(false);
  const catalogue = useQuery({ queryKey: ["catalogue"], queryFn: () => loadCatalogue(SLUGS), enabled: inside, staleTime: Infinity, initialData: () => (inside ? keptCatalogue(SLUGS) : undefined), refetchOnMount: "always" });
  useEffect(() => onSessionLost(inside ? () => setLost(true) : undefined), [inside]);
  useEffect(() => (inside && !lost && catalogue.data ? follow(client) : undefined), [client, inside, lost, catalogue.data]);
  const again = () => { setLost(false); void client.invalidateQueries(); };
  if (!inside) return <Suspense><SignIn done={() => setInside(true)} /></Suspense>;
  if (!catalogue.data) {
    if (lost) return <Suspense><SignIn over done={again} /></Suspense>;
    return <main className="sign-in">{catalogue.error ? <div className="card"><h1 className="visually-hidden">Cloudwright</h1><Explain error={catalogue.error as ApiError} retry={() => void catalogue.refetch()} /></div> : <span className="status busy" role="status">Cloudwright</span>}</main>;
  }
  return (
    <CatalogueContext value={catalogue.data}>
      <RouterProvider router={router} />
      {lost && <Suspense><SignInAgain done={again} /></Suspense>}
    </CatalogueContext>
  );
}
