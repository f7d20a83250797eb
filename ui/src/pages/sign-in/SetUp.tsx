// A second factor, set up: an authenticator app by QR code, or a fixed PIN. It is in force once its code was shown.
import { Button, TextInput } from "@mantine/core";
import { useState, type FormEvent, type ReactNode } from "react";
import { ApiError, send, type Row } from "../../api/client";
import { t } from "../../lib/words";
import { Explain } from "../../ui/Explain";
import { Qr } from "../../ui/Qr";
import { Copy } from "../../ui/values";

export function SetUp({ shown }: { shown: () => void }): ReactNode {
  const [told, setTold] = useState<Row>();
  const [code, setCode] = useState("");
  const [failed, setFailed] = useState<ApiError>();
  const [busy, setBusy] = useState(false);
  const attempt = async (work: () => Promise<void>) => {
    setBusy(true);
    setFailed(undefined);
    try {
      await work();
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      setFailed(error);
    } finally {
      setBusy(false);
    }
  };
  const begin = (provider: string) => attempt(async () => setTold((await send("setupUserTwoFactorAuthentication", { enable: true, provider }))["setup2fa"] as Row));
  const confirm = (event: FormEvent) => {
    event.preventDefault();
    void attempt(async () => {
      await send("validateUserTwoFactorAuthenticationCode", { codefor2fa: code });
      shown();
    });
  };
  const secret = String(told?.["secretcode"] ?? "");
  const uri = told?.["uri"] as string | undefined; // a PIN has none
  if (!told) return (
    <>
      <p className="quiet">{t("A code besides the password: who learns your password still cannot sign in.")}</p>
      <Button onClick={() => void begin("totp")} loading={busy}>{t("Set up an authenticator app")}</Button>
      <Button variant="default" onClick={() => void begin("staticpin")} loading={busy}>{t("Use a fixed PIN")}</Button>
      {failed && <Explain error={failed} title={t("The second factor was not changed")} />}
    </>
  );
  return (
    <form className="stack" onSubmit={confirm} aria-label={t("Set up a second factor")}>
      <p>{uri ? t("Scan this with an authenticator app, or type the secret into it. It is shown once.") : t("This is your PIN. It is shown once.")}</p>
      {uri && <Qr text={uri} label={t("QR code for the authenticator app")} />}
      <p><span className="mono" data-secret>{secret}</span> <Copy text={secret} /></p>
      <TextInput label={t("Code")} description={uri ? t("The six digits it shows now") : t("Type the PIN to show that you have it")} inputMode="numeric" autoComplete="one-time-code" maxLength={6} classNames={{ input: "mono" }} value={code} onChange={(event) => setCode(event.currentTarget.value)} autoFocus required />
      {failed && <Explain error={failed} title={t("The code does not fit")} />}
      <Button type="submit" loading={busy}>{t("Confirm")}</Button>
    </form>
  );
}
