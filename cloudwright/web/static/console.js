// The page around one machine's screen (noVNC) or its serial port (xterm). A token opens it once; for the next time another is asked
// of the API, by the session of the console that opened this window. Without that (`vm` in the address), what was lost stays lost.
import { t, translate } from "/client/vnc/words.js";

const TRIES = 5; // with one token
const SLOWEST = 8000; // ms between two looks at a machine
const SCREEN_KEYS = { "Ctrl-Alt-Del": [0xffe3, 0xffe9, 0xffff], "Ctrl-Alt-F1": [0xffe3, 0xffe9, 0xffbe], "Ctrl-Alt-F2": [0xffe3, 0xffe9, 0xffbf], "Ctrl-C": [0xffe3, 0x63], "Alt-Tab": [0xffe9, 0xff09], Esc: [0xff1b] };
const SERIAL_KEYS = { "Ctrl-C": "\x03", "Ctrl-D": "\x04", "Ctrl-W": "\x17", "Ctrl-Z": "\x1a", Esc: "\x1b" };
const LINE = { "\n": 0xff0d, "\t": 0xff09 };
const element = (id) => document.getElementById(id);
const given = new URLSearchParams(location.search);
const machine = given.get("vm");
const serial = given.get("protocol") === "serial";
const KEYS = serial ? SERIAL_KEYS : SCREEN_KEYS;
let token = given.get("token");
let screen = null;
let terminal = null; // with all it was told, also over the next connections
let seen = false; // it was connected, so the token is used up
let tries = 0;
let pause = 500;

function say(state, text) {
  element("state").dataset.state = state;
  element("state").textContent = text;
  for (const id of ["keys", "paste"]) element(id).disabled = state !== "connected";
}

function notice(title, text, offers = []) {
  element("notice").hidden = false;
  element("notice").querySelector("h2").textContent = title;
  element("notice").querySelector("p").textContent = text;
  for (const id of ["start", "again"]) element(id).hidden = !offers.includes(id);
}

// What a command answers; refused, an error with the server's sentence and number.
async function api(command, params) {
  const body = new URLSearchParams({ ...params, command, response: "json", sessionkey: localStorage.getItem("sessionkey") ?? "" });
  const answer = await fetch("/client/api", { method: "POST", body });
  const told = Object.values(await answer.json())[0];
  if (!answer.ok) throw Object.assign(new Error(told.errortext), { status: answer.status });
  return told;
}

async function connect() {
  tries += 1;
  element("notice").hidden = true;
  say("connecting", tries > 1 ? t("Connecting, attempt {tries} of {most} …", { tries, most: TRIES }) : t("Connecting …"));
  const scheme = location.protocol === "https:" ? "wss:" : "ws:";
  const address = `${scheme}//${location.host}/client/console?token=${encodeURIComponent(token)}`;
  try {
    await (serial ? openTerminal(address) : openScreen(address));
  } catch {
    gone(t("The console does not open"), t("A part of this page is not there. Look whether the server's console is built."));
  }
}

async function openScreen(address) {
  const { default: RFB } = await import("/client/vnc/novnc/core/rfb.js");
  screen = new RFB(element("screen"), address);
  scaled(element("scale").ariaPressed === "true");
  screen.background = "#0b0d0f";
  screen.addEventListener("connect", connected);
  screen.addEventListener("disconnect", disconnected);
  screen.addEventListener("desktopname", (event) => { if (!machine) named(event.detail.name); });
}

async function openTerminal(address) {
  if (!terminal) {
    const { Serial } = await import("/client/serial.js");
    terminal = new Serial(element("screen"), t("Serial console"));
    terminal.addEventListener("connect", connected);
    terminal.addEventListener("heard", () => say("connected", t("Connected")));
    terminal.addEventListener("disconnect", disconnected);
  }
  screen = terminal;
  terminal.connect(address);
}

function named(name) {
  const shown = serial ? t("Serial console") : t("Console");
  element("name").textContent = name;
  document.title = name ? `${name} – ${shown}` : shown;
}

function connected() {
  seen = true;
  pause = 500;
  say("connected", serial ? t("Connected. Press Enter if nothing is shown.") : t("Connected"));
  screen.focus();
}

function disconnected() {
  screen = null;
  if (machine && (seen || tries >= 2)) {
    say("connecting", t("Not connected, trying again …"));
    setTimeout(reopen, pause);
  } else if (seen) {
    say("ended", t("Disconnected"));
    notice(t("The connection has ended"), t("The machine was stopped or the network failed. Open the console again from the machine's page."));
  } else if (tries < TRIES) {
    say("connecting", t("Not connected, trying again …"));
    setTimeout(connect, 500 * 2 ** (tries - 1));
  } else {
    say("ended", t("Not connected"));
    notice(t("The console does not open"), t("The link may have expired or been used before, or the machine is not running. Open the console again from the machine's page."), ["again"]);
  }
}

// Look at the machine, and open its screen anew as soon as there is one.
async function reopen() {
  pause = Math.min(pause * 2, SLOWEST);
  try {
    const told = await api("listVirtualMachines", { id: machine, listall: "true" });
    const row = told.virtualmachine?.[0];
    if (!row) return gone(t("There is no such machine any more"), "");
    named(row.name);
    if (row.state === "Running") return await renewed();
    say("ended", t("It is {state}", { state: t(row.state) }));
    notice(t("{name} is {state}", { name: row.name, state: t(row.state) }), t("A machine has a console while it runs."), row.state === "Stopped" ? ["start"] : []);
    setTimeout(reopen, pause);
  } catch (error) {
    if (error.status === 401 || error.status === 511) return gone(t("Your session ended"), t("Sign in again in the console's main window, then try again here."));
    if (error.status) return gone(t("The console does not open"), error.message);
    say("connecting", t("The server does not answer, trying again …"));
    setTimeout(reopen, pause);
  }
}

async function renewed() {
  const told = await api("createConsoleEndpoint", { virtualmachineid: machine, protocol: serial ? "serial" : "vnc" });
  token = (told.consoleendpoint ?? told).websocket.token;
  tries = 0;
  seen = false;
  connect();
}

function gone(title, text) {
  say("ended", t("Not connected"));
  notice(title, text, ["again"]);
}

function scaled(fit) {
  element("scale").ariaPressed = String(fit);
  if (!screen || serial) return;
  screen.scaleViewport = fit;
  screen.clipViewport = !fit;
  screen.dragViewport = !fit;
}

function press(keys) {
  if (serial) return screen?.send(keys);
  for (const key of keys) screen?.sendKey(key, null, true);
  for (const key of keys.toReversed()) screen?.sendKey(key, null, false);
}

function type(text) {
  if (serial) return screen?.type(text);
  for (const char of text.replaceAll("\r", "")) {
    const code = char.codePointAt(0);
    press([LINE[char] ?? (code < 0x100 ? code : 0x01000000 | code)]);
  }
}

element("keys").add(new Option(t("Send keys"), ""));
for (const name of Object.keys(KEYS)) element("keys").add(new Option(name, name));
element("keys").addEventListener("change", () => {
  press(KEYS[element("keys").value] ?? []);
  element("keys").value = "";
  screen?.focus();
});
element("paste").addEventListener("click", () => {
  const shown = element("typed").toggleAttribute("hidden");
  element("paste").ariaExpanded = String(!shown);
  if (!shown) element("text").focus();
});
element("typed").addEventListener("submit", (event) => {
  event.preventDefault();
  type(element("text").value);
  element("text").value = "";
  element("paste").click();
  screen?.focus();
});
element("scale").addEventListener("click", () => {
  scaled(element("scale").ariaPressed !== "true");
  screen?.focus();
});
element("full").addEventListener("click", () => {
  if (document.fullscreenElement) document.exitFullscreen();
  else element("screen").requestFullscreen();
  screen?.focus();
});
element("start").addEventListener("click", async () => {
  element("start").hidden = true;
  try {
    await api("startVirtualMachine", { id: machine });
    pause = 500;
  } catch (error) {
    notice(t("It was not started"), error.message, ["start"]);
  }
});
element("again").addEventListener("click", () => {
  tries = 0;
  if (machine) reopen();
  else connect();
});

translate();
named("");
element("scale").hidden = serial;
element("screen").ariaLabel = serial ? t("Serial console") : t("Screen of the machine");
element("other").hidden = !machine;
element("other").textContent = serial ? t("Screen") : t("Serial console");
element("other").href = `/client/console?vm=${encodeURIComponent(machine)}${serial ? "" : "&protocol=serial"}`;
if (machine) api("listVirtualMachines", { id: machine, listall: "true" }).then((told) => named(told.virtualmachine?.[0]?.name ?? ""), () => {});
if (token) connect();
else if (machine) reopen();
else {
  say("ended", t("Not connected"));
  notice(t("There is no console here"), t("Open the console from the machine's page."));
}
