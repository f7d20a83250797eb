// Signed in or not; the catalogue and the live stream of a session. A session that is lost is asked for over the page: nothing is lost.
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { useEffect, useState, type ReactNode } from "react";
import { keptCatalogue, loadCatalogue } from "./api/catalogue";
import { ApiError, onSessionLost, signedIn } from "./api/client";
import { follow } from "./api/live";
import { CatalogueContext } from "./api/use";
import { SLUGS } from "./meta";
import { SignIn, SignInAgain } from "./pages/sign-in/SignIn";
import { router } from "./router";
import { Explain } from "./ui/Explain";

export function App(): ReactNode {
  const client = useQueryClient();
  const [inside, setInside] = useState(signedIn());
  const [lost, setLost] = useState(false);
  const catalogue = useQuery({ queryKey: ["catalogue"], queryFn: () => loadCatalogue(SLUGS), enabled: inside, staleTime: Infinity, initialData: () => (inside ? keptCatalogue(SLUGS) : undefined), refetchOnMount: "always" });
  useEffect(() => onSessionLost(inside ? () => setLost(true) : undefined), [inside]);
  useEffect(() => (inside && !lost && catalogue.data ? follow(client) : undefined), [client, inside, lost, catalogue.data]);
  const again = () => { setLost(false); void client.invalidateQueries(); };
  if (!inside) return <SignIn done={() => setInside(true)} />;
  if (!catalogue.data) {
    if (lost) return <SignIn over done={again} />;
    return <main className="sign-in">{catalogue.error ? <div className="card"><h1 className="visually-hidden">Cloudwright</h1><Explain error={catalogue.error as ApiError} retry={() => void catalogue.refetch()} /></div> : <span className="status busy" role="status">Cloudwright</span>}</main>;
  }
  return (
    <CatalogueContext value={catalogue.data}>
      <RouterProvider router={router} />
      {lost && <SignInAgain done={again} />}
    </CatalogueContext>
  );
}
