// Signing in: the password; then what is due besides: a second factor shown or set up, a new password.
import { Button, PasswordInput, TextInput } from "@mantine/core";
import { lazy, Suspense, useEffect, useRef, useState, type FormEvent, type ReactNode } from "react";
import { ApiError, byLetter, enter, me, send, signIn, type Me } from "../../api/client";
import { arrived, open, ways, type Way } from "../../api/vouched";
import { t } from "../../lib/words";
import { Explain } from "../../ui/Explain";
import "./sign-in.css";

const SetUp = lazy(() => import("./SetUp").then((part) => ({ default: part.SetUp })));

const Forgotten = lazy(() => import("./Forgotten").then((part) => ({ default: part.Forgotten })));

type Stage = "password" | "code" | "setup" | "renew" | "forgotten";

/** What comes after the password. */
function due(who: Me): Stage | undefined {
  if (who.is2faenabled === "true" && who.is2faverified !== "true") return who.providerfor2fa ? "code" : "setup";
  return who.passwordchangerequired ? "renew" : undefined;
}

export function SignIn({ done, over = false }: { done: () => void; over?: boolean }): ReactNode {
  const [name, setName] = useState(over ? (me()?.username ?? "") : "");
  const [password, setPassword] = useState("");
  const [next, setNext] = useState("");
  const [domain, setDomain] = useState("");
  const [code, setCode] = useState("");
  const [who, setWho] = useState<Me>();
  const [letter] = useState(byLetter() ? new URLSearchParams(location.search) : undefined);
  const [stage, setStage] = useState<Stage>(letter ? "forgotten" : "password");
  const [failed, setFailed] = useState<ApiError>();
  const [busy, setBusy] = useState(false);
  const inside = () => {
    if (enter()) done();
    else location.assign("/client/"); // the page was another user's
  };
  const [others, setOthers] = useState<Way[]>([]);
  const proceed = (stage: Stage | undefined) => (stage ? setStage(stage) : inside());
  const come = useRef(async () => {
    try {
      const told = over || letter ? undefined : await arrived();
      if (!told) return setOthers(await ways());
      setWho(told);
      proceed(due(told));
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      setFailed(error);
      setOthers(await ways());
    }
  });
  useEffect(() => void come.current(), []);
  const step = async () => {
    if (stage === "password") {
      const told = await signIn(name, password, domain);
      setWho(told);
      proceed(due(told));
    } else if (stage === "code") {
      await send("validateUserTwoFactorAuthenticationCode", { codefor2fa: code });
      proceed(who?.passwordchangerequired ? "renew" : undefined);
    } else {
      await send("updateUser", { id: who?.userid, currentpassword: password, password: next });
      const told = await signIn(name, next, domain); // a new password ends the sessions of the old one
      setPassword(next);
      proceed(due(told));
    }
  };
  const go = async (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    setFailed(undefined);
    try {
      await step();
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (stage !== "password" && error.status === 401) setStage("password"); // it took too long
      setCode("");
      setFailed(error);
    } finally {
      setBusy(false);
    }
  };
  const Frame = over ? "div" : "main";
  const heading = { password: over ? t("Sign in again") : t("Sign in"), code: t("Second factor"), setup: t("Set up a second factor"), renew: t("A new password"), forgotten: letter ? t("A new password") : t("Forgotten password") }[stage];
  const returned = (user: string, path: string) => {
    if (letter) history.replaceState(null, "", "/client/");
    setName(user);
    setDomain(path);
    setStage("password");
  };
  const waiting = <span className="status busy" role="status">{t("Reading…")}</span>;
  return (
    <Frame className="sign-in">
      <div className="card stack">
        <img src="/client/mark.svg" width={40} height={40} alt="" />
        <h1>{heading}</h1>
        {over && stage === "password" && <p className="quiet">{t("Your session ended. What you were doing is still here.")}</p>}
        {stage === "setup" ? (
          <Suspense fallback={waiting}><SetUp shown={() => proceed(who?.passwordchangerequired ? "renew" : undefined)} /></Suspense>
        ) : stage === "forgotten" ? (
          <Suspense fallback={waiting}><Forgotten told={letter} name={name} domain={domain} done={returned} /></Suspense>
        ) : (
          <form className="stack" onSubmit={go} aria-label={heading} key={stage}>
            {stage === "password" && (
              <>
                <TextInput label={t("User")} autoComplete="username" value={name} onChange={(event) => setName(event.currentTarget.value)} autoFocus={!name} required />
                <PasswordInput label={t("Password")} autoComplete="current-password" value={password} onChange={(event) => setPassword(event.currentTarget.value)} autoFocus={over && name !== ""} required />
                <TextInput label={t("Domain")} description={over ? t("Such as eng/dev; empty for the one you were in") : t("Such as eng/dev; empty for the root domain")} autoComplete="organization" value={domain} onChange={(event) => setDomain(event.currentTarget.value)} />
              </>
            )}
            {stage === "code" && <TextInput label={t("Code of your second factor")} description={who?.providerfor2fa === "staticpin" ? t("Your PIN of six digits") : t("The six digits your authenticator app shows now")} inputMode="numeric" autoComplete="one-time-code" classNames={{ input: "mono" }} value={code} onChange={(event) => setCode(event.currentTarget.value)} autoFocus required />}
            {stage === "renew" && <><p className="quiet">{t("An administrator wants you to choose a password of your own before anything else.")}</p><PasswordInput label={t("New password")} autoComplete="new-password" value={next} onChange={(event) => setNext(event.currentTarget.value)} autoFocus required /></>}
            {failed && <Explain error={failed} title={t("You were not signed in")} />}
            <Button type="submit" loading={busy}>{stage === "renew" ? t("Change password") : t("Sign in")}</Button>
            {stage === "password" && others.map((way) => <Button key={way.key} variant="default" onClick={() => way.go(domain)}>{t("Sign in with {name}", { name: way.name })}</Button>)}
            {stage === "password" && open("forgotten") && <button type="button" className="chip" onClick={() => { setStage("forgotten"); setFailed(undefined); }}>{t("Forgotten password")}</button>}
          </form>
        )}
        {stage !== "password" && stage !== "forgotten" && <button type="button" className="chip" onClick={() => { setStage("password"); setFailed(undefined); }}>{t("Begin again")}</button>}
      </div>
    </Frame>
  );
}

/** The same over the page, of which nothing is lost: it cannot be passed by. */
export function SignInAgain({ done }: { done: () => void }): ReactNode {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const before = document.activeElement as HTMLElement | null;
    dialog.current?.showModal();
    [...(dialog.current?.querySelectorAll("input") ?? [])].find((input) => !input.value)?.focus();
    return () => before?.focus();
  }, []);
  return <dialog ref={dialog} className="over" aria-label={t("Sign in again")} onCancel={(event) => event.preventDefault()}><SignIn over done={done} /></dialog>;
}
