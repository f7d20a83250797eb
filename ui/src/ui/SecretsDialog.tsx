import { Modal } from "@mantine/core";
import type { ReactNode } from "react";
import type { Row } from "../api/client";
import { t } from "../lib/words";
import { Secrets } from "./Secrets";

/** What the job of a command told once. It is left by saying that it is kept. */
export function SecretsDialog({ answer, done }: { answer: Row; done: () => void }): ReactNode {
  return <Modal opened onClose={done} title={t("Shown once")} withCloseButton={false} closeOnClickOutside={false} closeOnEscape={false}><Secrets answer={answer} done={done} /></Modal>;
}
