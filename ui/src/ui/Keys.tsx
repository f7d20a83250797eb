import { Modal } from "@mantine/core";
import type { ReactNode } from "react";
import { t } from "../lib/words";

const KEYS: [string, string][] = [
  ["Ctrl K", "Jump to a page, a thing or an action"], ["/", "Search this list"], ["c", "Create"], ["g i", "Instances"], ["g n", "Networks"], ["g v", "Volumes"], ["g p", "Public IPs"],
  ["g m", "Network map"], ["g e", "Events"], ["g h", "Overview"], ["j k", "Rows down and up"], ["x", "Choose the row"], ["Enter", "Open the row"], [".", "The row's actions"], ["a", "Activity"], ["?", "These keys"], ["Esc", "Close"],
];

export function Keys({ opened, close }: { opened: boolean; close: () => void }): ReactNode {
  return (
    <Modal opened={opened} onClose={close} title={t("Keys")} closeButtonProps={{ "aria-label": t("Close") }}>
      <dl className="facts" style={{ gridTemplateColumns: "90px 1fr" }}>{KEYS.map(([key, what]) => <div key={key} style={{ display: "contents" }}><dt><kbd className="mono">{key}</kbd></dt><dd>{t(what)}</dd></div>)}</dl>
    </Modal>
  );
}
