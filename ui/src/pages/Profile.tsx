// Who is signed in: name and time zone, password, second factor, keys.
import { Button, PasswordInput, Select, TextInput } from "@mantine/core";
import { useState, type FormEvent, type ReactNode } from "react";
import { me, type ApiError, type Row } from "../api/client";
import { useCatalogue, useOne, usePerform } from "../api/use";
import { t } from "../lib/words";
import { Explain } from "../ui/Explain";
import { Qr } from "../ui/Qr";
import { Title } from "../ui/Title";
import { Copy, Status } from "../ui/values";
import { UserKeys } from "./detail/Govern";
import "./detail/detail.css";

const ZONES = Intl.supportedValuesOf("timeZone");

function Person({ user }: { user: Row }): ReactNode {
  const run = usePerform();
  const [values, setValues] = useState({ firstname: String(user["firstname"] ?? ""), lastname: String(user["lastname"] ?? ""), email: String(user["email"] ?? ""), timezone: (user["timezone"] as string | undefined) ?? "" });
  const go = (event: FormEvent) => { event.preventDefault(); run.mutate({ command: "updateUser", params: { id: String(user["id"]), ...values } }); };
  return (
    <form className="card stack" onSubmit={go}>
      <h2>{t("You")}</h2>
      <div className="inline-form">
        <TextInput label={t("First name")} value={values.firstname} required onChange={(event) => setValues({ ...values, firstname: event.currentTarget.value })} />
        <TextInput label={t("Last name")} value={values.lastname} required onChange={(event) => setValues({ ...values, lastname: event.currentTarget.value })} />
      </div>
      <TextInput label={t("Email")} type="email" value={values.email} onChange={(event) => setValues({ ...values, email: event.currentTarget.value })} />
      <Select label={t("Time zone")} description={t("Times are shown in the browser's zone; messages of the server use this one")} data={ZONES} searchable clearable limit={60} value={values.timezone || null} onChange={(one) => setValues({ ...values, timezone: one ?? "" })} />
      {run.error && <Explain error={run.error} title={t("It was not changed")} />}
      <div className="row"><Button type="submit" loading={run.isPending}>{t("Keep changes")}</Button>{run.isSuccess && <span className="quiet" role="status">{t("Kept")}</span>}</div>
    </form>
  );
}

function Password({ user }: { user: Row }): ReactNode {
  const run = usePerform();
  const [old, setOld] = useState("");
  const [next, setNext] = useState("");
  const [again, setAgain] = useState("");
  const differs = again !== "" && next !== again;
  const go = (event: FormEvent) => {
    event.preventDefault();
    if (next === again) run.mutate({ command: "updateUser", params: { id: String(user["id"]), currentpassword: old, password: next } }, { onSuccess: () => { setOld(""); setNext(""); setAgain(""); } });
  };
  if (user["usersource"] !== undefined && user["usersource"] !== "native") return <section className="card"><h2 className="part">{t("Password")}</h2><p className="quiet" style={{ margin: 0 }}>{t("You sign in by {source}; your password is kept and changed there.", { source: String(user["usersource"]) })}</p></section>;
  return (
    <form className="card stack" onSubmit={go}>
      <h2>{t("Password")}</h2>
      <input type="text" autoComplete="username" value={String(user["username"])} readOnly hidden />
      <PasswordInput label={t("Password now")} autoComplete="current-password" required value={old} onChange={(event) => setOld(event.currentTarget.value)} />
      <PasswordInput label={t("New password")} autoComplete="new-password" required value={next} onChange={(event) => setNext(event.currentTarget.value)} />
      <PasswordInput label={t("New password again")} autoComplete="new-password" required value={again} onChange={(event) => setAgain(event.currentTarget.value)} error={differs ? t("The two differ") : undefined} />
      {run.error && <Explain error={run.error} title={t("The password was not changed")} />}
      <div className="row"><Button type="submit" disabled={differs} loading={run.isPending}>{t("Change password")}</Button>{run.isSuccess && <span className="quiet" role="status">{t("Changed")}</span>}</div>
    </form>
  );
}

const inner = (answer: Row): Row => (Object.values(answer).find((value) => typeof value === "object" && value !== null && !Array.isArray(value)) as Row | undefined) ?? answer;

function Factor({ user }: { user: Row }): ReactNode {
  const run = usePerform();
  const check = usePerform();
  const [told, setTold] = useState<Row>();
  const [code, setCode] = useState("");
  const on = user["is2faenabled"] === true;
  const begin = (provider: string) => run.mutate({ command: "setupUserTwoFactorAuthentication", params: { enable: true, provider } }, { onSuccess: (answer) => setTold(inner(answer)) });
  const secret = String(told?.["secretcode"] ?? "");
  const pin = told !== undefined && told["uri"] === undefined;
  const uri = String(told?.["uri"] ?? `otpauth://totp/${encodeURIComponent(`Cloudwright:${String(user["username"])}`)}?secret=${secret}&issuer=Cloudwright`);
  return (
    <section className="card stack">
      <h2 className="row">{t("Second factor")} <Status state={on ? "enabled" : "off"} /></h2>
      {!told && !on && <><p className="quiet" style={{ margin: 0 }}>{t("A code besides the password: who learns your password still cannot sign in.")}</p><div className="row wrap"><Button onClick={() => begin("totp")} loading={run.isPending}>{t("Set up an authenticator app")}</Button><Button variant="default" onClick={() => begin("staticpin")} loading={run.isPending}>{t("Use a fixed PIN")}</Button></div></>}
      {!told && on && <><p className="quiet" style={{ margin: 0 }}>{t("A code is asked at each sign-in.")}</p><div><Button variant="default" loading={run.isPending} onClick={() => run.mutate({ command: "setupUserTwoFactorAuthentication", params: { enable: false } })}>{t("Ask for no code any more")}</Button></div></>}
      {told && (
        <form className="stack" onSubmit={(event) => { event.preventDefault(); check.mutate({ command: "validateUserTwoFactorAuthenticationCode", params: { codefor2fa: code } }, { onSuccess: () => { setTold(undefined); setCode(""); } }); }}>
          <div className="row wrap" style={{ alignItems: "flex-start", gap: 20 }}>
            {!pin && <Qr text={uri} label={t("QR code for the authenticator app")} />}
            <div className="stack grow">
              <p style={{ margin: 0 }}>{pin ? t("This is your PIN. It is shown once.") : t("Scan this with an authenticator app, or type the secret into it. It is shown once.")}</p>
              <p style={{ margin: 0 }}><span className="mono" style={{ overflowWrap: "anywhere" }}>{secret}</span> <Copy text={secret} /></p>
              <TextInput label={t("Code")} description={pin ? t("Type the PIN to show that you have it") : t("The six digits it shows now")} inputMode="numeric" autoComplete="one-time-code" maxLength={6} className="mono" w={220} value={code} onChange={(event) => setCode(event.currentTarget.value)} />
              {check.error && <Explain error={check.error} title={t("The code does not fit")} />}
              <div><Button type="submit" disabled={code.length < 6} loading={check.isPending}>{t("Confirm")}</Button></div>
            </div>
          </div>
        </form>
      )}
      {run.error && <Explain error={run.error} title={t("The second factor was not changed")} />}
    </section>
  );
}

export function Profile(): ReactNode {
  const catalogue = useCatalogue();
  const id = me()?.userid ?? "";
  const found = useOne("listUsers", { id, page: 1, pagesize: 1 });
  if (found.error) return <Explain error={found.error as ApiError} title={t("Your user could not be read")} retry={() => void found.refetch()} />;
  const user = found.data;
  if (!user) return <div className="card"><div className="skeleton" /></div>;
  return (
    <>
      <Title title={t("Profile and keys")} line={`${String(user["username"])} · ${String(user["account"])} · ${String(user["rolename"] ?? "")}`} />
      <div className="halves">
        <div className="stack"><Person user={user} />{catalogue.has("updateUser") && <Password user={user} />}</div>
        <div className="stack">{catalogue.has("setupUserTwoFactorAuthentication") && <Factor user={user} />}<UserKeys user={id} /></div>
      </div>
    </>
  );
}
