// German for the history of capacity.
import type { Texts } from "../words";

export default {
  "No samples yet; the first ones come within minutes": "Noch keine Messungen; die ersten kommen in wenigen Minuten",
  "Steady at {part} %": "Unverändert {part} %",
  "From {from} % to {to} %": "Von {from} % auf {to} %",
  "Collected since {when}": "Erfasst seit {when}",
  "Full within a day at the growth of the last {hours} hours": "Voll binnen eines Tages, wenn es wächst wie in den letzten {hours} Stunden",
  "Full in {count} days at the growth of the last {hours} hours": { one: "Voll in {count} Tag, wenn es wächst wie in den letzten {hours} Stunden", other: "Voll in {count} Tagen, wenn es wächst wie in den letzten {hours} Stunden" },
  "at most {most} %, threshold {threshold} %": "höchstens {most} %, Schwelle {threshold} %",
  "Last 24 hours. {what}": "Letzte 24 Stunden. {what}",
  "As a table": "Als Tabelle",
  "Time": "Zeit",
  "Total": "Gesamt",
  "Samples of {what}": "Messungen: {what}",
  "{when}: {part} %, {used} of {total}": "{when}: {part} %, {used} von {total}",
  "Allocated over time": "Zugewiesen im Verlauf",
  "24 hours": "24 Stunden",
  "7 days": "7 Tage",
  "30 days": "30 Tage",
  "1 year": "1 Jahr",
  "Capacity history": "Verlauf der Kapazität",
  "Threshold": "Schwelle",
  "Days until full": "Tage bis voll",
  "Hours observed": "Beobachtete Stunden",
  "Samples": "Messungen",
} satisfies Texts;
