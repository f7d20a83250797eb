// English needs a file only where a text has plural forms.
import type { Texts, Values } from "../words";

export default {
  "{count} commands that your role may call": { one: "{count} command that your role may call", other: "{count} commands that your role may call" },
  "{count} networks": { one: "{count} network", other: "{count} networks" },
  "{count} instances": { one: "{count} instance", other: "{count} instances" },
  "{count} public addresses": { one: "{count} public address", other: "{count} public addresses" },
  "{count} settings; each is in force at once": { one: "{count} setting; it is in force at once", other: "{count} settings; each is in force at once" },
  "Full in {count} days at the growth of the last {hours} hours": { one: "Full in {count} day at the growth of the last {hours} hours", other: "Full in {count} days at the growth of the last {hours} hours" },
  "{count} users": { one: "{count} user", other: "{count} users" },
  "{count} rules lead in from outside": { one: "{count} rule leads in from outside", other: "{count} rules lead in from outside" },
} satisfies Texts;

export const values: Values = { "Download Complete": "Downloaded" };
