// What the server offers each role, recorded by the test that runs the units.
import { readFileSync } from "node:fs";
import { Catalogue, type Command } from "../api/catalogue";
import { SLUGS } from "../meta";

export type Role = "root" | "chief" | "user";

const path = process.env["CLOUDWRIGHT_APIS"];
if (!path) throw new Error("CLOUDWRIGHT_APIS names no file: run the units by `pytest tests/console/test_units.py`");
const recorded = JSON.parse(readFileSync(path, "utf8")) as Record<Role, Command[]> & { spoken: string[] };

/** Words that the API tells in its answers: states, tasks and steps of jobs, groups of settings. */
export const spoken = recorded.spoken;

export const offered = (role: Role): Catalogue => new Catalogue(recorded[role], SLUGS);
