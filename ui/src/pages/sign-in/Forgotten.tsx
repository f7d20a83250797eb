// A forgotten password: asks for a letter, and sets a new one by the link in it.
import { Button, PasswordInput, TextInput } from "@mantine/core";
import { useState, type FormEvent, type ReactNode } from "react";
import { ApiError, send } from "../../api/client";
import { t } from "../../lib/words";
import { Explain } from "../../ui/Explain";

/** `told`: what the letter's link says. Where there is none, a letter is asked for. */
export function Forgotten({ told, name, domain, done }: { told: URLSearchParams | undefined; name: string; domain: string; done: (name: string, domain: string) => void }): ReactNode {
  const [username, setUsername] = useState(told?.get("username") ?? name);
  const [path, setPath] = useState(told?.get("domain") ?? domain);
  const [next, setNext] = useState("");
  const [failed, setFailed] = useState<ApiError>();
  const [stage, setStage] = useState<"open" | "busy" | "sent" | "set">("open");
  const go = async (event: FormEvent) => {
    event.preventDefault();
    setStage("busy");
    setFailed(undefined);
    try {
      if (told) await send("resetPassword", { username, domain: path, token: told.get("token") ?? "", password: next });
      else await send("forgotPassword", { username, domain: path });
      setStage(told ? "set" : "sent");
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      setFailed(error);
      setStage("open");
    }
  };
  const back = <Button variant={stage === "set" ? "filled" : "default"} onClick={() => done(username, path)}>{t("To the sign-in")}</Button>;
  if (stage === "sent" || stage === "set") return (
    <>
      <p role="status">{stage === "sent" ? t("If there is such a user, and its e-mail address is known, a letter is on its way. The link in it sets a new password.") : t("The new password is set. All sessions of {name} ended.", { name: username })}</p>
      {back}
    </>
  );
  return (
    <form className="stack" onSubmit={go} aria-label={told ? t("A new password") : t("Forgotten password")}>
      {told ? (
        <>
          <p className="quiet">{path ? t("For {name} in domain {domain}", { name: username, domain: path }) : t("For {name}", { name: username })}</p>
          <input type="text" autoComplete="username" value={username} readOnly hidden />
          <PasswordInput label={t("New password")} autoComplete="new-password" value={next} onChange={(event) => setNext(event.currentTarget.value)} autoFocus required />
        </>
      ) : (
        <>
          <p className="quiet">{t("A letter with a link is sent to the user's e-mail address.")}</p>
          <TextInput label={t("User")} autoComplete="username" value={username} onChange={(event) => setUsername(event.currentTarget.value)} autoFocus required />
          <TextInput label={t("Domain")} description={t("Such as eng/dev; empty for the root domain")} autoComplete="organization" value={path} onChange={(event) => setPath(event.currentTarget.value)} />
        </>
      )}
      {failed && <Explain error={failed} title={told ? t("The password was not changed") : t("No letter was sent")} />}
      <Button type="submit" loading={stage === "busy"}>{told ? t("Change password") : t("Send a letter")}</Button>
      {back}
    </form>
  );
}
