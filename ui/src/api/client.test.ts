import { afterEach, expect, test, vi } from "vitest";
import { ApiError, call, encode, enter, list, onSessionLost, signIn } from "./client";
import { perform } from "./jobs";

const sent: URLSearchParams[] = [];

/** A server that gives these answers, one after the other. */
function answers(...bodies: [number, unknown][]): void {
  sent.length = 0;
  vi.stubGlobal("fetch", async (_: string, { body }: { body: URLSearchParams }) => {
    sent.push(body);
    const [status, told] = bodies.length > 1 ? bodies.shift()! : bodies[0]!;
    return new Response(typeof told === "string" ? told : JSON.stringify({ response: told }), { status });
  });
}

afterEach(() => {
  vi.unstubAllGlobals();
  onSessionLost(undefined);
});

test("parameters as the API writes them", () => {
  const body = encode({ name: "a b&c", ids: ["1", "2"], none: undefined, empty: "", no: [], yes: true, count: 0, details: { cpu: "2", memory: "512" }, nics: [{ networkid: "n", ip: "10.1.1.2" }, { networkid: "m" }] });
  expect(Object.fromEntries(body)).toEqual({
    name: "a b&c", ids: "1,2", yes: "true", count: "0", "details[0].cpu": "2", "details[0].memory": "512",
    "nics[0].networkid": "n", "nics[0].ip": "10.1.1.2", "nics[1].networkid": "m",
  });
});

test("a list's rows are found beside its facets", async () => {
  answers([200, { count: 12, facets: { state: { Running: 9 } }, virtualmachine: [{ id: "1" }] }]);
  expect(await list("listVirtualMachines")).toEqual({ rows: [{ id: "1" }], count: 12, facets: { state: { Running: 9 } } });
  answers([200, {}]);
  expect(await list("listVirtualMachines")).toEqual({ rows: [], count: 0, facets: undefined });
});

test("a refusal carries what the server explained", async () => {
  answers([431, { errorcode: 431, errortext: "No zone", param: "zoneid", explain: { why: ["there is none"], fix: ["make one"] } }]);
  const error = await call("createNetwork").catch((one: unknown) => one as ApiError);
  expect(error).toBeInstanceOf(ApiError);
  expect(error).toMatchObject({ message: "No zone", command: "createNetwork", status: 431, param: "zoneid", explain: { why: ["there is none"], fix: ["make one"] } });
});

test("an answer without words and a server that is gone are told as such", async () => {
  answers([502, "<html>"]);
  await expect(call("listZones")).rejects.toThrow("The server answered 502 without saying why");
  vi.stubGlobal("fetch", async () => { throw new TypeError("Failed to fetch"); });
  await expect(call("listZones")).rejects.toThrow("The server does not answer");
});

test("what a session that ended refuses waits for the next sign-in, and is sent again with its key", async () => {
  const lost = vi.fn();
  onSessionLost(lost);
  localStorage.setItem("sessionkey", "old");
  localStorage.setItem("me", JSON.stringify({ userid: "ann" }));
  answers([401, { errortext: "unable to verify" }], [200, { userid: "ann", sessionkey: "new" }], [200, { count: 3 }]);
  const waiting = call("listZones");
  await vi.waitFor(() => expect(lost).toHaveBeenCalledTimes(1));
  const later = call("listHosts"); // asked meanwhile: it must not go out with a session that is not let in yet
  await signIn("ann", "secret", "");
  expect(sent.map((body) => body.get("command"))).toEqual(["listZones", "login"]);
  expect(enter()).toBe(true);
  expect(await waiting).toEqual({ count: 3 });
  expect(await later).toEqual({ count: 3 });
  expect(sent.slice(2).map((body) => body.get("sessionkey"))).toEqual(["new", "new"]);
  expect(lost).toHaveBeenCalledTimes(1);
});

test("what waited for one user is not sent for another", async () => {
  onSessionLost(() => {});
  localStorage.setItem("me", JSON.stringify({ userid: "ann" }));
  answers([511, { errortext: "no second factor" }], [200, { userid: "bob", sessionkey: "bob" }]);
  const waiting = call("listZones");
  await vi.waitFor(() => expect(sent).toHaveLength(1));
  await signIn("bob", "secret", "");
  expect(enter()).toBe(false);
  expect(await Promise.race([waiting, new Promise((resolve) => setTimeout(resolve, 20, "still waiting"))])).toBe("still waiting");
  expect(sent).toHaveLength(2);
  localStorage.setItem("me", JSON.stringify({ userid: "bob" }));
  answers([200, { userid: "bob", sessionkey: "again" }], [200, { count: 1 }]);
  await signIn("bob", "secret", "");
  expect(enter()).toBe(true);
  await waiting;
});

test("a wrong password or code is no lost session", async () => {
  const lost = vi.fn();
  onSessionLost(lost);
  answers([401, { errortext: "wrong" }]);
  await expect(signIn("ann", "wrong", "")).rejects.toThrow("wrong");
  answers([511, { errortext: "The code is wrong" }]);
  await expect(call("validateUserTwoFactorAuthenticationCode", { codefor2fa: "000000" })).rejects.toThrow("The code is wrong");
  expect(lost).not.toHaveBeenCalled();
});

test("a command that begins a job is waited for, and tells how it goes", async () => {
  answers([200, { jobid: "j" }], [200, { jobid: "j", jobstatus: 0, step: "one" }], [200, { jobid: "j", jobstatus: 1, jobresult: { id: "made" } }]);
  const steps: unknown[] = [];
  expect(await perform("startVirtualMachine", { id: "1" }, (job) => steps.push(job.step))).toEqual({ id: "made" });
  expect(steps).toEqual(["one", undefined]);
  expect(sent.map((body) => body.get("command"))).toEqual(["startVirtualMachine", "queryAsyncJobResult", "queryAsyncJobResult"]);
});

test("a job that failed is a refusal with its own reasons", async () => {
  answers([200, { jobid: "j" }], [200, { jobid: "j", jobstatus: 2, jobresultcode: 533, jobresult: { errorcode: 533, errortext: "No host has room" }, explain: { why: ["needs 4 GiB, 2 GiB are free"] } }]);
  await expect(perform("startVirtualMachine", { id: "1" })).rejects.toMatchObject({ message: "No host has room", code: 533, job: "j", explain: { why: ["needs 4 GiB, 2 GiB are free"] } });
});
