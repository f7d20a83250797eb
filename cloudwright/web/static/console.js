// The page around noVNC: one machine's screen, opened with a token that works once.
import RFB from "/client/vnc/novnc/core/rfb.js";

const TRIES = 5;
const element = (id) => document.getElementById(id);
const token = new URLSearchParams(location.search).get("token");
let screen = null;
let seen = false; // a picture was there, so the token is used up
let tries = 0;

function say(state, text) {
  element("state").dataset.state = state;
  element("state").textContent = text;
  element("keys").disabled = state !== "connected";
}

function notice(title, text, again) {
  element("notice").hidden = false;
  element("notice").querySelector("h1").textContent = title;
  element("notice").querySelector("p").textContent = text;
  element("again").hidden = !again;
}

function connect() {
  tries += 1;
  element("notice").hidden = true;
  say("connecting", tries > 1 ? `Connecting, attempt ${tries} of ${TRIES} …` : "Connecting …");
  const scheme = location.protocol === "https:" ? "wss:" : "ws:";
  screen = new RFB(element("screen"), `${scheme}//${location.host}/client/console?token=${encodeURIComponent(token)}`);
  screen.scaleViewport = true;
  screen.background = "#0b0d0f";
  screen.addEventListener("connect", connected);
  screen.addEventListener("disconnect", disconnected);
  screen.addEventListener("desktopname", (event) => named(event.detail.name));
}

function named(name) {
  element("name").textContent = name;
  document.title = name ? `${name} – Console` : "Console";
}

function connected() {
  seen = true;
  say("connected", "Connected");
  screen.focus();
}

function disconnected() {
  screen = null;
  if (seen) {
    say("ended", "Disconnected");
    notice("The connection has ended", "The machine was stopped or the network failed. Open the console again from the machine's page.", false);
  } else if (tries < TRIES) {
    say("connecting", "Not connected, trying again …");
    setTimeout(connect, 500 * 2 ** (tries - 1));
  } else {
    say("ended", "Not connected");
    notice("The console does not open", "The link may have expired or been used before, or the machine is not running. Open the console again from the machine's page.", true);
  }
}

element("keys").addEventListener("click", () => {
  screen?.sendCtrlAltDel();
  screen?.focus();
});
element("full").addEventListener("click", () => {
  if (document.fullscreenElement) document.exitFullscreen();
  else element("screen").requestFullscreen();
  screen?.focus();
});
element("again").addEventListener("click", () => {
  tries = 0;
  connect();
});

if (token) connect();
else {
  say("ended", "Not connected");
  notice("There is no console here", "Open the console from the machine's page.", false);
}
