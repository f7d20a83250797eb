import { call, type Row } from "../api/client";

/** Open an instance's screen or serial port in a window of its own. The link is good for one use, for a short time; the window asks for the next one itself. */
export async function openConsole(id: string, protocol: "vnc" | "serial" = "vnc"): Promise<void> {
  const shown = window.open("", `${protocol}-${id}`, "width=1024,height=800");
  try {
    const answer = await call("createConsoleEndpoint", { virtualmachineid: id, protocol });
    const endpoint = (answer["consoleendpoint"] ?? answer) as Row;
    const { origin, pathname, search } = new URL(String(endpoint["url"]));
    // A page of this server is opened under the name that this one was: the session is known there.
    const here = pathname === "/client/console" ? location.origin : origin;
    if (shown) shown.location.href = `${here}${pathname}${search}&vm=${id}`;
  } catch (error) {
    shown?.close();
    throw error;
  }
}
