import { Button, PasswordInput, TextInput } from "@mantine/core";
import { useState, type FormEvent, type ReactNode } from "react";
import { ApiError, call, signIn } from "../api/client";
import { t } from "../lib/words";
import { Explain } from "../ui/Explain";

/** Password first; the second factor where the account has it. */
export function SignIn({ done, over = false }: { done: () => void; over?: boolean }): ReactNode {
  const [name, setName] = useState("");
  const [password, setPassword] = useState("");
  const [domain, setDomain] = useState("");
  const [code, setCode] = useState("");
  const [second, setSecond] = useState(false);
  const [failed, setFailed] = useState<ApiError>();
  const [busy, setBusy] = useState(false);
  const go = async (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    setFailed(undefined);
    try {
      if (second) await call("validateUserTwoFactorAuthenticationCode", { codefor2fa: code });
      else {
        const me = await signIn(name, password, domain);
        if (me.is2faenabled === "true" && me.is2faverified !== "true") return setSecond(true);
      }
      done();
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      setFailed(error);
    } finally {
      setBusy(false);
    }
  };
  return (
    <main className="sign-in">
      <form className="card stack" onSubmit={go} aria-label={t("Sign in")}>
        <img src="/client/mark.svg" width={40} height={40} alt="" />
        <h1>{over ? t("Sign in again") : t("Sign in")}</h1>
        {over && <p className="quiet">{t("Your session ended. What you were doing is still here.")}</p>}
        {second ? (
          <TextInput label={t("Code of your second factor")} inputMode="numeric" autoComplete="one-time-code" value={code} onChange={(event) => setCode(event.currentTarget.value)} autoFocus required />
        ) : (
          <>
            <TextInput label={t("User")} autoComplete="username" value={name} onChange={(event) => setName(event.currentTarget.value)} autoFocus required />
            <PasswordInput label={t("Password")} autoComplete="current-password" value={password} onChange={(event) => setPassword(event.currentTarget.value)} required />
            <TextInput label={t("Domain")} description={t("Such as eng/dev; empty for the root domain")} autoComplete="organization" value={domain} onChange={(event) => setDomain(event.currentTarget.value)} />
          </>
        )}
        {failed && <Explain error={failed} title={t("You were not signed in")} />}
        <Button type="submit" loading={busy}>{t("Sign in")}</Button>
      </form>
    </main>
  );
}
