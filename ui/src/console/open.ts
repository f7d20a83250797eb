import { call, type Row } from "../api/client";

/** Open an instance's console in a window of its own. The link is good for one use, for a short time. */
export async function openConsole(id: string): Promise<void> {
  const shown = window.open("", `console-${id}`, "width=1024,height=800");
  const answer = await call("createConsoleEndpoint", { virtualmachineid: id });
  const endpoint = (answer["consoleendpoint"] ?? answer) as Row;
  if (shown) shown.location.href = String(endpoint["url"]);
}
