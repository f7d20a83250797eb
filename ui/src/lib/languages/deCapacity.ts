// German for the history of capacity.
import type { Texts } from "../words";

export default {
  "No samples yet; the first ones come within minutes": "Noch keine Messungen; die ersten kommen in wenigen Minuten",
  "Steady at {part} %": "Unverändert {part} %",
  "From {from} % to {to} %": "Von {from} % auf {to} %",
  "Collected since {when}": "Erfasst seit {when}",
  "Full {when} at the growth of the last {hours} hours": "Voll {when}, wenn es wächst wie in den letzten {hours} Stunden",
  "at most {most} %, threshold {threshold} %": "höchstens {most} %, Schwelle {threshold} %",
  "Last 24 hours. {what}": "Letzte 24 Stunden. {what}",
  "{part} % really in use": "{part} % wirklich belegt",
  "In use": "In Gebrauch",
  "As a table": "Als Tabelle",
  "Time": "Zeit",
  "Total": "Gesamt",
  "Samples of {what}": "Messungen: {what}",
  "{when}: {part} %, {amount} of {total}": "{when}: {part} %, {amount} von {total}",
  "Allocated over time": "Zugewiesen im Verlauf",
  "24 hours": "24 Stunden",
  "7 days": "7 Tage",
  "30 days": "30 Tage",
  "1 year": "1 Jahr",
  "Capacity history": "Verlauf der Kapazität",
  "Threshold": "Schwelle",
  "Days to full": "Tage bis voll",
  "Observed days": "Beobachtete Tage",
  "Stats": "Messungen",
} satisfies Texts;
