// Create anything: the form of its command, on a page of its own so that it can be linked to.
import { useNavigate } from "@tanstack/react-router";
import type { ReactNode } from "react";
import type { Kind } from "../api/catalogue";
import { spoken } from "../meta/words";
import { ActionForm } from "../ui/ActionForm";
import { Title } from "../ui/Title";

export function CreatePage({ kind, command: wanted }: { kind: Kind; command?: string | undefined }): ReactNode {
  const navigate = useNavigate();
  const command = kind.create.find((one) => one.name === wanted) ?? kind.create[0];
  if (!command) return null;
  return (
    <>
      <Title title={spoken(command.name)} />
      <div className="card" style={{ maxWidth: 720, marginInlineStart: 0 }}><ActionForm command={command} done={() => void navigate({ to: "/$slug", params: { slug: kind.slug } })} /></div>
    </>
  );
}
