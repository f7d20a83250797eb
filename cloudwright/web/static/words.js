// Texts of the page around a screen, in the language that the console was set to.
const GERMAN = {
  "Console": "Konsole",
  "Connecting …": "Verbindet …",
  "Connecting, attempt {tries} of {most} …": "Verbindet, Versuch {tries} von {most} …",
  "Connected": "Verbunden",
  "Connected. Press Enter if nothing is shown.": "Verbunden. Drücken Sie Enter, wenn nichts zu sehen ist.",
  "Disconnected": "Getrennt",
  "Not connected": "Nicht verbunden",
  "Not connected, trying again …": "Nicht verbunden, versucht es wieder …",
  "The connection has ended": "Die Verbindung ist zu Ende",
  "The machine was stopped or the network failed. Open the console again from the machine's page.": "Die Maschine wurde gestoppt oder das Netz fiel aus. Öffnen Sie die Konsole noch einmal von der Seite der Maschine.",
  "The console does not open": "Die Konsole öffnet sich nicht",
  "The link may have expired or been used before, or the machine is not running. Open the console again from the machine's page.": "Der Link ist vielleicht abgelaufen oder schon benutzt, oder die Maschine läuft nicht. Öffnen Sie die Konsole noch einmal von der Seite der Maschine.",
  "There is no such machine any more": "Diese Maschine gibt es nicht mehr",
  "It is {state}": "Zustand: {state}",
  "{name} is {state}": "{name}: {state}",
  "A machine has a console while it runs.": "Eine Konsole hat eine Maschine, solange sie läuft.",
  "A part of this page is not there. Look whether the server's console is built.": "Ein Teil dieser Seite fehlt. Sehen Sie nach, ob die Konsole des Servers gebaut ist.",
  "Your session ended": "Ihre Sitzung ist zu Ende",
  "Sign in again in the console's main window, then try again here.": "Melden Sie sich im Hauptfenster noch einmal an und versuchen Sie es dann hier.",
  "The server does not answer, trying again …": "Der Server antwortet nicht, versucht es wieder …",
  "It was not started": "Sie wurde nicht gestartet",
  "There is no console here": "Hier ist keine Konsole",
  "Open the console from the machine's page.": "Öffnen Sie die Konsole von der Seite der Maschine.",
  "Send keys": "Tasten senden",
  "Paste": "Einfügen",
  "Fit": "Einpassen",
  "Full screen": "Vollbild",
  "Text to type into the machine": "Text, der in die Maschine getippt wird",
  "Type it": "Tippen",
  "Start": "Starten",
  "Try again": "Erneut versuchen",
  "Screen of the machine": "Bildschirm der Maschine",
  "Screen": "Bildschirm",
  "Serial console": "Serielle Konsole",
  "Running": "läuft",
  "Stopped": "gestoppt",
  "Starting": "startet",
  "Stopping": "stoppt",
  "Migrating": "wird verschoben",
  "Destroyed": "zerstört",
  "Expunging": "wird gelöscht",
  "Error": "Fehler",
  "Unknown": "unbekannt",
};
const texts = localStorage.getItem("language") === "de" ? GERMAN : {};

export function t(text, values = {}) {
  return (texts[text] ?? text).replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
}

// What the page itself says.
export function translate() {
  if (texts === GERMAN) document.documentElement.lang = "de";
  for (const one of document.querySelectorAll("button, label, title, #state")) one.textContent = t(one.textContent);
  for (const one of document.querySelectorAll("[aria-label]")) one.ariaLabel = t(one.ariaLabel);
}
