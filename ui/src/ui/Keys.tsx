import { Modal } from "@mantine/core";
import type { ReactNode } from "react";
import { t } from "../lib/words";

const keys = (): [string, string][] => [
  [t("Ctrl K"), t("Jump to a page, a thing or an action")], ["/", t("Search this list")], ["c", t("Create")], ["g i", t("Instances")], ["g n", t("Networks")], ["g v", t("Volumes")], ["g p", t("Public IPs")],
  ["g m", t("Network map")], ["g e", t("Events")], ["g h", t("Overview")], ["j k", t("Rows down and up")], ["x", t("Choose the row")], ["Enter", t("Open the row")], [".", t("The row's actions")], ["a", t("Activity")], ["?", t("These keys")], ["Esc", t("Close")],
];

export function Keys({ opened, close }: { opened: boolean; close: () => void }): ReactNode {
  return (
    <Modal opened={opened} onClose={close} title={t("Keys")} closeButtonProps={{ "aria-label": t("Close") }}>
      <dl className="facts" style={{ gridTemplateColumns: "90px 1fr" }}>{keys().map(([key, what]) => <div key={key} style={{ display: "contents" }}><dt><kbd className="mono">{key}</kbd></dt><dd>{what}</dd></div>)}</dl>
    </Modal>
  );
}
